#include "services/points/domain/calendar.h"

#include "gtest/gtest.h"
#include "services/runtime/decider/given_when_then.h"

namespace civicmesh::points {
namespace {

int64_t Ms(std::string_view at) { return absl::ToUnixMillis(gwt::At(at)); }

TEST(Calendar, DaysAndMonthsAreShanghais) {
  EXPECT_EQ(DayOf(Ms("2026-11-18 00:00")), 20261118);
  EXPECT_EQ(DayOf(Ms("2026-11-18 00:00") - 1), 20261117);
  EXPECT_EQ(MonthOf(Ms("2026-12-01 00:00")), 202612);
  EXPECT_EQ(MonthOf(Ms("2026-12-01 00:00") - 1), 202611);
}

TEST(Calendar, ALotEndsWithTheDayOfTheSameNumber) {
  EXPECT_EQ(ExpiryOf(Ms("2026-11-18 00:00"), 24), Ms("2028-11-19 00:00"));
  EXPECT_EQ(ExpiryOf(Ms("2026-11-18 23:59:59"), 24), Ms("2028-11-19 00:00"));
  EXPECT_EQ(ExpiryOf(Ms("2026-12-31 10:00"), 1), Ms("2027-02-01 00:00"));
}

TEST(Calendar, OrWithTheMonthWhereItHasNoSuchDay) {
  EXPECT_EQ(ExpiryOf(Ms("2026-01-31 10:00"), 1), Ms("2026-03-01 00:00"));
  EXPECT_EQ(ExpiryOf(Ms("2024-02-29 10:00"), 12), Ms("2025-03-01 00:00"));
  EXPECT_EQ(ExpiryOf(Ms("2026-02-28 10:00"), 24), Ms("2028-02-29 00:00"));
}

}  // namespace
}  // namespace civicmesh::points
