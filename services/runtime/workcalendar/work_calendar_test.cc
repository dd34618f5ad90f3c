#include "services/runtime/workcalendar/work_calendar.h"

#include <functional>
#include <thread>

#include "gmock/gmock.h"
#include "services/runtime/workcalendar/calendar_for_tests.h"

namespace civicmesh {
namespace {

using Kind = TimeLimit::Kind;
using DayKind = WorkCalendar::DayKind;
using Deadline = WorkCalendar::Deadline;
using Pause = WorkCalendar::Pause;

TimeLimit Limit(const std::string& text) { return ParseTimeLimit(text).value(); }

// A calendar of 2026 that goes on to the end of 2027, of which it knows one holiday.
WorkCalendar CalendarTo2027() {
  reference::v1::WorkCalendar message = Message2026();
  message.set_last_day("2027-12-31");
  message.add_holidays("2027-01-01");
  return WorkCalendar::Make(message).value();
}

struct Row {
  const char* start;
  const char* limit;
  const char* at;
};

class DeadlineTable : public testing::TestWithParam<Row> {};

TEST_P(DeadlineTable, StartAndLimitGiveTheDeadline) {
  const Row& row = GetParam();
  const Deadline deadline = Calendar2026().AddLimit(At(row.start), Limit(row.limit));
  EXPECT_EQ(Text(deadline.at), Text(At(row.at))) << row.start << " + " << row.limit;
  EXPECT_FALSE(deadline.provisional) << deadline.reason;
  EXPECT_EQ(deadline.kind, Limit(row.limit).kind);
}

INSTANTIATE_TEST_SUITE_P(WithinTheDay, DeadlineTable,
                         testing::ValuesIn(std::vector<Row>{
                             {"2026-06-01 09:00", "2工作时", "2026-06-01 11:00"},
                             {"2026-06-01 11:00", "2工作时", "2026-06-01 15:00"},  // lunch stands still
                             {"2026-06-01 08:00", "4工作时", "2026-06-01 12:00"},  // the shift's end, not 14:00
                             {"2026-06-01 14:00", "4工作时", "2026-06-01 18:00"},  // nor 08:00 of the next day
                             {"2026-06-01 12:00", "2工作时", "2026-06-01 16:00"},
                             {"2026-06-01 13:10", "2工作时", "2026-06-01 16:00"},
                             {"2026-06-01 03:00", "1工作时", "2026-06-01 09:00"},
                             {"2026-06-01 00:00", "1工作日", "2026-06-01 18:00"},
                             {"2026-06-01 10:17:31", "1工作时", "2026-06-01 11:17:31"},
                             {"2026-06-01 09:00:00.250", "1工作时", "2026-06-01 10:00:00.250"},
                         }));

INSTANTIATE_TEST_SUITE_P(OverNightsAndWeekends, DeadlineTable,
                         testing::ValuesIn(std::vector<Row>{
                             {"2026-06-01 17:00", "2工作时", "2026-06-02 09:00"},
                             {"2026-06-01 18:00", "1工作时", "2026-06-02 09:00"},
                             {"2026-06-01 22:30", "4工作时", "2026-06-02 12:00"},
                             {"2026-06-01 10:17", "1工作日", "2026-06-02 10:17"},
                             {"2026-06-01 12:30", "1工作日", "2026-06-02 12:00"},
                             {"2026-06-01 18:00", "1工作日", "2026-06-02 18:00"},
                             {"2026-06-05 17:00", "2工作时", "2026-06-08 09:00"},  // a Friday
                             {"2026-06-06 11:00", "1工作日", "2026-06-08 18:00"},  // a Saturday
                             {"2026-06-01 09:00", "5工作日", "2026-06-08 09:00"},
                         }));

INSTANTIATE_TEST_SUITE_P(
    OverHolidays, DeadlineTable,
    testing::ValuesIn(std::vector<Row>{
        {"2026-09-30 16:30", "4工作时", "2026-10-08 10:30"},  // the example of the standard's users
        {"2026-09-30 16:30", "1工作日", "2026-10-08 16:30"},
        {"2026-10-03 09:00", "4工作时", "2026-10-08 12:00"},
        {"2026-01-01 00:00", "1工作日", "2026-01-04 18:00"},  // a worked Sunday
        {"2026-10-09 17:00", "2工作时", "2026-10-10 09:00"},  // a worked Saturday
        {"2026-10-10 17:00", "2工作时", "2026-10-12 09:00"},
        {"2026-09-18 17:00", "2工作时", "2026-09-20 09:00"},  // Saturday off, Sunday worked
        {"2026-02-13 17:00", "2工作日", "2026-02-24 17:00"},  // Saturday 14th, Spring Festival, 24th
        {"2026-02-14 16:00", "2工作时", "2026-02-14 18:00"},
        {"2026-02-14 16:01", "2工作时", "2026-02-24 08:01"},
        {"2026-02-13 09:00", "15工作日", "2026-03-12 09:00"},  // Saturdays 14th and 28th count
        {"2026-12-31 10:00", "6工作时", "2026-12-31 18:00"},
    }));

INSTANTIATE_TEST_SUITE_P(UrgentGoesOn, DeadlineTable,
                         testing::ValuesIn(std::vector<Row>{
                             {"2026-09-30 23:30", "2紧急工作时", "2026-10-01 01:30"},
                             {"2026-10-01 12:00", "2紧急工作时", "2026-10-01 14:00"},
                             {"2026-02-16 23:00", "1紧急工作日", "2026-02-17 23:00"},
                             {"2026-12-31 23:00", "2紧急工作日", "2027-01-02 23:00"},
                             {"2019-05-01 10:00", "4紧急工作时", "2019-05-01 14:00"},
                         }));

INSTANTIATE_TEST_SUITE_P(CalendarDays, DeadlineTable,
                         testing::ValuesIn(std::vector<Row>{
                             {"2026-06-01 09:00", "1自然日", "2026-06-03 00:00"},  // the 2nd, 24:00
                             {"2026-06-01 23:59", "1自然日", "2026-06-03 00:00"},
                             {"2026-06-02 00:00", "1自然日", "2026-06-04 00:00"},
                             {"2026-06-01 09:00", "5自然日", "2026-06-09 00:00"},  // the 6th is a Saturday: the 8th
                             {"2026-05-31 09:00", "5自然日", "2026-06-06 00:00"},
                             {"2026-09-26 09:00", "5自然日", "2026-10-09 00:00"},  // October 1st: the 8th
                             {"2026-10-05 09:00", "5自然日", "2026-10-11 00:00"},  // a worked Saturday is a working day
                             {"2026-02-01 09:00", "15自然日", "2026-02-25 00:00"},
                             {"2026-12-30 09:00", "1自然日", "2027-01-01 00:00"},
                             {"2025-12-28 09:00", "5自然日", "2026-01-05 00:00"},  // only the last day has to be known
                         }));

TEST(WorkCalendar, PastTheLoadedDaysIsProvisionalAndSaysWhy) {
  const struct {
    const char* start;
    const char* limit;
    const char* not_before;
    absl::Duration uncounted;
    const char* reason;
  } rows[] = {
      {"2026-12-31 10:01", "6工作时", "2027-01-01 00:00", absl::Minutes(1), "尚有1分无法计入"},
      {"2026-12-31 16:30", "4工作时", "2027-01-01 00:00", absl::Minutes(150), "尚有2小时30分无法计入"},
      {"2026-12-25 09:00", "5工作日", "2027-01-01 00:00", absl::Hours(1), "2026年12月31日（周四）"},
      {"2027-03-01 09:00", "1工作日", "2027-03-01 09:00", absl::Hours(8), "尚有8小时无法计入"},
      {"2025-12-31 09:00", "1工作日", "2025-12-31 09:00", absl::Hours(8), "2026年1月1日（周四）"},
      {"2026-12-31 09:00", "1自然日", "2027-01-02 00:00", absl::ZeroDuration(), "是否放假尚未公布"},
      {"2026-12-20 09:00", "15自然日", "2027-01-05 00:00", absl::ZeroDuration(), "是否放假尚未公布"},
      {"2020-05-01 09:00", "1自然日", "2020-05-03 00:00", absl::ZeroDuration(), "是否放假尚未公布"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(std::string(row.start) + " + " + row.limit);
    const Deadline deadline = Calendar2026().AddLimit(At(row.start), Limit(row.limit));
    EXPECT_TRUE(deadline.provisional);
    EXPECT_EQ(Text(deadline.at), Text(At(row.not_before)));
    EXPECT_EQ(deadline.uncounted, row.uncounted);
    EXPECT_THAT(deadline.reason, testing::HasSubstr(row.reason));
  }
}

TEST(WorkCalendar, ACalendarThatEndsOnDaysOffDoesNotGuessTheNextWorkingDay) {
  reference::v1::WorkCalendar message = Message2026();
  message.set_last_day("2026-10-07");
  message.mutable_working_weekends()->RemoveLast();  // October 10th
  const WorkCalendar calendar = WorkCalendar::Make(message).value();
  const Deadline deadline = calendar.AddLimit(At("2026-09-30 09:00"), Limit("5自然日"));
  EXPECT_TRUE(deadline.provisional);
  EXPECT_EQ(Text(deadline.at), Text(At("2026-10-08 00:00")));
  EXPECT_EQ(Text(Calendar2026().Recount(deadline).at), Text(At("2026-10-09 00:00")));
}

TEST(WorkCalendar, TheNextCalendarSettlesWhatWasProvisional) {
  const WorkCalendar next = CalendarTo2027();
  for (const Row& row : std::vector<Row>{
           {"2026-12-31 16:30", "4工作时", "2027-01-04 10:30"},
           {"2026-12-25 09:00", "5工作日", "2027-01-04 09:00"},
           {"2027-03-01 09:00", "1工作日", "2027-03-02 09:00"},
           {"2026-12-31 09:00", "1自然日", "2027-01-05 00:00"},
           {"2026-12-20 09:00", "15自然日", "2027-01-05 00:00"},
       }) {
    SCOPED_TRACE(std::string(row.start) + " + " + row.limit);
    const Deadline settled = next.Recount(Calendar2026().AddLimit(At(row.start), Limit(row.limit)));
    EXPECT_FALSE(settled.provisional);
    EXPECT_EQ(Text(settled.at), Text(At(row.at)));
    EXPECT_EQ(settled.at, next.AddLimit(At(row.start), Limit(row.limit)).at);
    EXPECT_EQ(settled.at, next.Recount(settled).at);
  }
}

TEST(WorkCalendar, AnExtensionAddsTheLimitToTheDeadlineAsItStands) {
  for (const Row& row : std::vector<Row>{
           {"2026-09-30 16:30", "4工作时", "2026-10-08 16:30"},
           {"2026-06-01 08:00", "4工作时", "2026-06-01 18:00"},
           {"2026-06-01 09:00", "2工作日", "2026-06-05 09:00"},
           {"2026-06-01 09:00", "2紧急工作时", "2026-06-01 13:00"},
           {"2026-06-01 09:00", "3自然日", "2026-06-09 00:00"},  // the 4th, then the 7th: a Sunday
       }) {
    SCOPED_TRACE(std::string(row.start) + " + " + row.limit);
    const TimeLimit limit = Limit(row.limit);
    EXPECT_EQ(Text(Calendar2026().Extend(Calendar2026().AddLimit(At(row.start), limit), limit).at), Text(At(row.at)));
  }
  const TimeLimit limit = Limit("4工作时");
  const Deadline provisional = Calendar2026().Extend(Calendar2026().AddLimit(At("2026-12-31 16:30"), limit), limit);
  EXPECT_TRUE(provisional.provisional);
  EXPECT_EQ(provisional.uncounted, absl::Minutes(390));
}

TEST(WorkCalendar, PausesAreLeftOut) {
  const struct {
    const char* start;
    const char* limit;
    std::vector<std::pair<const char*, const char*>> pauses;
    const char* at;
  } rows[] = {
      {"2026-06-01 09:00", "4工作时", {{"2026-06-01 10:00", "2026-06-01 11:00"}}, "2026-06-01 16:00"},
      {"2026-06-01 09:00", "4工作时", {{"2026-06-01 12:10", "2026-06-01 13:50"}}, "2026-06-01 15:00"},  // lunch
      {"2026-06-01 09:00", "4工作时", {{"2026-06-01 10:00", "2026-06-03 08:30"}}, "2026-06-03 11:30"},
      {"2026-06-01 09:00", "4工作时", {{"2026-06-01 10:00", "2026-06-01 10:00"}}, "2026-06-01 15:00"},
      {"2026-06-01 09:00", "4工作时", {{"2026-06-01 15:00", "2026-06-02 15:00"}}, "2026-06-01 15:00"},  // too late
      {"2026-06-01 08:00", "4工作时", {{"2026-06-01 13:00", "2026-06-02 15:00"}}, "2026-06-01 12:00"},  // too late
      {"2026-06-01 09:00",
       "1工作日",
       {{"2026-06-01 10:00", "2026-06-01 11:00"}, {"2026-06-01 17:00", "2026-06-02 17:00"}},
       "2026-06-03 10:00"},
      {"2026-09-30 09:00", "2工作日", {{"2026-09-30 10:00", "2026-10-03 10:00"}}, "2026-10-09 17:00"},
      {"2026-06-01 09:00", "2紧急工作时", {{"2026-06-01 10:00", "2026-06-01 22:00"}}, "2026-06-01 23:00"},
      {"2026-06-01 09:00", "10自然日", {{"2026-06-02 10:00", "2026-06-05 22:00"}}, "2026-06-16 00:00"},
      {"2026-06-01 09:00", "10自然日", {{"2026-06-02 10:00", "2026-06-02 22:00"}}, "2026-06-12 00:00"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(std::string(row.start) + " + " + row.limit);
    std::vector<Pause> pauses;
    for (const auto& [from, to] : row.pauses) pauses.push_back({At(from), At(to)});
    const Deadline deadline = Calendar2026().AddLimit(At(row.start), Limit(row.limit), pauses);
    EXPECT_EQ(Text(deadline.at), Text(At(row.at)));
    EXPECT_FALSE(deadline.provisional);
  }
}

TEST(WorkCalendar, WhileAPauseIsOpenNothingIsDueAndNothingIsUsedUp) {
  const std::vector<Pause> pauses = {{At("2026-06-01 10:00"), At("2026-06-01 11:00")},
                                     {At("2026-06-01 16:00"), absl::InfiniteFuture()}};
  const absl::Time start = At("2026-06-01 09:00");
  const TimeLimit limit = Limit("1工作日");
  EXPECT_EQ(Calendar2026().AddLimit(start, limit, pauses).at, absl::InfiniteFuture());
  const struct {
    const char* now;
    absl::Duration left;
  } rows[] = {
      {"2026-06-01 09:00", absl::Hours(8)}, {"2026-06-01 10:00", absl::Hours(7)}, {"2026-06-01 10:30", absl::Hours(7)},
      {"2026-06-01 11:00", absl::Hours(7)}, {"2026-06-01 15:00", absl::Hours(5)}, {"2026-06-01 16:00", absl::Hours(4)},
      {"2026-06-09 11:00", absl::Hours(4)}, {"2028-06-09 11:00", absl::Hours(4)},
  };
  for (const auto& row : rows)
    EXPECT_EQ(Calendar2026().Remaining(start, limit, pauses, At(row.now)).value(), row.left) << row.now;
}

TEST(WorkCalendar, AProvisionalDeadlineCanBePaused) {
  const Deadline deadline = Calendar2026().AddLimit(At("2026-12-31 10:00"), Limit("2工作日"));
  const absl::Duration left = Calendar2026().Remaining(deadline, At("2026-12-31 11:00")).value();
  EXPECT_EQ(left, absl::Hours(15));
  const WorkCalendar next = CalendarTo2027();
  EXPECT_EQ(Text(next.Resume(At("2027-01-04 09:00"), deadline.kind, left).at), Text(At("2027-01-05 18:00")));
}

TEST(WorkCalendar, AClockThatIsOverdueGoesOnAndItsPauseChangesNothing) {
  const absl::Time start = At("2026-06-01 09:00");
  const std::vector<Pause> pauses = {{At("2026-06-01 12:00"), absl::InfiniteFuture()}};
  EXPECT_EQ(Calendar2026().Remaining(start, Limit("2工作时"), pauses, At("2026-06-01 15:00")).value(), -absl::Hours(2));
  EXPECT_EQ(Text(Calendar2026().AddLimit(start, Limit("2工作时"), pauses).at), Text(At("2026-06-01 11:00")));
}

TEST(WorkCalendar, WorkingTimeBetweenCountsShiftsOnly) {
  const struct {
    const char* a;
    const char* b;
    absl::Duration time;
  } rows[] = {
      {"2026-06-01 09:00", "2026-06-01 09:00", absl::ZeroDuration()},
      {"2026-06-01 12:00", "2026-06-01 14:00", absl::ZeroDuration()},
      {"2026-06-01 11:59:59", "2026-06-01 14:00:01", absl::Seconds(2)},
      {"2026-06-01 00:00", "2026-06-02 00:00", absl::Hours(8)},
      {"2026-09-30 16:30", "2026-10-08 10:30", absl::Hours(4)},
      {"2026-10-08 10:30", "2026-09-30 16:30", -absl::Hours(4)},
      {"2026-01-01 00:00", "2027-01-01 00:00", absl::Hours(248 * 8)},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(Calendar2026().WorkingTimeBetween(At(row.a), At(row.b)).value(), row.time) << row.a << " " << row.b;
  }
}

TEST(WorkCalendar, WhatLiesOutsideIsOutOfRange) {
  const absl::Time inside = At("2026-06-01 09:00");
  for (const absl::Time outside :
       {At("2025-12-31 23:59:59"), At("2027-01-01 00:00:01"), absl::InfiniteFuture(), absl::InfinitePast()}) {
    EXPECT_EQ(Calendar2026().WorkingTimeBetween(inside, outside).status().code(), absl::StatusCode::kOutOfRange);
    EXPECT_EQ(Calendar2026().WorkingTimeBetween(outside, inside).status().code(), absl::StatusCode::kOutOfRange);
    const Deadline due = Calendar2026().AddLimit(inside, Limit("1工作日"));
    EXPECT_EQ(Calendar2026().Remaining(due, outside).status().code(), absl::StatusCode::kOutOfRange);
    EXPECT_TRUE(Calendar2026().AddLimit(outside, Limit("1工作日")).provisional);
  }
}

TEST(WorkCalendar, KnowsThe2026Days) {
  int worked = 0;
  for (absl::CivilDay day(2026, 1, 1); day <= absl::CivilDay(2026, 12, 31); ++day)
    worked += Calendar2026().IsWorkingDay(day);
  // 365 days, 104 of them at weekends; 19 holidays on weekdays, 6 weekends worked.
  EXPECT_EQ(worked, 365 - 104 - 19 + 6);
  EXPECT_EQ(Calendar2026().KindOf(absl::CivilDay(2026, 10, 1)), DayKind::kHoliday);
  EXPECT_EQ(Calendar2026().KindOf(absl::CivilDay(2026, 10, 10)), DayKind::kWorkingWeekend);
  EXPECT_EQ(Calendar2026().KindOf(absl::CivilDay(2026, 10, 11)), DayKind::kWeekend);
  EXPECT_EQ(Calendar2026().KindOf(absl::CivilDay(2026, 10, 12)), DayKind::kWorking);
  EXPECT_EQ(Calendar2026().KindOf(absl::CivilDay(2027, 1, 1)), DayKind::kUnknown);
  EXPECT_FALSE(Calendar2026().IsWorkingDay(absl::CivilDay(2027, 1, 4)));
  EXPECT_EQ(Calendar2026().last_day(), absl::CivilDay(2026, 12, 31));
}

TEST(WorkCalendar, OtherShiftsArePossible) {
  reference::v1::WorkCalendar message = Message2026();
  message.clear_shifts();
  for (auto [start, end] : {std::pair(0, 60), {60, 90}, {1380, 1440}}) {
    message.add_shifts()->set_start_minute(start);
    message.mutable_shifts()->rbegin()->set_end_minute(end);
  }
  const WorkCalendar calendar = WorkCalendar::Make(message).value();
  EXPECT_EQ(Text(calendar.AddLimit(At("2026-06-01 00:30"), Limit("2工作时")).at), Text(At("2026-06-02 00:00")));
  EXPECT_EQ(Text(calendar.AddLimit(At("2026-06-01 00:00"), Limit("1工作日")).at), Text(At("2026-06-04 00:30")))
      << "a working day is 8 working hours, however long the day";
}

TEST(WorkCalendar, RefusesACalendarThatIsWrong) {
  using Message = reference::v1::WorkCalendar;
  auto shift = [](int start, int end) {
    return [=](Message& m) {
      reference::v1::Shift* added = m.add_shifts();
      added->set_start_minute(start);
      added->set_end_minute(end);
    };
  };
  const struct {
    std::function<void(Message&)> change;
    const char* why;
  } rows[] = {
      {[](Message& m) { m.set_first_day(""); }, "first_day \"\" is no date"},
      {[](Message& m) { m.set_first_day("2026-1-1"); }, "is no date"},
      {[](Message& m) { m.set_last_day("2026-02-30"); }, "is no date"},
      {[](Message& m) { m.set_last_day("2025-12-31"); }, "before the first day"},
      {[](Message& m) { m.set_last_day("2126-12-31"); }, "over 20 years"},
      {[](Message& m) { m.add_holidays("2026-13-01"); }, "holiday \"2026-13-01\" is no date"},
      {[](Message& m) { m.add_holidays("2027-01-01"); }, "outside the calendar"},
      {[](Message& m) { m.add_holidays("2026-10-01"); }, "named twice"},
      {[](Message& m) { m.add_holidays("2026-10-01T00:00"); }, "is no date"},
      {[](Message& m) { m.add_working_weekends("2026-10-10"); }, "named twice"},
      {[](Message& m) { m.add_working_weekends("2026-10-03"); }, "named twice"},
      {[](Message& m) { m.add_working_weekends("2026-10-12"); }, "no Saturday or Sunday"},
      {[](Message& m) { m.clear_shifts(); }, "missing"},
      {shift(1100, 1100), "no part of a day"},
      {shift(1100, 1441), "no part of a day"},
      {shift(1079, 1200), "before the one ahead of it has ended"},
      {[&](Message& m) {
         m.clear_shifts();
         shift(-1, 60)(m);
       },
       "no part of a day"},
  };
  for (const auto& row : rows) {
    Message message = Message2026();
    row.change(message);
    const absl::StatusOr<WorkCalendar> calendar = WorkCalendar::Make(message);
    ASSERT_FALSE(calendar.ok()) << row.why;
    EXPECT_EQ(calendar.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(calendar.status().message()), testing::HasSubstr(row.why));
  }
}

TEST(WorkCalendar, ThreadsMayShareOne) {
  const WorkCalendar& calendar = Calendar2026();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&calendar] {
      for (int hours = 1; hours < 500; ++hours)
        EXPECT_FALSE(calendar.AddLimit(At("2026-02-13 17:00"), {Kind::kWorkingHour, hours}).provisional);
    });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace civicmesh
