#include "services/dispatch/dispatch_reference.h"

#include <functional>

#include "gmock/gmock.h"
#include "services/dispatch/dispatch_geometry.h"
#include "services/dispatch/domain/cases_for_tests.h"
#include "services/runtime/base/names.h"

namespace civicmesh::dispatch {
namespace {

using ::testing::HasSubstr;

const District& Sample() {
  static const auto district = MakeDistrict(FromSample<reference::v1::District>("district.json")).value();
  return *district;
}

TEST(DispatchReferenceTest, TheLongestPrefixOfTheDutyListWins) {
  struct {
    const char *role, *grid, *duty, *unit;
  } const rows[] = {{"urban_management", "990101001001001", "duty-02", "u-enforcement"},
                    {"urban_management", "990101003001002", "duty-23", "u-enforcement-yunqiao"},  // a street's
                    {"urban_management", "990101003001001", "duty-27", "u-enforcement"},          // a grid's
                    {"landscaping", "990101004001001", "duty-25", "u-hetian"},
                    {"landscaping", "990101004003001", "duty-26", "u-landscaping"},  // a community's
                    {"lighting", "990101004003001", "duty-04", "u-roads"},
                    {"lighting", "", "duty-04", "u-roads"}};
  for (const auto& row : rows) {
    const Duty* duty = Sample().FindDuty(row.role, row.grid);
    ASSERT_NE(duty, nullptr) << row.role;
    EXPECT_EQ(duty->id, row.duty);
    EXPECT_EQ(duty->unit, row.unit);
  }
  EXPECT_EQ(Sample().FindDuty("astronomy", "990101001001001"), nullptr);
  EXPECT_EQ(Sample().fallback_unit(), "u-general");
}

// The centre of every grid lies in it, and so does each corner in exactly one of those that meet there.
TEST(DispatchReferenceTest, FindsTheGridOfAPlace) {
  const auto message = FromSample<reference::v1::District>("district.json");
  for (const auto& grid : message.grids()) {
    double latitude = 0, longitude = 0;
    for (const auto& corner : grid.ring()) {
      latitude += corner.latitude() / grid.ring_size();
      longitude += corner.longitude() / grid.ring_size();
    }
    EXPECT_EQ(Sample().GridOf(latitude, longitude), grid.code());
  }
  EXPECT_EQ(Sample().GridOf(31.2, 121.4), "");
  EXPECT_EQ(Sample().GridOf(-30.3, 119.963), "");
}

TEST(DispatchReferenceTest, ABorderBelongsToOneSide) {
  // Two squares that share a side, one given clockwise.
  auto grids =
      MakeGridMap({{"west", {{0, 0}, {0, 1}, {1, 1}, {1, 0}}}, {"east", {{0, 1}, {1, 1}, {1, 2}, {0, 2}}}}).value();
  EXPECT_EQ(grids->Find(0.5, 0.5), "west");
  EXPECT_EQ(grids->Find(0.5, 1.5), "east");
  EXPECT_NE(grids->Find(0.5, 1), "");
  EXPECT_EQ(grids->Find(5, 5), "");
}

TEST(DispatchReferenceTest, HomeCellsAreOfLevelTwelve) {
  const std::string cell = HomeCell(30.3, 119.963);
  EXPECT_EQ(cell.size(), 7u);
  EXPECT_EQ(HomeCell(30.3004, 119.9632), cell);
  EXPECT_NE(HomeCell(30.4, 119.963), cell);
}

// deploy/sample/README.md, Size: no shard of a machine's installation is left without work.
TEST(DispatchReferenceTest, TheSampleLiesInAllShards) {
  constexpr int kShards = 8;
  const auto message = FromSample<reference::v1::District>("district.json");
  std::vector<int> grids(kShards);
  for (const auto& grid : message.grids())
    ++grids[ShardOf(HomeCell(grid.ring(0).latitude(), grid.ring(0).longitude()), kShards)];
  EXPECT_THAT(grids, testing::Each(testing::Gt(message.grids_size() / 20)));
}

template <typename Message, typename Make>
std::string Fault(const std::string& file, Make make, const std::function<void(Message&)>& change) {
  auto message = FromSample<Message>(file);
  change(message);
  return std::string(make(message).status().message());
}

TEST(DispatchReferenceTest, RefusesAFaultyDistrict) {
  struct {
    std::function<void(reference::v1::District&)> change;
    const char* fault;
  } const rows[] = {
      {[](auto& d) { d.set_code("9901"); }, "district code '9901'"},
      {[](auto& d) { d.mutable_grids(0)->set_code("99010100100100"); }, "grid code '99010100100100'"},
      {[](auto& d) { d.mutable_grids(0)->set_code("330101001001001"); }, "grid code '330101001001001'"},
      {[](auto& d) { d.mutable_grids(1)->set_code(d.grids(0).code()); }, "grid code"},
      {[](auto& d) { d.mutable_grids(0)->mutable_ring()->DeleteSubrange(2, 2); }, "fewer than three corners"},
      {[](auto& d) { d.mutable_grids(0)->mutable_ring()->SwapElements(0, 1); }, "grid 990101001001001"},
      {[](auto& d) { d.mutable_units(1)->set_id(d.units(0).id()); }, "unit id 'u-sanitation'"},
      {[](auto& d) { d.mutable_duties(0)->set_unit("u-nobody"); }, "duty duty-01: no unit u-nobody"},
      {[](auto& d) { d.mutable_duties(1)->set_id("duty-01"); }, "duty id 'duty-01'"},
      {[](auto& d) { d.mutable_duties(1)->set_unit_role("sanitation"); }, "is another's too"},
      {[](auto& d) { d.clear_fallback_unit(); }, "fallback_unit"}};
  for (const auto& row : rows)
    EXPECT_THAT(Fault<reference::v1::District>("district.json", MakeDistrict, row.change), HasSubstr(row.fault));
}

TEST(DispatchReferenceTest, RefusesAFaultyStandard) {
  struct {
    std::function<void(reference::v1::Standard&)> change;
    const char* fault;
  } const rows[] = {
      {[](auto& s) { s.mutable_classes(0)->clear_code(); }, "without a code"},
      {[](auto& s) { s.mutable_classes(1)->set_code("C0102"); }, "C0102 is there twice"},
      {[](auto& s) { s.mutable_classes(0)->clear_unit_role(); }, "no unit_role"},
      {[](auto& s) { s.mutable_classes(0)->clear_conditions(); }, "no conditions"},
      {[](auto& s) { s.mutable_classes(0)->mutable_conditions(1)->set_id("1"); }, "condition id '1'"},
      {[](auto& s) { s.mutable_classes(0)->mutable_conditions(0)->set_limit("尽快"); }, "C0102, condition 1"}};
  for (const auto& row : rows)
    EXPECT_THAT(Fault<reference::v1::Standard>("standard.json", MakeStandard, row.change), HasSubstr(row.fault));
}

TEST(DispatchReferenceTest, ParsesTheSampleOfEveryKind) {
  const auto parsers = ReferenceParsers();
  EXPECT_TRUE(parsers.at(kStandardKind)(FromSample<reference::v1::Standard>("standard.json").SerializeAsString()).ok());
  EXPECT_TRUE(parsers.at(kDistrictKind)(FromSample<reference::v1::District>("district.json").SerializeAsString()).ok());
  EXPECT_TRUE(
      parsers.at(kCalendarKind)(FromSample<reference::v1::WorkCalendar>("calendar-2026.json").SerializeAsString())
          .ok());
  for (const auto& [kind, parse] : parsers) EXPECT_FALSE(parse("\xff").ok()) << kind;
}

}  // namespace
}  // namespace civicmesh::dispatch
