// The work calendar: which days and hours are worked, and with it when a time limit (时限) runs out.
//
// A WorkCalendar is made from reference data (reference.v1.WorkCalendar). Everything that a case clock does is here:
// start, pause (退单, 缓办), resume, extension (延期). It knows only the days that were loaded. What would need another
// day is provisional and says so; nothing is guessed. explain.h tells a clerk how a deadline was counted.
//
//   absl::StatusOr<WorkCalendar> calendar = WorkCalendar::Make(message);
//   WorkCalendar::Deadline due = calendar->AddLimit(now, *ParseTimeLimit("4工作时"));
//   if (!due.provisional && now2 > due.at) ...  // overdue
//
// Local time is Asia/Shanghai, a fixed +08:00. A shift lasts from its first minute up to, but not including, its last.
//
// Counting, by kind of limit:
//   kUrgentHour, kUrgentDay    the clock runs on; never provisional, for no calendar is needed.
//   kWorkingHour, kWorkingDay  only time within shifts counts. The deadline is the earliest instant by which all of it
//       is counted: a limit that is used up at the end of a shift ends there (12:00), not at the next start (14:00).
//       To the minute, and below: 1工作日 from 10:17 ends at 10:17 on the next working day.
//   kCalendarDay  whole days: the first is not counted (《民法典》第201条). If the last is a day off, the first working
//       day after it is the last one (第203条); 调休 days are working days. It ends at 24:00, not at the end of
//       work, because reports and objections are taken day and night; `at` is therefore 00:00 of the day after.
//
// Immutable and thread-safe; copies share nothing. Nothing blocks. A deadline costs a binary search over the days.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "services/runtime/workcalendar/time_limit.h"

namespace civicmesh {

namespace reference::v1 {
class WorkCalendar;
}

class WorkCalendar {
 public:
  enum class DayKind : uint8_t {
    kWorking,         // Monday to Friday, no holiday
    kWorkingWeekend,  // a Saturday or Sunday that is worked (调休)
    kWeekend,
    kHoliday,
    kUnknown,  // outside the calendar
  };

  struct Deadline {
    // When the limit runs out: what is done at `at` is in time, what is done after it is late. Where `provisional`,
    // the time up to which the calendar could count: the deadline is not before it, and nobody is overdue yet.
    absl::Time at;
    TimeLimit::Kind kind = TimeLimit::Kind::kWorkingHour;
    bool provisional = false;
    // Of a provisional deadline: what `at` leaves to be counted, in the time of `kind` (AmountOfTime).
    absl::Duration uncounted;
    // Of a provisional deadline: why, in Chinese, for the clerk.
    std::string reason;
  };

  // The clock stands from `from` up to `to`; InfiniteFuture where it still stands.
  struct Pause {
    absl::Time from;
    absl::Time to;
  };

  struct Shift {
    int start_minute;  // after local midnight
    int end_minute;
  };

  // INVALID_ARGUMENT, naming the field and the value: a day that is no date or lies outside the calendar, a day named
  // twice, a working weekend that is no weekend or is a holiday too, shifts that are missing, empty, out of order or
  // overlapping, more than 20 years. Holidays may name Saturdays and Sundays, as the State Council's notices do.
  static absl::StatusOr<WorkCalendar> Make(const reference::v1::WorkCalendar& message);

  // Where the clock that starts at `start` runs out, the pauses left out. Pauses are in order and do not overlap; one
  // that begins at or after the deadline changes nothing. While a pause is open `at` is InfiniteFuture.
  // Provisional when the days it needs lie outside the calendar.
  Deadline AddLimit(absl::Time start, const TimeLimit& limit, std::span<const Pause> pauses = {}) const;

  // 延期: one more `limit`, of the deadline's own sort, on the deadline as it stands.
  Deadline Extend(const Deadline& deadline, const TimeLimit& limit) const;

  // What is left at `now`, in the time of the deadline's kind; negative once it is past. For kCalendarDay the whole
  // days after the day of `now`. OUT_OF_RANGE when that needs days outside the calendar, or a time is infinite.
  absl::StatusOr<absl::Duration> Remaining(const Deadline& deadline, absl::Time now) const;

  // The same from the facts: what is left at `now` of a clock that was paused. Within a pause it does not change.
  absl::StatusOr<absl::Duration> Remaining(absl::Time start, const TimeLimit& limit, std::span<const Pause> pauses,
                                           absl::Time now) const;

  // The deadline of a clock that goes on at `at` with `remaining` left, as Remaining told it at the pause.
  // Resume(t, kind, Remaining(deadline, t)) is `deadline` again.
  Deadline Resume(absl::Time at, TimeLimit::Kind kind, absl::Duration remaining) const;

  // A provisional deadline of a shorter calendar, counted on with this one; any other is returned as it is. Not for a
  // clock that was paused after `at`: count that one again with AddLimit.
  Deadline Recount(const Deadline& deadline) const;

  // Working time within [a, b); negative when b is before a. OUT_OF_RANGE when either lies outside the calendar.
  absl::StatusOr<absl::Duration> WorkingTimeBetween(absl::Time a, absl::Time b) const;

  DayKind KindOf(absl::CivilDay day) const;
  // False for days outside the calendar.
  bool IsWorkingDay(absl::CivilDay day) const;

  const std::string& version() const { return version_; }
  absl::CivilDay first_day() const { return first_day_; }
  absl::CivilDay last_day() const { return first_day_ + static_cast<int>(kinds_.size()) - 1; }
  const std::vector<Shift>& shifts() const { return shifts_; }

  // Asia/Shanghai, and the day of `t` there.
  static absl::TimeZone Zone();
  static absl::CivilDay DayOf(absl::Time t);

 private:
  WorkCalendar() = default;

  absl::Time Begin() const;
  absl::Time End() const;
  absl::Status ReadDays(const reference::v1::WorkCalendar& message);
  absl::Status ReadShifts(const reference::v1::WorkCalendar& message);
  bool Covers(absl::Time t) const { return t >= Begin() && t <= End(); }
  absl::Duration WorkedUntil(absl::Time t) const;
  std::optional<absl::Time> WhenWorked(absl::Duration total) const;
  Deadline AddWorkingTime(absl::Time start, TimeLimit::Kind kind, absl::Duration time) const;
  Deadline AddCalendarDays(absl::CivilDay day, int64_t days) const;
  Deadline Add(const Deadline& to, absl::Duration time) const;
  Deadline Provisional(TimeLimit::Kind kind, absl::Time at, absl::Duration uncounted) const;

  std::string version_;
  absl::CivilDay first_day_;
  std::vector<DayKind> kinds_;
  std::vector<Shift> shifts_;
  std::vector<int> worked_before_;  // minutes worked before each day, and one more: all of them
  int minutes_per_day_ = 0;
};

}  // namespace civicmesh
