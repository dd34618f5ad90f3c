// Which minor class of the standard a citizen's text speaks of, and on what grounds anyone can recount.
//
// A class's score is the sum of the weights of its keywords that occur in the text, each counted once; the earlier
// class wins where two are equal. The best is proposed when it has at least kMinScore and leads by at least kMinMargin;
// else the proposal names no class: a person has to choose. Confidence is best / (best + second + kDoubt), in percent.
//
//   Classifier classifier(standard);
//   CategoryProposal p = classifier.Propose("路口的垃圾桶满了三天没人收");
//   // p.class_code() == "E0192", p.evidence() == {{"垃圾桶满", 8}, {"没人收", 3}}, p.proposed_by() == kName
//
// A standard without any keyword gets them from its classes' names (DerivedKeywords). Immutable, so thread-safe; a text
// of 2,000 characters takes well under a millisecond against thousands of keywords.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "civicmesh/intake/v1/intake_events.pb.h"
#include "civicmesh/reference/v1/reference.pb.h"

namespace civicmesh::intake {

class Classifier {
 public:
  static constexpr char kName[] = "text:keywords-1";
  static constexpr int kMinScore = 4;
  static constexpr int kMinMargin = 2;
  static constexpr int kDoubt = 3;

  explicit Classifier(const reference::v1::Standard& standard);

  v1::CategoryProposal Propose(std::string_view text) const;

 private:
  struct Keyword {
    std::string text;   // ASCII letters in lower case
    std::string shown;  // as the standard has it
    int class_index;
    int weight;
  };

  std::string standard_version_;
  std::vector<std::string> codes_;
  std::vector<Keyword> keywords_;
  // By their first two characters (one: the second is 0), so that only what can match at a place is compared there.
  absl::flat_hash_map<uint64_t, std::vector<int>> starts_;
};

// Per class, for a standard as cities publish it, with names only: the whole name, and its pairs of neighbouring
// characters, which weigh the more the fewer classes share them and nothing where more than four do.
std::vector<std::vector<reference::v1::Keyword>> DerivedKeywords(const reference::v1::Standard& standard);

}  // namespace civicmesh::intake
