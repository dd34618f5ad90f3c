#include "services/points/points_reference.h"

#include <functional>

#include "services/points/domain/points_for_tests.h"

namespace civicmesh::points {
namespace {

absl::Status Load(const std::string& kind, const google::protobuf::Message& content) {
  ReferenceLibrary library(ReferenceParsers());
  return library.Add(kind, content.SerializeAsString());
}

TEST(PointsReference, TheSampleLoads) {
  EXPECT_TRUE(Load(kRulesKind, SampleRules()).ok());
  EXPECT_TRUE(Load(kCatalogueKind, SampleCatalogue()).ok());
}

TEST(PointsReference, ARuleSetThatContradictsItselfIsRefused) {
  using Rules = reference::v1::PointsRules;
  const std::function<void(Rules&)> faults[] = {
      [](Rules& r) { r.clear_version(); },
      [](Rules& r) { *r.add_rules() = r.rules(0); },
      [](Rules& r) { r.mutable_rules(0)->clear_id(); },
      [](Rules& r) { r.mutable_rules(0)->set_points(0); },
      [](Rules& r) { r.mutable_rules(0)->set_daily_limit(-1); },
      [](Rules& r) { r.mutable_rules(0)->set_per_minutes(-30); },
      [](Rules& r) { r.set_daily_limit(-1); },
      [](Rules& r) { r.set_monthly_limit(-1); },
      [](Rules& r) { r.set_expiry_months(0); },
      [](Rules& r) { r.set_expiry_months(1201); },
      [](Rules& r) { r.set_false_reports_to_freeze(0); },
      [](Rules& r) { r.set_false_report_days(0); },
      [](Rules& r) { r.set_false_report_days(367); },
      [](Rules& r) { r.set_freeze_days(0); },
      [](Rules& r) { r.set_hold_minutes(0); },
      [](Rules& r) { r.set_hold_minutes(1441); },
  };
  int i = 0;
  for (const auto& fault : faults) {
    Rules rules = SampleRules();
    fault(rules);
    EXPECT_TRUE(absl::IsInvalidArgument(Load(kRulesKind, rules))) << "fault " << i;
    ++i;
  }
}

TEST(PointsReference, ACatalogueThatContradictsItselfIsRefused) {
  using Catalogue = reference::v1::Catalogue;
  const std::function<void(Catalogue&)> faults[] = {
      [](Catalogue& c) { c.clear_version(); },
      [](Catalogue& c) { *c.add_items() = c.items(0); },
      [](Catalogue& c) { c.mutable_items(0)->clear_id(); },
      [](Catalogue& c) { c.mutable_items(0)->set_kind("CASH"); },
      [](Catalogue& c) { c.mutable_items(0)->set_price_points(0); },
      [](Catalogue& c) { c.mutable_items(0)->set_price_points(1'000'001); },
      [](Catalogue& c) { c.mutable_items(0)->set_stock(-1); },
      [](Catalogue& c) { c.mutable_items(0)->set_stock(100'001); },
  };
  int i = 0;
  for (const auto& fault : faults) {
    Catalogue catalogue = SampleCatalogue();
    fault(catalogue);
    EXPECT_TRUE(absl::IsInvalidArgument(Load(kCatalogueKind, catalogue))) << "fault " << i;
    ++i;
  }
}

TEST(PointsReference, WhatDoesNotParseIsRefused) {
  ReferenceLibrary library(ReferenceParsers());
  EXPECT_TRUE(absl::IsInvalidArgument(library.Add(kRulesKind, "\xff\xff")));
}

}  // namespace
}  // namespace civicmesh::points
