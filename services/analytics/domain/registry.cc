#include "services/analytics/domain/kpi.h"

namespace civicmesh::analytics {
namespace {

constexpr int64_t kDayMs = 24 * 3600 * 1000;

}  // namespace

const std::vector<KpiDefinition>& Kpis() {
  using namespace v1;
  // clang-format off
  static const auto* const all = new std::vector<KpiDefinition>{
      {"avg_response_time", "平均响应时间", "Mean response time",
       "From the report to the moment when the unit has signed and the reporter can read it; cases reported in the window",
       1, KPI_KIND_MEAN, KPI_UNIT_MINUTES, VisitResponse, BesideResponse},
      {"closure_rate", "办结率", "Closure rate",
       "Cases due in the window that are closed by its end",
       1, KPI_KIND_RATIO, KPI_UNIT_RATIO, VisitClosure, BesideClosure},
      {"on_time_closure_rate", "按期办结率", "On-time closure rate",
       "Cases due in the window that are closed by its end and whose unit kept the deadline",
       1, KPI_KIND_RATIO, KPI_UNIT_RATIO, VisitOnTimeClosure, BesideClosure},
      {"overdue_open", "超期未处置", "Overdue and open",
       "Cases whose deadline has passed without the unit's feedback, at the end of the window",
       1, KPI_KIND_COUNT, KPI_UNIT_CASES, VisitOverdueOpen},
      {"registration_rate", "立案率", "Registration rate",
       "Cases accepted in the window that are registered by its end",
       1, KPI_KIND_RATIO, KPI_UNIT_RATIO, VisitRegistration},
      {"return_rate", "回退率", "Return rate",
       "Returns by units in the window, against dispatches to units in it",
       1, KPI_KIND_RATIO, KPI_UNIT_RATIO, VisitReturns},
      {"rework_rate", "返工率", "Rework rate",
       "Cases due in the window that failed an inspection by its end",
       1, KPI_KIND_RATIO, KPI_UNIT_RATIO, VisitRework},
      {"duplicate_rate", "重复上报率", "Duplicate rate",
       "Reports that joined an open case, against all reports that a case took up in the window",
       1, KPI_KIND_RATIO, KPI_UNIT_RATIO, VisitDuplicates},
      {"satisfaction", "满意度", "Satisfaction",
       "Revisits in the window graded very, well or fairly satisfied, against all that gave a grade",
       1, KPI_KIND_RATIO, KPI_UNIT_RATIO, VisitSatisfaction, BesideSatisfaction},
      {"ai_precision", "识别准确率", "AI precision",
       "Alerts of the last 30 days that reviewers confirmed as the class that the model named, against all reviewed",
       1, KPI_KIND_RATIO, KPI_UNIT_RATIO, VisitPrecision, BesidePrecision, 30 * kDayMs, true},
      {"reports_by_source", "上报数（按来源）", "Reports by source",
       "Reports made in the window",
       1, KPI_KIND_COUNT, KPI_UNIT_REPORTS, VisitReportsBySource, nullptr, 0, true},
      {"reports_by_status", "上报数（按状态）", "Reports by status",
       "Reports made in the window, by where they stand",
       1, KPI_KIND_COUNT, KPI_UNIT_REPORTS, VisitReportsByStatus, nullptr, 0, true},
      {"notices", "告知数", "Notices",
       "What reporters were told in the window",
       1, KPI_KIND_COUNT, KPI_UNIT_NOTICES, VisitNotices, nullptr, 0, true},
      {"points_issued", "发放积分", "Points issued",
       "Points granted in the window",
       1, KPI_KIND_SUM, KPI_UNIT_POINTS, VisitGranted},
      {"points_redeemed", "兑换积分", "Points redeemed",
       "Points of redemptions completed in the window",
       1, KPI_KIND_SUM, KPI_UNIT_POINTS, VisitRedeemed},
      {"points_expired", "过期积分", "Points expired",
       "Points that expired in the window",
       1, KPI_KIND_SUM, KPI_UNIT_POINTS, VisitExpired},
      {"points_reversed", "冲正积分", "Points reversed",
       "Points taken back in the window",
       1, KPI_KIND_SUM, KPI_UNIT_POINTS, VisitReversed},
      {"volunteering_minutes", "志愿服务时长", "Volunteering",
       "Minutes of service confirmed in the window",
       1, KPI_KIND_SUM, KPI_UNIT_MINUTES, VisitMinutes},
  };
  // clang-format on
  return *all;
}

const KpiDefinition* FindKpi(std::string_view id) {
  for (const KpiDefinition& kpi : Kpis())
    if (kpi.id == id) return &kpi;
  return nullptr;
}

void AddBeside(v1::Figure& figure, const char* name, double value, v1::KpiUnit unit) {
  auto* beside = figure.add_beside();
  beside->set_name(name);
  beside->set_value(value);
  beside->set_unit(unit);
}

}  // namespace civicmesh::analytics
