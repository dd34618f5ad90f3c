#include "services/dispatch/domain/explanations.h"

#include "civicmesh/options/v1/options.pb.h"
#include "services/dispatch/domain/clocks.h"

namespace civicmesh::dispatch {
namespace {

v1::Choice ChoiceOf(v1::ExplanationCode code) {
  switch (code) {
    case v1::EXPLANATION_CODE_CLASS_PROPOSED:
    case v1::EXPLANATION_CODE_CLASS_CHOSEN:
    case v1::EXPLANATION_CODE_CLASS_OPEN:
    case v1::EXPLANATION_CODE_CLASS_NONE:
      return v1::CHOICE_CLASS;
    case v1::EXPLANATION_CODE_GRID_CONTAINS:
    case v1::EXPLANATION_CODE_GRID_NONE:
      return v1::CHOICE_GRID;
    case v1::EXPLANATION_CODE_UNIT_BY_DUTY:
    case v1::EXPLANATION_CODE_UNIT_FALLBACK:
    case v1::EXPLANATION_CODE_UNIT_OVERRIDDEN:
      return v1::CHOICE_UNIT;
    case v1::EXPLANATION_CODE_DEADLINE_COUNTED:
    case v1::EXPLANATION_CODE_DEADLINE_PROVISIONAL:
    case v1::EXPLANATION_CODE_DEADLINE_EXTENDED:
    case v1::EXPLANATION_CODE_DEADLINE_RESUMED:
      return v1::CHOICE_DEADLINE;
    case v1::EXPLANATION_CODE_DUPLICATE_NONE:
    case v1::EXPLANATION_CODE_DUPLICATE_MERGED:
    case v1::EXPLANATION_CODE_DUPLICATE_HINT:
    case v1::EXPLANATION_CODE_CASE_MERGED:
      return v1::CHOICE_DUPLICATE;
    default:
      return v1::CHOICE_UNSPECIFIED;
  }
}

const options::v1::ReasonText& TextsOf(v1::ExplanationCode code) {
  const auto* value = v1::ExplanationCode_descriptor()->FindValueByNumber(code);
  return value ? value->options().GetExtension(options::v1::reason) : options::v1::ReasonText::default_instance();
}

std::string Fill(const std::string& text, const v1::Explanation& explanation) {
  std::string told;
  size_t at = 0;
  while (at < text.size()) {
    const size_t open = text.find('{', at), close = open == std::string::npos ? open : text.find('}', open);
    if (close == std::string::npos) break;
    told.append(text, at, open - at);
    auto fact = explanation.facts().find(text.substr(open + 1, close - open - 1));
    told.append(fact == explanation.facts().end() || fact->second.empty() ? "—" : fact->second);
    at = close + 1;
  }
  return told.append(text, at);
}

}  // namespace

v1::Explanation Explain(v1::ExplanationCode code, int64_t now_ms,
                        std::initializer_list<std::pair<const char*, std::string>> facts) {
  v1::Explanation explanation;
  explanation.set_choice(ChoiceOf(code));
  explanation.set_code(code);
  for (const auto& [name, value] : facts) (*explanation.mutable_facts())[name] = value;
  *explanation.mutable_made_at() = ToTimestamp(now_ms);
  return explanation;
}

std::string TellZh(const v1::Explanation& e) { return Fill(TextsOf(e.code()).zh(), e); }
std::string TellEn(const v1::Explanation& e) { return Fill(TextsOf(e.code()).en(), e); }

}  // namespace civicmesh::dispatch
