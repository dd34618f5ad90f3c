#include <cmath>
#include <string>

#include "civicmesh/intake/v1/intake_events.pb.h"
#include "civicmesh/type/v1/type.pb.h"
#include "services/analytics/domain/kpi.h"

namespace civicmesh::analytics {
namespace {

constexpr size_t kJudgedFrom = 200;
constexpr double kZ95 = 1.959963984540054;  // two-sided

// "CITIZEN_APP" of REPORT_SOURCE_CITIZEN_APP; the names live as long as the program.
std::string_view NameOf(const google::protobuf::EnumDescriptor* values, int number, std::string_view prefix) {
  const auto* value = values->FindValueByNumber(number);
  return value ? std::string_view(value->name()).substr(prefix.size()) : std::string_view("UNKNOWN");
}

std::string_view ClassName(uint8_t camera_class) {
  static const auto* const names = [] {
    auto* made = new std::vector<std::string>;
    for (int i = 0; i < 256; ++i) made->push_back((i < 10 ? "0" : "") + std::to_string(i));
    return made;
  }();
  return (*names)[camera_class];
}

// Visits the reports made in the window that are known; `series` names each.
template <typename Series>
void VisitReports(const Facts& facts, const Question& q, Visit visit, Series series) {
  for (const Report& report : facts.reports()) {
    const int known = StepBefore(report.steps, q.as_of_ms + 1);
    if (known < 0 || !q.InWindow(report.reported_ms)) continue;
    visit({.name = report.name,
           .at_ms = report.reported_ms,
           .numerator = true,
           .groups = GroupsOf(facts, report, q.as_of_ms),
           .series = series(report, report.steps[known])});
  }
}

}  // namespace

Groups GroupsOf(const Facts& facts, const Report& report, int64_t as_of_ms) {
  const Taking* taken = facts.TakenBefore(report, as_of_ms + 1);
  if (!taken) return {};
  const Case& c = facts.cases()[taken->by];
  const int known = StepBefore(c.steps, as_of_ms + 1);
  return known < 0 ? Groups{} : GroupsOf(c.steps[known]);
}

void VisitDuplicates(const Facts& facts, const Question& q, Visit visit) {
  for (const Report& report : facts.reports()) {
    const Taking* taken = facts.TakenBefore(report, q.as_of_ms + 1);
    if (!taken || !q.Happened(taken->at_ms)) continue;
    visit({.name = report.name,
           .at_ms = taken->at_ms,
           .numerator = taken->merged,
           .denominator = true,
           .groups = GroupsOf(facts, report, q.as_of_ms)});
  }
}

void VisitReportsBySource(const Facts& facts, const Question& q, Visit visit) {
  VisitReports(facts, q, visit, [](const Report& report, const ReportStep&) {
    return NameOf(type::v1::ReportSource_descriptor(), report.source, "REPORT_SOURCE_");
  });
}

void VisitReportsByStatus(const Facts& facts, const Question& q, Visit visit) {
  VisitReports(facts, q, visit, [](const Report&, const ReportStep& step) {
    return NameOf(intake::v1::ReportStatus_descriptor(), step.status, "REPORT_STATUS_");
  });
}

void VisitNotices(const Facts& facts, const Question& q, Visit visit) {
  for (const Report& report : facts.reports()) {
    for (size_t i = 0; i < report.steps.size(); ++i) {
      const ReportStep& step = report.steps[i];
      if (step.notice == 0 || !q.Happened(step.at_ms)) continue;
      visit({.name = report.name,
             .ordinal = static_cast<int64_t>(i),
             .at_ms = step.at_ms,
             .numerator = true,
             .groups = GroupsOf(facts, report, q.as_of_ms),
             .series = NameOf(intake::v1::NoticeKind_descriptor(), step.notice, "NOTICE_KIND_")});
    }
  }
}

void VisitPrecision(const Facts& facts, const Question& q, Visit visit) {
  for (const Alert& alert : facts.alerts()) {
    const bool reviewed = alert.reviewed_ms && alert.reviewed_ms < q.end_ms();
    if (!q.Happened(reviewed ? alert.reviewed_ms : alert.raised_ms)) continue;
    // Right is what is there and is what the model called it.
    const bool other = alert.true_camera_class && alert.true_camera_class != alert.camera_class;
    visit({.name = alert.name,
           .at_ms = reviewed ? alert.reviewed_ms : alert.raised_ms,
           .numerator = reviewed && alert.confirmed && !other,
           .denominator = reviewed,
           .exclusion = reviewed ? v1::KPI_EXCLUSION_UNSPECIFIED : v1::KPI_EXCLUSION_NOT_REVIEWED,
           .series = ClassName(alert.camera_class),
           .weight = reviewed && alert.confirmed && other});
  }
}

void BesidePrecision(const Tally& tally, v1::Figure& figure) {
  const double n = static_cast<double>(tally.denominator);
  figure.set_too_few(tally.denominator < static_cast<int64_t>(kJudgedFrom));
  if (n > 0) {
    const double p = tally.numerator / n, z2 = kZ95 * kZ95;
    const double low = (p + z2 / (2 * n) - kZ95 * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n);
    AddBeside(figure, "wilson_lower_95", std::max(0.0, low), v1::KPI_UNIT_RATIO);
  }
  if (const double all = n + tally.Excluded(v1::KPI_EXCLUSION_NOT_REVIEWED); all > 0)
    AddBeside(figure, "review_coverage", n / all, v1::KPI_UNIT_RATIO);
  if (n > 0) AddBeside(figure, "confirmed_as_other_class", tally.weight / n, v1::KPI_UNIT_RATIO);
}

}  // namespace civicmesh::analytics
