#include "services/civicctl/replay/kpi_table.h"

#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "services/civicctl/text_output.h"

namespace civicmesh::civicctl {
namespace {

namespace av1 = analytics::v1;

constexpr char kResponse[] = "kpis/avg_response_time", kClosure[] = "kpis/closure_rate",
               kOnTime[] = "kpis/on_time_closure_rate";

// What the city set itself (DOMAIN section 8).
const std::map<std::string, const char*>& Aims() {
  static const auto& aims = *new std::map<std::string, const char*>{
      {kResponse, "1.5 h"}, {kClosure, "99 %"}, {"kpis/satisfaction", "96.8 %"}, {"kpis/ai_precision", "95 %"}};
  return aims;
}

std::string Hours(double minutes) { return absl::StrFormat("%.2f h", minutes / 60); }

std::string ValueText(double value, av1::KpiUnit unit) {
  switch (unit) {
    case av1::KPI_UNIT_RATIO:
      return absl::StrFormat("%.1f %%", value * 100);
    case av1::KPI_UNIT_MINUTES:
      return Hours(value);
    case av1::KPI_UNIT_SCORE:
      return absl::StrFormat("%.1f", value);
    default:
      return absl::StrFormat("%.0f", value);
  }
}

std::string Mean(const std::vector<absl::Duration>& times) {
  absl::Duration sum;
  for (absl::Duration time : times) sum += time;
  return Hours(absl::ToDoubleMinutes(sum) / static_cast<double>(times.size()));
}

std::string Share(int64_t part, int64_t whole) {
  return absl::StrFormat("%.1f %%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

// What the input says of the same matter; "-" where it says nothing.
std::string BeforeText(const std::string& kpi, const Before& before) {
  if (kpi == kResponse && !before.answered_after.empty()) return Mean(before.answered_after);
  if (kpi == kClosure && before.asked > 0)
    return Share(static_cast<int64_t>(before.answered_after.size()), before.asked);
  if (kpi == kOnTime && before.due > 0) return Share(before.on_time, before.due);
  return "-";
}

std::string Made(const av1::Kpi& kpi, const av1::Figure& figure) {
  if (kpi.kind() == av1::KPI_KIND_COUNT || kpi.kind() == av1::KPI_KIND_SUM) return "";
  if (kpi.kind() == av1::KPI_KIND_MEAN) return absl::StrCat("over ", figure.denominator());
  return absl::StrCat(figure.numerator(), "/", figure.denominator());
}

std::string Besides(const av1::Figure& figure) {
  std::vector<std::string> parts;
  for (const auto& beside : figure.beside())
    parts.push_back(absl::StrCat(beside.name(), " ", ValueText(beside.value(), beside.unit())));
  for (const auto& excluded : figure.exclusions()) {
    std::string reason = av1::KpiExclusion_Name(excluded.reason());
    parts.push_back(absl::StrCat("without ", excluded.count(), " ",
                                 absl::AsciiStrToLower(reason.substr(sizeof "KPI_EXCLUSION_" - 1))));
  }
  if (figure.too_few()) parts.push_back("too few to judge");
  return absl::StrJoin(parts, ", ");
}

}  // namespace

void PrintKpis(std::ostream& out, const av1::ListKpisResponse& kpis, const Before& before,
               const std::map<std::string, std::string>& camera_classes) {
  Table table({"指标 KPI", "before", "after", "aim", "made of", "beside it"});
  for (const auto& kpi : kpis.kpis()) {
    for (const auto& figure : kpi.figures()) {
      const auto named = camera_classes.find(figure.series());
      const std::string name = named == camera_classes.end() ? "" : " " + named->second;
      const std::string series = figure.series().empty() ? "" : absl::StrCat(" [", figure.series(), name, "]");
      const auto aim = Aims().find(kpi.name());
      table.Add({absl::StrCat(kpi.title_zh(), " ", kpi.title_en(), series), BeforeText(kpi.name(), before),
                 figure.has_value() ? ValueText(figure.value(), kpi.unit()) : "-",
                 aim == Aims().end() ? "" : aim->second, Made(kpi, figure), Besides(figure)});
    }
  }
  table.Print(out);
  out << "after: what the mesh counted, of staff who are simulated; how fast real ones are it cannot say.\n";
  if (before.answered_after.empty()) {
    out << "before: the input does not say how long its people waited.\n";
    return;
  }
  const auto& times = before.answered_after;
  out << "before: of " << before.asked << " in the input " << times.size() << " were answered; half of them after "
      << Hours(absl::ToDoubleMinutes(times[times.size() / 2])) << ", nine in ten within "
      << Hours(absl::ToDoubleMinutes(times[times.size() * 9 / 10])) << ".\n";
}

}  // namespace civicmesh::civicctl
