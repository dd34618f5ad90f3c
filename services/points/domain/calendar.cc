#include "services/points/domain/calendar.h"

#include <algorithm>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace civicmesh::points {
namespace {

absl::TimeZone Shanghai() { return absl::FixedTimeZone(8 * 60 * 60); }

absl::CivilDay CivilDayOf(int64_t ms) { return absl::ToCivilDay(absl::FromUnixMillis(ms), Shanghai()); }

}  // namespace

int32_t DayOf(int64_t ms) {
  const absl::CivilDay day = CivilDayOf(ms);
  return static_cast<int32_t>(day.year()) * 10000 + day.month() * 100 + day.day();
}

int32_t MonthOf(int64_t ms) { return DayOf(ms) / 100; }

int64_t ExpiryOf(int64_t granted_ms, int months) {
  const absl::CivilDay granted = CivilDayOf(granted_ms);
  const absl::CivilMonth month = absl::CivilMonth(granted) + months;
  const absl::CivilDay last_of_month = absl::CivilDay(month + 1) - 1;
  const absl::CivilDay last = std::min(absl::CivilDay(month) + (granted.day() - 1), last_of_month);
  return absl::ToUnixMillis(absl::FromCivil(last + 1, Shanghai()));
}

}  // namespace civicmesh::points
