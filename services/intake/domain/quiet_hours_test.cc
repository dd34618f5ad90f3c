// Quiet hours as a table: at the edges, over midnight, within a day.
#include "services/intake/domain/quiet_hours.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/time/time.h"

namespace civicmesh::intake {
namespace {

int64_t Ms(const std::string& time) {
  absl::Time parsed;
  std::string why;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, time, &parsed, &why)) << why;
  return absl::ToUnixMillis(parsed);
}

struct Row {
  const char *from, *to, *at, *until;  // until: empty where it is not quiet
};

class QuietHoursTest : public testing::TestWithParam<Row> {};

TEST_P(QuietHoursTest, Holds) {
  const Row& row = GetParam();
  const auto hours = ParseQuietHours(row.from, row.to);
  ASSERT_TRUE(hours);
  const auto until = QuietUntil(*hours, Ms(row.at));
  EXPECT_EQ(until.has_value(), *row.until != '\0') << row.at;
  if (until) {
    EXPECT_EQ(*until, Ms(row.until)) << row.at;
  }
}

INSTANTIATE_TEST_SUITE_P(
    OverMidnight, QuietHoursTest,
    testing::Values(Row{"22:00", "07:00", "2026-11-18T21:59:59.999+08:00", ""},
                    Row{"22:00", "07:00", "2026-11-18T22:00:00+08:00", "2026-11-19T07:00:00+08:00"},
                    Row{"22:00", "07:00", "2026-11-18T23:59:59.999+08:00", "2026-11-19T07:00:00+08:00"},
                    Row{"22:00", "07:00", "2026-11-19T00:00:00+08:00", "2026-11-19T07:00:00+08:00"},
                    Row{"22:00", "07:00", "2026-11-19T06:59:59.999+08:00", "2026-11-19T07:00:00+08:00"},
                    Row{"22:00", "07:00", "2026-11-19T07:00:00+08:00", ""},
                    Row{"22:00", "07:00", "2026-12-31T22:00:00+08:00", "2027-01-01T07:00:00+08:00"},
                    // Whatever day it is elsewhere.
                    Row{"22:00", "07:00", "2026-11-18T15:30:00Z", "2026-11-18T23:00:00Z"}));

INSTANTIATE_TEST_SUITE_P(
    WithinADay, QuietHoursTest,
    testing::Values(Row{"12:30", "14:00", "2026-11-18T12:29:59.999+08:00", ""},
                    Row{"12:30", "14:00", "2026-11-18T12:30:00+08:00", "2026-11-18T14:00:00+08:00"},
                    Row{"12:30", "14:00", "2026-11-18T13:59:59.999+08:00", "2026-11-18T14:00:00+08:00"},
                    Row{"12:30", "14:00", "2026-11-18T14:00:00+08:00", ""},
                    Row{"00:00", "06:00", "2026-11-18T00:00:00+08:00", "2026-11-18T06:00:00+08:00"},
                    Row{"00:00", "06:00", "2026-11-17T23:59:59.999+08:00", ""}));

INSTANTIATE_TEST_SUITE_P(UntilMidnight, QuietHoursTest,
                         testing::Values(Row{"22:00", "00:00", "2026-11-18T23:00:00+08:00",
                                             "2026-11-19T00:00:00+08:00"},
                                         Row{"22:00", "00:00", "2026-11-19T00:00:00+08:00", ""}));

TEST(ParseQuietHoursTest, TakesTwoDifferentTimesOfDay) {
  EXPECT_EQ(ParseQuietHours("23:59", "00:00"), (QuietHours{.from = 24 * 60 - 1, .to = 0}));
  for (const char* wrong : {"", "24:00", "22:60", "2200", "22.00", "7:00", "022:00", "-1:00", "2a:00", "22:0a"}) {
    EXPECT_FALSE(ParseQuietHours(wrong, "07:00")) << wrong;
    EXPECT_FALSE(ParseQuietHours("07:00", wrong)) << wrong;
  }
  EXPECT_FALSE(ParseQuietHours("22:00", "22:00"));
}

}  // namespace
}  // namespace civicmesh::intake
