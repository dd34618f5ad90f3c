#include "services/intake/text/classifier.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "services/runtime/personal/utf8.h"

namespace civicmesh::intake {
namespace {

constexpr int kNameWeight = 10;
// By how many classes share a pair of characters, from one on.
constexpr int kPairWeights[] = {4, 3, 2, 2};

std::string Lower(std::string_view text) { return absl::AsciiStrToLower(absl::string_view(text.data(), text.size())); }

uint64_t StartOf(char32_t first, char32_t second) { return static_cast<uint64_t>(first) << 32 | second; }

// Latin letters, digits, signs and Chinese punctuation part words from each other.
bool IsWordCharacter(char32_t code) { return code >= 0x3400 && code <= 0x9FFF; }

std::set<std::string> PairsOf(const std::string& name) {
  std::set<std::string> pairs;
  const auto characters = Characters(name);
  for (size_t i = 0; i + 1 < characters.size(); ++i)
    if (IsWordCharacter(characters[i].code) && IsWordCharacter(characters[i + 1].code))
      pairs.insert(name.substr(characters[i].begin, characters[i + 1].end - characters[i].begin));
  return pairs;
}

}  // namespace

std::vector<std::vector<reference::v1::Keyword>> DerivedKeywords(const reference::v1::Standard& standard) {
  std::map<std::string, size_t> shared_by;
  for (const auto& minor : standard.classes())
    for (const auto& pair : PairsOf(minor.name_zh())) ++shared_by[pair];
  std::vector<std::vector<reference::v1::Keyword>> out;
  for (const auto& minor : standard.classes()) {
    std::map<std::string, int> words;
    for (const auto& pair : PairsOf(minor.name_zh()))
      if (shared_by[pair] <= std::size(kPairWeights)) words[pair] = kPairWeights[shared_by[pair] - 1];
    if (!minor.name_zh().empty()) words[minor.name_zh()] = kNameWeight;
    auto& keywords = out.emplace_back();
    for (const auto& [text, weight] : words) {
      keywords.emplace_back().set_text(text);
      keywords.back().set_weight(weight);
    }
  }
  return out;
}

Classifier::Classifier(const reference::v1::Standard& standard) : standard_version_(standard.version()) {
  const bool has_keywords = std::any_of(standard.classes().begin(), standard.classes().end(),
                                        [](const auto& minor) { return minor.keywords_size() > 0; });
  const auto derived = has_keywords ? decltype(DerivedKeywords(standard))() : DerivedKeywords(standard);
  const auto add = [this](const reference::v1::Keyword& keyword, int class_index) {
    std::string text = Lower(keyword.text());
    const auto characters = Characters(text);
    if (characters.empty()) return;
    auto& same_start = starts_[StartOf(characters[0].code, characters.size() > 1 ? characters[1].code : 0)];
    // Once per class, whatever the standard repeats.
    for (int there : same_start)
      if (keywords_[there].text == text && keywords_[there].class_index == class_index) return;
    same_start.push_back(static_cast<int>(keywords_.size()));
    keywords_.push_back({std::move(text), keyword.text(), class_index, keyword.weight()});
  };
  for (int i = 0; i < standard.classes_size(); ++i) {
    codes_.push_back(standard.classes(i).code());
    for (const auto& keyword : standard.classes(i).keywords()) add(keyword, i);
    if (!has_keywords)
      for (const auto& keyword : derived[i]) add(keyword, i);
  }
}

v1::CategoryProposal Classifier::Propose(std::string_view raw) const {
  const std::string text = Lower(raw);
  const auto characters = Characters(text);
  std::vector<bool> seen(keywords_.size(), false);
  std::vector<const Keyword*> found;
  const auto look = [&](size_t at, uint64_t start) {
    auto it = starts_.find(start);
    if (it == starts_.end()) return;
    for (int index : it->second) {
      const Keyword& keyword = keywords_[index];
      if (seen[index] || text.compare(characters[at].begin, keyword.text.size(), keyword.text) != 0) continue;
      seen[index] = true;
      found.push_back(&keyword);
    }
  };
  for (size_t i = 0; i < characters.size(); ++i) {
    look(i, StartOf(characters[i].code, 0));
    if (i + 1 < characters.size()) look(i, StartOf(characters[i].code, characters[i + 1].code));
  }
  std::vector<int> scores(codes_.size() + 1, 0);  // one more, so that there is always a second
  for (const Keyword* keyword : found) scores[keyword->class_index] += keyword->weight;

  v1::CategoryProposal proposal;
  proposal.set_proposed_by(kName);
  proposal.set_standard_version(standard_version_);
  const size_t best = std::max_element(scores.begin(), scores.end()) - scores.begin();
  const int best_score = std::exchange(scores[best], -1);
  const size_t second = std::max_element(scores.begin(), scores.end()) - scores.begin();
  const int second_score = std::max(scores[second], 0);
  if (best_score >= kMinScore && best_score - second_score >= kMinMargin) {
    proposal.set_class_code(codes_[best]);
    proposal.set_confidence(100 * best_score / (best_score + second_score + kDoubt));
    if (second_score > 0) proposal.set_second_class_code(codes_[second]);
  }
  std::vector<std::pair<int, std::string>> evidence;
  for (const Keyword* keyword : found)
    if (keyword->class_index == static_cast<int>(best)) evidence.emplace_back(-keyword->weight, keyword->shown);
  std::sort(evidence.begin(), evidence.end());
  for (const auto& [weight, shown] : evidence) {
    auto* one = proposal.add_evidence();
    one->set_text(shown);
    one->set_weight(-weight);
  }
  return proposal;
}

}  // namespace civicmesh::intake
