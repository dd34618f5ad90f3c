#include "services/runtime/workcalendar/work_calendar.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "civicmesh/reference/v1/reference.pb.h"
#include "services/runtime/workcalendar/chinese_time.h"

namespace civicmesh {
namespace {

using Kind = TimeLimit::Kind;
using DayKind = WorkCalendar::DayKind;

constexpr int kMinutesPerDay = 24 * 60;
constexpr int kMaxDays = 20 * 366;
constexpr absl::Duration kDay = absl::Hours(24);

bool IsWeekend(absl::CivilDay day) {
  const absl::Weekday weekday = absl::GetWeekday(day);
  return weekday == absl::Weekday::saturday || weekday == absl::Weekday::sunday;
}

bool IsWorked(DayKind kind) { return kind == DayKind::kWorking || kind == DayKind::kWorkingWeekend; }

absl::Time StartOf(absl::CivilDay day) { return absl::FromCivil(day, WorkCalendar::Zone()); }

// The last day of a deadline of calendar days, which is 00:00 of the day after.
absl::CivilDay LastDayOf(absl::Time at) { return WorkCalendar::DayOf(at - absl::Nanoseconds(1)); }

bool IsFinite(absl::Time t) { return t != absl::InfiniteFuture() && t != absl::InfinitePast(); }

bool IsUrgent(Kind kind) { return kind == Kind::kUrgentHour || kind == Kind::kUrgentDay; }

absl::Status Invalid(std::string_view field, std::string_view value, std::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("work calendar: ", std::string(field), " \"", std::string(value), "\" ", std::string(why)));
}

absl::StatusOr<absl::CivilDay> ReadDay(std::string_view field, const std::string& text) {
  absl::CivilDay day;
  // Abseil reads 2026-1-1 and 2026-02-30 too (as March 2nd); what does not print back is not what was meant.
  if (!absl::ParseCivilTime(text, &day) || absl::FormatCivilTime(day) != text)
    return Invalid(field, text, "is no date as 2026-10-01");
  return day;
}

}  // namespace

absl::TimeZone WorkCalendar::Zone() {
  // China has had no daylight saving time since 1991: a fixed offset needs no time zone data on the machine.
  static const absl::TimeZone zone = absl::FixedTimeZone(8 * 60 * 60);
  return zone;
}

absl::CivilDay WorkCalendar::DayOf(absl::Time t) { return absl::ToCivilDay(t, Zone()); }

absl::StatusOr<WorkCalendar> WorkCalendar::Make(const reference::v1::WorkCalendar& message) {
  WorkCalendar calendar;
  calendar.version_ = message.version();
  if (absl::Status status = calendar.ReadShifts(message); !status.ok()) return status;
  if (absl::Status status = calendar.ReadDays(message); !status.ok()) return status;

  calendar.worked_before_.reserve(calendar.kinds_.size() + 1);
  int worked = 0;
  for (DayKind kind : calendar.kinds_) {
    calendar.worked_before_.push_back(worked);
    if (IsWorked(kind)) worked += calendar.minutes_per_day_;
  }
  calendar.worked_before_.push_back(worked);
  return calendar;
}

absl::Status WorkCalendar::ReadShifts(const reference::v1::WorkCalendar& message) {
  int free_from = 0;
  for (const reference::v1::Shift& shift : message.shifts()) {
    const std::string text = absl::StrCat(shift.start_minute(), "-", shift.end_minute());
    if (shift.start_minute() < 0 || shift.end_minute() > kMinutesPerDay || shift.start_minute() >= shift.end_minute())
      return Invalid("shift", text, "is no part of a day, as 480-720");
    if (shift.start_minute() < free_from) return Invalid("shift", text, "begins before the one ahead of it has ended");
    free_from = shift.end_minute();
    minutes_per_day_ += shift.end_minute() - shift.start_minute();
    shifts_.push_back({shift.start_minute(), shift.end_minute()});
  }
  if (shifts_.empty()) return Invalid("shifts", "", "are missing");
  return absl::OkStatus();
}

absl::Status WorkCalendar::ReadDays(const reference::v1::WorkCalendar& message) {
  absl::StatusOr<absl::CivilDay> first = ReadDay("first_day", message.first_day());
  if (!first.ok()) return first.status();
  absl::StatusOr<absl::CivilDay> last = ReadDay("last_day", message.last_day());
  if (!last.ok()) return last.status();
  if (*last < *first) return Invalid("last_day", message.last_day(), "is before the first day");
  if (*last - *first >= kMaxDays)
    return Invalid("last_day", message.last_day(), "is over 20 years after the first day");

  first_day_ = *first;
  kinds_.resize(*last - *first + 1);
  for (size_t i = 0; i < kinds_.size(); ++i)
    kinds_[i] = IsWeekend(first_day_ + static_cast<int>(i)) ? DayKind::kWeekend : DayKind::kWorking;

  auto mark = [&](std::string_view field, const std::string& text, DayKind kind) -> absl::Status {
    absl::StatusOr<absl::CivilDay> day = ReadDay(field, text);
    if (!day.ok()) return day.status();
    if (KindOf(*day) == DayKind::kUnknown) return Invalid(field, text, "lies outside the calendar");
    DayKind& marked = kinds_[*day - first_day_];
    if (marked == DayKind::kHoliday || marked == DayKind::kWorkingWeekend)
      return Invalid(field, text, "is named twice");
    if (kind == DayKind::kWorkingWeekend && marked != DayKind::kWeekend)
      return Invalid(field, text, "is no Saturday or Sunday");
    marked = kind;
    return absl::OkStatus();
  };
  for (const std::string& text : message.holidays())
    if (absl::Status status = mark("holiday", text, DayKind::kHoliday); !status.ok()) return status;
  for (const std::string& text : message.working_weekends())
    if (absl::Status status = mark("working weekend", text, DayKind::kWorkingWeekend); !status.ok()) return status;
  return absl::OkStatus();
}

DayKind WorkCalendar::KindOf(absl::CivilDay day) const {
  if (day < first_day_ || day > last_day()) return DayKind::kUnknown;
  return kinds_[day - first_day_];
}

bool WorkCalendar::IsWorkingDay(absl::CivilDay day) const { return IsWorked(KindOf(day)); }

absl::Time WorkCalendar::Begin() const { return StartOf(first_day_); }

absl::Time WorkCalendar::End() const { return StartOf(last_day() + 1); }

// Working time from the calendar's begin up to `t`, which the calendar covers.
absl::Duration WorkCalendar::WorkedUntil(absl::Time t) const {
  const absl::CivilDay day = DayOf(t);
  absl::Duration worked = absl::Minutes(worked_before_[day - first_day_]);
  if (!IsWorkingDay(day)) return worked;
  const absl::Duration into_day = t - StartOf(day);
  for (const Shift& shift : shifts_) {
    const absl::Duration into_shift = into_day - absl::Minutes(shift.start_minute);
    const absl::Duration length = absl::Minutes(shift.end_minute - shift.start_minute);
    worked += std::clamp(into_shift, absl::ZeroDuration(), length);
  }
  return worked;
}

// The inverse of WorkedUntil. Through the nights and lunches where time stands, the earliest instant is the one.
std::optional<absl::Time> WorkCalendar::WhenWorked(absl::Duration total) const {
  if (total < absl::ZeroDuration() || total > absl::Minutes(worked_before_.back())) return std::nullopt;
  if (total == absl::ZeroDuration()) return Begin();
  const auto after = std::lower_bound(worked_before_.begin(), worked_before_.end(), total,
                                      [](int minutes, absl::Duration d) { return absl::Minutes(minutes) < d; });
  const int day = static_cast<int>(after - worked_before_.begin()) - 1;
  absl::Duration left = total - absl::Minutes(worked_before_[day]);
  for (const Shift& shift : shifts_) {
    const absl::Duration length = absl::Minutes(shift.end_minute - shift.start_minute);
    if (left <= length) return StartOf(first_day_ + day) + absl::Minutes(shift.start_minute) + left;
    left -= length;
  }
  return std::nullopt;
}

absl::StatusOr<absl::Duration> WorkCalendar::WorkingTimeBetween(absl::Time a, absl::Time b) const {
  for (absl::Time t : {a, b})
    if (!Covers(t))
      return absl::OutOfRangeError(
          absl::StrCat("work calendar ", version_, " covers ", absl::FormatCivilTime(first_day_), " to ",
                       absl::FormatCivilTime(last_day()), ", not ", absl::FormatTime(t, Zone())));
  return WorkedUntil(b) - WorkedUntil(a);
}

WorkCalendar::Deadline WorkCalendar::Provisional(Kind kind, absl::Time at, absl::Duration uncounted) const {
  std::string reason =
      absl::StrCat("工作日历", version_, "只含", FullDayText(first_day_), "至", FullDayText(last_day()));
  if (uncounted == absl::ZeroDuration())
    absl::StrAppend(&reason, "，期满之日是否放假尚未公布");
  else
    absl::StrAppend(&reason, "，尚有", AmountText(kind, uncounted), "无法计入");
  return {.at = at, .kind = kind, .provisional = true, .uncounted = uncounted, .reason = std::move(reason)};
}

WorkCalendar::Deadline WorkCalendar::AddWorkingTime(absl::Time start, Kind kind, absl::Duration time) const {
  if (!Covers(start)) return Provisional(kind, start, time);
  const absl::Duration total = WorkedUntil(start) + time;
  if (std::optional<absl::Time> at = WhenWorked(total)) return {.at = *at, .kind = kind};
  if (total < absl::ZeroDuration()) return Provisional(kind, Begin(), total);
  return Provisional(kind, End(), total - absl::Minutes(worked_before_.back()));
}

WorkCalendar::Deadline WorkCalendar::AddCalendarDays(absl::CivilDay day, int64_t days) const {
  absl::CivilDay last = day + days;
  while (KindOf(last) != DayKind::kUnknown && !IsWorkingDay(last)) ++last;
  // A last day that is not in the calendar may be a day off: the deadline is there or later.
  if (KindOf(last) == DayKind::kUnknown) {
    const absl::CivilDay certain = std::max(day + days, last - 1);
    return Provisional(Kind::kCalendarDay, StartOf(certain + 1), absl::ZeroDuration());
  }
  return {.at = StartOf(last + 1), .kind = Kind::kCalendarDay};
}

WorkCalendar::Deadline WorkCalendar::Resume(absl::Time at, Kind kind, absl::Duration remaining) const {
  if (IsUrgent(kind)) return {.at = at + remaining, .kind = kind};
  if (kind == Kind::kCalendarDay) return AddCalendarDays(DayOf(at), remaining / kDay);
  return AddWorkingTime(at, kind, remaining);
}

// Unlike Resume, this counts on from a deadline: one of calendar days lies at the end of its last day.
WorkCalendar::Deadline WorkCalendar::Add(const Deadline& to, absl::Duration time) const {
  if (to.kind == Kind::kCalendarDay) return AddCalendarDays(LastDayOf(to.at), (to.uncounted + time) / kDay);
  return Resume(to.at, to.kind, to.uncounted + time);
}

WorkCalendar::Deadline WorkCalendar::Extend(const Deadline& deadline, const TimeLimit& limit) const {
  return Add(deadline, AmountOfTime(limit));
}

WorkCalendar::Deadline WorkCalendar::Recount(const Deadline& deadline) const {
  return deadline.provisional ? Add(deadline, absl::ZeroDuration()) : deadline;
}

WorkCalendar::Deadline WorkCalendar::AddLimit(absl::Time start, const TimeLimit& limit,
                                              std::span<const Pause> pauses) const {
  Deadline deadline = Resume(start, limit.kind, AmountOfTime(limit));
  for (const Pause& pause : pauses) {
    const absl::Time from = std::max(pause.from, start);
    if (from >= deadline.at) break;
    absl::StatusOr<absl::Duration> left = Remaining(deadline, from);
    if (!left.ok()) break;
    if (pause.to == absl::InfiniteFuture()) return {.at = pause.to, .kind = limit.kind};
    deadline = Resume(std::max(pause.to, from), limit.kind, *left);
  }
  return deadline;
}

absl::StatusOr<absl::Duration> WorkCalendar::Remaining(const Deadline& deadline, absl::Time now) const {
  if (!IsFinite(now) || !IsFinite(deadline.at)) return absl::OutOfRangeError("work calendar: an infinite time");
  if (IsUrgent(deadline.kind)) return deadline.at - now;
  if (deadline.kind == Kind::kCalendarDay) return (LastDayOf(deadline.at) - DayOf(now)) * kDay;
  absl::StatusOr<absl::Duration> counted = WorkingTimeBetween(now, deadline.at);
  if (!counted.ok()) return counted.status();
  return *counted + deadline.uncounted;
}

absl::StatusOr<absl::Duration> WorkCalendar::Remaining(absl::Time start, const TimeLimit& limit,
                                                       std::span<const Pause> pauses, absl::Time now) const {
  size_t ended = 0;
  while (ended < pauses.size() && pauses[ended].to <= now) ++ended;
  const Deadline deadline = AddLimit(start, limit, pauses.first(ended));
  if (ended < pauses.size() && pauses[ended].from < deadline.at)
    now = std::min(now, std::max(pauses[ended].from, start));
  return Remaining(deadline, now);
}

}  // namespace civicmesh
