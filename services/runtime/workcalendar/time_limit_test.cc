#include "services/runtime/workcalendar/time_limit.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace civicmesh {
namespace {

using Kind = TimeLimit::Kind;

TEST(TimeLimit, ReadsEverySpellingOfTheTables) {
  const struct {
    const char* text;
    Kind kind;
    int amount;
  } rows[] = {
      // What a published table of 519 conditions holds.
      {"1天", Kind::kWorkingDay, 1},
      {"15天", Kind::kWorkingDay, 15},
      {"2小时", Kind::kWorkingHour, 2},
      {"4小时", Kind::kWorkingHour, 4},
      {"1紧急工作时", Kind::kUrgentHour, 1},
      {"4紧急工作时", Kind::kUrgentHour, 4},
      {"2紧急工作日", Kind::kUrgentDay, 2},
      // The national standard, and how letters and notices write.
      {"4工作时", Kind::kWorkingHour, 4},
      {"4工作小时", Kind::kWorkingHour, 4},
      {"1工作日", Kind::kWorkingDay, 1},
      {"5自然日", Kind::kCalendarDay, 5},
      {"紧急2工作时", Kind::kUrgentHour, 2},
      {"紧急2小时", Kind::kUrgentHour, 2},
      {"2紧急小时", Kind::kUrgentHour, 2},
      {"2个紧急工作时", Kind::kUrgentHour, 2},
      {"3个工作日", Kind::kWorkingDay, 3},
      {"紧急1天", Kind::kUrgentDay, 1},
      // Typed by hand.
      {" 2 紧急工作时\r\n", Kind::kUrgentHour, 2},
      {"１２　工作日", Kind::kWorkingDay, 12},
      {"9999工作时", Kind::kWorkingHour, 9999},
  };
  for (const auto& row : rows) {
    absl::StatusOr<TimeLimit> limit = ParseTimeLimit(row.text);
    ASSERT_TRUE(limit.ok()) << limit.status();
    EXPECT_EQ(*limit, (TimeLimit{row.kind, row.amount})) << row.text;
  }
}

TEST(TimeLimit, RefusesTheRestAndSaysWhatItFound) {
  const struct {
    const char* text;
    const char* why;
  } rows[] = {
      {"", "no number"},
      {"工作日", "no number"},
      {"两天", "no number"},
      {"-2天", "no number"},
      {"4", "no unit"},
      {"0工作时", "not between 1 and 9999"},
      {"10000天", "not between 1 and 9999"},
      {"99999999999999999999天", "not between 1 and 9999"},
      {"5日", "no known unit in \"日\""},
      {"0.5工作日", "not between"},
      {"1.5工作日", "no known unit in \".5工作日\""},
      {"2周", "no known unit"},
      {"1紧急工作时制止", "\"制止\" after the unit"},
      {"2天以内", "\"以内\" after the unit"},
      {"紧急紧急2工作时", "no number"},
      {"紧急2紧急工作时", "no known unit"},
      {"2紧急自然日", "紧急 does not go with 自然日"},
  };
  for (const auto& row : rows) {
    absl::StatusOr<TimeLimit> limit = ParseTimeLimit(row.text);
    ASSERT_FALSE(limit.ok()) << row.text;
    EXPECT_EQ(limit.status().code(), absl::StatusCode::kInvalidArgument);
    const std::string message(limit.status().message());
    EXPECT_THAT(message, testing::HasSubstr(std::string("\"") + row.text + "\""));
    EXPECT_THAT(message, testing::HasSubstr("as 2紧急工作时"));
    EXPECT_THAT(message, testing::HasSubstr(row.why)) << row.text;
  }
}

TEST(TimeLimit, PrintsWhatItReads) {
  for (Kind kind : {Kind::kUrgentHour, Kind::kUrgentDay, Kind::kWorkingHour, Kind::kWorkingDay, Kind::kCalendarDay}) {
    for (int amount : {1, 2, 15, TimeLimit::kMaxAmount}) {
      const TimeLimit limit{kind, amount};
      EXPECT_EQ(ParseTimeLimit(PrintTimeLimit(limit)).value(), limit) << PrintTimeLimit(limit);
    }
  }
}

TEST(TimeLimit, ADayIsEightWorkingHoursOrTwentyFour) {
  EXPECT_EQ(AmountOfTime({Kind::kUrgentHour, 2}), absl::Hours(2));
  EXPECT_EQ(AmountOfTime({Kind::kWorkingHour, 4}), absl::Hours(4));
  EXPECT_EQ(AmountOfTime({Kind::kWorkingDay, 3}), absl::Hours(24));
  EXPECT_EQ(AmountOfTime({Kind::kUrgentDay, 2}), absl::Hours(48));
  EXPECT_EQ(AmountOfTime({Kind::kCalendarDay, 5}), absl::Hours(120));
}

}  // namespace
}  // namespace civicmesh
