// Quiet hours (免打扰时段): when nobody is disturbed with a notice, and until when it waits. Pure functions.
//
//   ParseQuietHours("22:00", "07:00")   at 23:10 local time: QuietUntil is 07:00 of the next day
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace civicmesh::intake {

// Minutes after midnight, local time (Asia/Shanghai). `from` belongs to it, `to` does not; before `from` it is of the
// next day.
struct QuietHours {
  int from = 0;
  int to = 0;

  friend bool operator==(const QuietHours&, const QuietHours&) = default;
};

// Two times of day as "22:00". Nullopt: one is none, or both are the same.
std::optional<QuietHours> ParseQuietHours(std::string_view from, std::string_view to);

// When the quiet hours that it is in are over; nullopt where it is in none. Milliseconds since 1970.
std::optional<int64_t> QuietUntil(const QuietHours& hours, int64_t at_ms);

}  // namespace civicmesh::intake
