// A release reads what every release before it has written: journals that were recorded once fold to the states, and
// tell the public facts, that they told then.
//
// Where this fails, an installation's history would read differently after the next update. A change that is meant
// needs a new fold version (R12), and tests/frozen/record says anew what the same bytes fold to; the bytes stay.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "services/civicctl/domains.h"
#include "services/civicctl/shard_image.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/journal/memory_journal.h"

namespace civicmesh {
namespace {

struct Told {
  std::string state;  // a digest of streams, outcomes, policies and rows
  std::string facts;  // a digest of all public facts with their ids
  int64_t records = 0;
};

// The journals of one domain as tests/frozen/record wrote them: "dispatch/3", and below it a record a line.
absl::StatusOr<std::map<std::string, Told>> FoldAll(const civicctl::Domain& domain, int shards) {
  std::ifstream file(absl::StrCat(FROZEN_FOLDER, "/", domain.name, ".journal"));
  MemoryLog log(shards, [] { return 1; });
  MemoryJournal journal(&log);
  auto session = journal.NewAppender();
  std::vector<int64_t> ends(shards);
  int shard = -1;
  for (std::string line, bytes; std::getline(file, line);) {
    if (line.starts_with(domain.name + "/")) {
      shard = std::stoi(line.substr(domain.name.size() + 1));
      continue;
    }
    if (shard < 0 || shard >= shards || !absl::Base64Unescape(line, &bytes))
      return absl::DataLossError(absl::StrCat("not a record: ", line.substr(0, 40)));
    if (auto appended = session->Append({Topic::kJournal, shard}, bytes, {}); !appended.ok()) return appended;
    ++ends[shard];
  }
  std::map<std::string, Told> all;
  for (shard = 0; shard < shards; ++shard) {
    auto folded = civicctl::FoldJournal(journal, shard, domain.machines, ends[shard]);
    if (!folded.ok()) return folded.status();
    std::string facts;
    for (const auto& [id, hash] : folded->facts) absl::StrAppend(&facts, id.first, "/", id.second, " ", hash, "\n");
    all[absl::StrCat(domain.name, "/", shard)] = {civicctl::Digest(folded->image, domain.stream),
                                                  absl::BytesToHexString(Sha256(facts).substr(0, 8)), ends[shard]};
  }
  return all;
}

TEST(FrozenJournals, FoldToWhatTheyFoldedTo) {
  std::ifstream file(absl::StrCat(FROZEN_FOLDER, "/folded.txt"));
  std::map<std::string, std::string> expected;
  for (std::string line; std::getline(file, line);) expected[line.substr(0, line.find(' '))] = line;
  std::string found;
  int64_t records = 0;
  for (const auto& domain : civicctl::Domains()) {
    auto folded = FoldAll(domain, 8);
    ASSERT_TRUE(folded.ok()) << domain.name << ": " << folded.status();
    for (const auto& [name, told] : *folded) {
      const std::string line =
          absl::StrCat(name, " ", told.records, " records, state ", told.state, ", facts ", told.facts);
      EXPECT_EQ(expected[name], line);
      absl::StrAppend(&found, line, "\n");
      records += told.records;
    }
  }
  EXPECT_GT(records, 100);
  if (const char* path = std::getenv("CIVICMESH_FROZEN_FOLDED")) std::ofstream(path) << found;
}

}  // namespace
}  // namespace civicmesh
