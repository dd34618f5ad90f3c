// The calendar against its laws, and against a counter that knows nothing but minutes.
#include <algorithm>

#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"  // after gtest.h, which it needs and does not include

#include "services/runtime/workcalendar/calendar_for_tests.h"

namespace civicmesh {
namespace {

using Kind = TimeLimit::Kind;
using Deadline = WorkCalendar::Deadline;
using Pause = WorkCalendar::Pause;

const absl::Time kFirst = absl::FromCivil(absl::CivilDay(2026, 1, 1), WorkCalendar::Zone());
constexpr int kMinutes = 365 * 24 * 60;

bool WorkedMinute(const reference::v1::WorkCalendar& message, absl::Time minute) {
  const absl::CivilSecond at = absl::ToCivilSecond(minute, WorkCalendar::Zone());
  const std::string day = absl::FormatCivilTime(absl::CivilDay(at));
  const int of_day = at.hour() * 60 + at.minute();
  auto names = [&](const auto& days) { return std::find(days.begin(), days.end(), day) != days.end(); };
  const absl::Weekday weekday = absl::GetWeekday(at);
  const bool weekend = weekday == absl::Weekday::saturday || weekday == absl::Weekday::sunday;
  if (weekend ? !names(message.working_weekends()) : names(message.holidays())) return false;
  return std::any_of(message.shifts().begin(), message.shifts().end(),
                     [&](const auto& shift) { return of_day >= shift.start_minute() && of_day < shift.end_minute(); });
}

// For each minute of 2026 whether it is worked: the independent truth.
const std::vector<bool>& Worked() {
  static const std::vector<bool> worked = [] {
    const reference::v1::WorkCalendar message = Message2026();
    std::vector<bool> result(kMinutes);
    for (int i = 0; i < kMinutes; ++i) result[i] = WorkedMinute(message, kFirst + absl::Minutes(i));
    return result;
  }();
  return worked;
}

absl::Time Minute(int i) { return kFirst + absl::Minutes(i); }

// Anywhere in the year, and as often in its last weeks, where deadlines become provisional. The full range from the
// first case on: rapidcheck would begin with small numbers, which are all New Year's Day.
int AnyMinute() {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::oneOf(rc::gen::inRange(0, kMinutes),
                                                           rc::gen::inRange(kMinutes - 20 * 24 * 60, kMinutes)));
}

absl::Time AnyTime() { return Minute(AnyMinute()) + absl::Milliseconds(*rc::gen::inRange(0, 60 * 1000)); }

TimeLimit AnyHours(int most) { return {Kind::kWorkingHour, *rc::gen::inRange(1, most)}; }

TimeLimit AnyLimit() {
  const Kind kind =
      *rc::gen::element(Kind::kUrgentHour, Kind::kUrgentDay, Kind::kWorkingHour, Kind::kWorkingDay, Kind::kCalendarDay);
  return {kind, *rc::gen::inRange(1, 30)};
}

RC_GTEST_PROP(WorkCalendarLaw, DeadlineIsWhereACounterOfMinutesEnds, ()) {
  const int start = AnyMinute();
  const TimeLimit limit = AnyHours(200);
  int left = limit.amount * 60;
  int minute = start;
  for (; minute < kMinutes && left > 0; ++minute) left -= Worked()[minute];

  const Deadline deadline = Calendar2026().AddLimit(Minute(start), limit);
  RC_ASSERT(deadline.provisional == (left > 0));
  RC_ASSERT(deadline.at == Minute(minute));
  RC_ASSERT(deadline.uncounted == absl::Minutes(left));
}

RC_GTEST_PROP(WorkCalendarLaw, WorkingTimeIsWhatACounterOfMinutesCounts, ()) {
  const auto [a, b] = std::minmax({AnyMinute(), AnyMinute()});
  const auto counted = std::count(Worked().begin() + a, Worked().begin() + b, true);
  RC_ASSERT(Calendar2026().WorkingTimeBetween(Minute(a), Minute(b)).value() == absl::Minutes(counted));
  RC_ASSERT(Calendar2026().WorkingTimeBetween(Minute(b), Minute(a)).value() == -absl::Minutes(counted));
}

RC_GTEST_PROP(WorkCalendarLaw, TwoLimitsInARowAreTheirSum, ()) {
  const absl::Time start = AnyTime();
  const TimeLimit a = AnyHours(60), b = AnyHours(60);
  const Deadline both = Calendar2026().AddLimit(start, {Kind::kWorkingHour, a.amount + b.amount});
  RC_PRE(!both.provisional);
  const Deadline first = Calendar2026().AddLimit(start, a);
  RC_ASSERT(Calendar2026().AddLimit(first.at, b).at == both.at);
  RC_ASSERT(Calendar2026().Extend(first, b).at == both.at);
}

RC_GTEST_PROP(WorkCalendarLaw, TheDeadlineHoldsTheWholeLimitAndNoMore, ()) {
  const absl::Time start = AnyTime();
  const TimeLimit limit = AnyHours(200);
  const Deadline deadline = Calendar2026().AddLimit(start, limit);
  RC_ASSERT(Calendar2026().Remaining(deadline, start).value() == AmountOfTime(limit));
  RC_PRE(!deadline.provisional);
  RC_ASSERT(Calendar2026().WorkingTimeBetween(start, deadline.at).value() == AmountOfTime(limit));
  // The instant before it was worked: the deadline lies in working time, and is the earliest that does.
  const int64_t before = (deadline.at - absl::Nanoseconds(1) - kFirst) / absl::Minutes(1);
  RC_ASSERT(Worked()[before]);
}

RC_GTEST_PROP(WorkCalendarLaw, ADayIsEightHours, ()) {
  const absl::Time start = AnyTime();
  const int days = *rc::gen::inRange(1, 30);
  RC_ASSERT(Calendar2026().AddLimit(start, {Kind::kWorkingDay, days}).at ==
            Calendar2026().AddLimit(start, {Kind::kWorkingHour, 8 * days}).at);
}

RC_GTEST_PROP(WorkCalendarLaw, WhoStartsLaterOrHasMoreIsNotDueEarlier, ()) {
  const auto [early, late] = std::minmax({AnyTime(), AnyTime()});
  const TimeLimit limit = AnyLimit();
  const TimeLimit more{limit.kind, limit.amount + *rc::gen::inRange(0, 30)};
  RC_ASSERT(Calendar2026().AddLimit(early, limit).at <= Calendar2026().AddLimit(late, limit).at);
  RC_ASSERT(Calendar2026().AddLimit(early, limit).at <= Calendar2026().AddLimit(early, more).at);
  RC_ASSERT(Calendar2026().AddLimit(early, limit).at > early);
}

RC_GTEST_PROP(WorkCalendarLaw, ResumingAtOnceChangesNothing, ()) {
  const absl::Time start = AnyTime();
  const Deadline deadline = Calendar2026().AddLimit(start, AnyLimit());
  const absl::Time pause = start + (deadline.at - start) * *rc::gen::inRange(0, 1000) / 1000;
  const absl::StatusOr<absl::Duration> left = Calendar2026().Remaining(deadline, pause);
  RC_PRE(left.ok());
  const Deadline resumed = Calendar2026().Resume(pause, deadline.kind, *left);
  RC_ASSERT(resumed.at == deadline.at);
  RC_ASSERT(resumed.provisional == deadline.provisional);
  RC_ASSERT(resumed.uncounted == deadline.uncounted);
}

RC_GTEST_PROP(WorkCalendarLaw, PausesFromTheFactsAreTheSameAsStepByStep, ()) {
  const absl::Time start = AnyTime();
  const TimeLimit limit = AnyLimit();
  std::vector<int> after = *rc::gen::container<std::vector<int>>(6, rc::gen::inRange(0, 20000));
  std::sort(after.begin(), after.end());
  std::vector<Pause> pauses;
  for (int i = 0; i < 6; i += 2)
    pauses.push_back({start + absl::Minutes(after[i]), start + absl::Minutes(after[i + 1])});

  Deadline step = Calendar2026().AddLimit(start, limit);
  for (const Pause& pause : pauses) {
    if (pause.from >= step.at) break;
    step = Calendar2026().Resume(pause.to, limit.kind, Calendar2026().Remaining(step, pause.from).value());
  }
  const Deadline whole = Calendar2026().AddLimit(start, limit, pauses);
  RC_ASSERT(whole.at == step.at);
  RC_ASSERT(whole.at >= Calendar2026().AddLimit(start, limit).at);
}

RC_GTEST_PROP(WorkCalendarLaw, ALongerCalendarSettlesTheSameDeadline, ()) {
  reference::v1::WorkCalendar message = Message2026();
  message.clear_holidays();
  message.clear_working_weekends();
  const WorkCalendar whole = WorkCalendar::Make(message).value();
  message.set_last_day(absl::FormatCivilTime(absl::CivilDay(2026, 1, 1) + *rc::gen::inRange(0, 200)));
  const WorkCalendar part = WorkCalendar::Make(message).value();

  const absl::Time start = Minute(AnyMinute() / 2);
  const TimeLimit limit = AnyLimit();
  const Deadline expected = whole.AddLimit(start, limit);
  const Deadline early = part.AddLimit(start, limit);
  RC_ASSERT(whole.Recount(early).at == expected.at);
  RC_ASSERT(early.at <= expected.at);
  if (!early.provisional) RC_ASSERT(early.at == expected.at);
}

}  // namespace
}  // namespace civicmesh
