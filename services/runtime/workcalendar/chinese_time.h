// Days, times and amounts of time as a clerk reads them. Pure functions.
#pragma once

#include <string>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "services/runtime/workcalendar/time_limit.h"

namespace civicmesh {

// "10月8日（周四）", and "2026年10月8日（周四）".
std::string DayText(absl::CivilDay day);
std::string FullDayText(absl::CivilDay day);

// Minutes after midnight as "08:00"; 1440 is "24:00".
std::string MinuteText(int minute);

// "10:30", with seconds where there are any; in Asia/Shanghai.
std::string ClockText(absl::Time t);

// "1小时30分", with seconds where there are any; "0分" for nothing. Parts of a second are left out.
std::string AmountText(absl::Duration amount);

// What is left of a limit of that kind: "3日" of calendar days, else as AmountText.
std::string AmountText(TimeLimit::Kind kind, absl::Duration amount);

}  // namespace civicmesh
