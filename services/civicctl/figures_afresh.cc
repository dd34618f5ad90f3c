#include "services/civicctl/figures_afresh.h"

#include <google/protobuf/util/message_differencer.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/analytics/domain/figures.h"

namespace civicmesh::civicctl {
namespace {

constexpr int64_t kFromMs = 946'656'000'000;  // 2000-01-01: before anything
constexpr analytics::v1::GroupBy kBreakdowns[] = {analytics::v1::GROUP_BY_UNSPECIFIED, analytics::v1::GROUP_BY_STREET,
                                                  analytics::v1::GROUP_BY_MAJOR_CLASS, analytics::v1::GROUP_BY_UNIT};

void FromMs(int64_t ms, google::protobuf::Timestamp* time) {
  time->set_seconds(ms / 1000);
  time->set_nanos(static_cast<int>(ms % 1000) * 1'000'000);
}

std::string Difference(const analytics::v1::Kpi& afresh, const analytics::v1::Kpi& answered) {
  google::protobuf::util::MessageDifferencer differencer;
  std::string report;
  differencer.ReportDifferencesToString(&report);
  if (differencer.Compare(afresh, answered)) return "";
  return absl::StrReplaceAll(report.substr(0, report.find_last_not_of('\n') + 1), {{"\n", "; "}});
}

}  // namespace

absl::Status FiguresAfresh::Take(const std::string& domain, int shard, int64_t offset, int index,
                                 const PublicEvent& fact) {
  if (!analytics::IsFolded(fact.type)) return absl::OkStatus();
  const auto* event = parser_.Parse(fact.type, fact.bytes);
  if (event == nullptr)
    return absl::DataLossError(absl::StrCat(domain, "/", shard, "/", offset, "/", index, " is no ", fact.type));
  facts_.Apply({.domain = domain, .shard = shard, .id = {offset, index}}, *event);
  return absl::OkStatus();
}

absl::StatusOr<FiguresAfresh::Verdict> FiguresAfresh::Compare(const Ask& ask) const {
  Verdict verdict;
  const analytics::Question question{
      .from_ms = kFromMs, .to_ms = facts_.latest_ms() + 1, .as_of_ms = facts_.latest_ms()};
  if (question.to_ms <= question.from_ms) return verdict;
  for (const auto breakdown : kBreakdowns) {
    analytics::v1::ListKpisRequest request;
    FromMs(question.from_ms, request.mutable_window()->mutable_start());
    FromMs(question.to_ms, request.mutable_window()->mutable_end());
    FromMs(question.as_of_ms, request.mutable_as_of());
    request.set_group_by(breakdown);
    auto answer = ask(request);
    if (!answer.ok()) return answer.status();
    std::map<std::string, analytics::v1::Kpi> answered;
    for (auto& kpi : *answer->mutable_kpis()) answered[kpi.name()] = std::move(kpi);
    for (const auto& definition : analytics::Kpis()) {
      const auto afresh = analytics::ComputeKpi(definition, facts_, question, breakdown);
      ++verdict.compared;
      if (std::string difference = Difference(afresh, answered[afresh.name()]); !difference.empty())
        verdict.differences.push_back(
            absl::StrCat("analytics: ", afresh.name(), ", ", analytics::v1::GroupBy_Name(breakdown), ": ", difference));
    }
  }
  return verdict;
}

}  // namespace civicmesh::civicctl
