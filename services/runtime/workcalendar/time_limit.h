// A time limit (时限) as the standards print it: "2紧急工作时", "4工作时", "1工作日", "5自然日".
//
// Limits are data (reference.v1.RegistrationCondition.limit). ParseTimeLimit turns the printed text into a value when
// a standard is loaded or used; WorkCalendar turns a start and a limit into a deadline.
//
//   absl::StatusOr<TimeLimit> limit = ParseTimeLimit("4小时");   // {kWorkingHour, 4}
//   PrintTimeLimit(*limit);                                     // "4工作时"
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace civicmesh {

struct TimeLimit {
  enum class Kind {
    kUrgentHour,   // 紧急工作时: an hour of the clock, day and night, days off included
    kUrgentDay,    // 紧急工作日: 24 such hours
    kWorkingHour,  // 工作时: an hour within the shifts of working days
    kWorkingDay,   // 工作日: 8 working hours, so that 1工作日 and 8工作时 are the same deadline
    kCalendarDay,  // 自然日: whole days; the first is not counted, the last is never a day off
  };

  Kind kind = Kind::kWorkingHour;
  int amount = 0;  // of hours or days, 1 to kMaxAmount

  static constexpr int kMaxAmount = 9999;

  friend bool operator==(const TimeLimit&, const TimeLimit&) = default;
};

// Reads one limit. Accepted is a whole number (ASCII or full-width digits) followed by a unit, with 紧急 before the
// number or between number and unit, 个 before the unit, and blanks anywhere:
//   工作时 工作小时 小时        -> kWorkingHour; with 紧急 kUrgentHour
//   工作日 天                  -> kWorkingDay; with 紧急 kUrgentDay
//   自然日                     -> kCalendarDay; never with 紧急
// 小时 and 天 count working time because the published tables use them so. A bare 日 is refused: it may mean either.
// INVALID_ARGUMENT for everything else, fractions and words after the unit included; the message quotes what was found
// and shows what is accepted.
absl::StatusOr<TimeLimit> ParseTimeLimit(std::string_view text);

// The one standard spelling; ParseTimeLimit reads it back to the same value.
std::string PrintTimeLimit(const TimeLimit& limit);

// How much time the limit is, in the time its kind counts: working time for kWorkingHour and kWorkingDay, time of the
// clock for the urgent kinds, whole days of 24 hours for kCalendarDay.
absl::Duration AmountOfTime(const TimeLimit& limit);

}  // namespace civicmesh
