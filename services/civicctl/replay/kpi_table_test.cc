#include "services/civicctl/replay/kpi_table.h"

#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace civicmesh::civicctl {
namespace {

using testing::ContainsRegex;
namespace av1 = analytics::v1;

av1::Kpi* Add(av1::ListKpisResponse& kpis, const char* name, av1::KpiKind kind, av1::KpiUnit unit) {
  auto* kpi = kpis.add_kpis();
  kpi->set_name(name);
  kpi->set_title_en(name);
  kpi->set_kind(kind);
  kpi->set_unit(unit);
  return kpi;
}

std::string Printed(const av1::ListKpisResponse& kpis, const Before& before) {
  std::ostringstream out;
  PrintKpis(out, kpis, before, {{"06", "暴露垃圾"}});
  return out.str();
}

TEST(KpiTable, BesideWhatTheInputSaysWasBefore) {
  av1::ListKpisResponse kpis;
  auto* response = Add(kpis, "kpis/avg_response_time", av1::KPI_KIND_MEAN, av1::KPI_UNIT_MINUTES)->add_figures();
  response->set_denominator(4);
  response->set_value(75);
  auto* excluded = response->add_exclusions();
  excluded->set_reason(av1::KPI_EXCLUSION_DECLINED);
  excluded->set_count(3);
  auto* closure = Add(kpis, "kpis/closure_rate", av1::KPI_KIND_RATIO, av1::KPI_UNIT_RATIO)->add_figures();
  closure->set_numerator(99);
  closure->set_denominator(100);
  closure->set_value(0.99);
  const Before before{.answered_after = {absl::Hours(24), absl::Hours(72)}, .asked = 4};
  const std::string text = Printed(kpis, before);
  EXPECT_THAT(text, ContainsRegex("avg_response_time +48.00 h +1.25 h +1.5 h +over 4 +without 3 declined"));
  EXPECT_THAT(text, ContainsRegex("closure_rate +50.0 % +99.0 % +99 % +99/100"));
  EXPECT_THAT(text, testing::HasSubstr("of 4 in the input 2 were answered"));
}

TEST(KpiTable, NamesTheCamerasClasses) {
  av1::ListKpisResponse kpis;
  Add(kpis, "kpis/ai_precision", av1::KPI_KIND_RATIO, av1::KPI_UNIT_RATIO)->add_figures()->set_series("06");
  EXPECT_THAT(Printed(kpis, {}), testing::HasSubstr("ai_precision [06 暴露垃圾]"));
}

TEST(KpiTable, SaysWhereNothingIsKnown) {
  av1::ListKpisResponse kpis;
  Add(kpis, "kpis/closure_rate", av1::KPI_KIND_RATIO, av1::KPI_UNIT_RATIO)->add_figures();
  const std::string text = Printed(kpis, {});
  EXPECT_THAT(text, ContainsRegex("closure_rate +- +- +99 % +0/0"));
  EXPECT_THAT(text, testing::HasSubstr("does not say how long"));
}

}  // namespace
}  // namespace civicmesh::civicctl
