#include "services/intake/domain/quiet_hours.h"

namespace civicmesh::intake {
namespace {

constexpr int64_t kMinuteMs = 60 * 1000, kDayMs = 24 * 60 * kMinuteMs;
constexpr int64_t kLocalAheadMs = 8 * 60 * kMinuteMs;  // of UTC, all year
constexpr size_t kDigits = 5;                          // of "22:00"
constexpr int kHours = 24, kMinutes = 60;

// 0 to 99; -1 where it is no two digits.
int TwoDigits(std::string_view text) {
  constexpr int kTen = 10;
  int value = 0;
  for (char c : text.substr(0, 2)) {
    if (c < '0' || c > '9') return -1;
    value = kTen * value + (c - '0');
  }
  return value;
}

std::optional<int> MinuteOf(std::string_view text) {
  if (text.size() != kDigits || text[2] != ':') return std::nullopt;
  const int hour = TwoDigits(text), minute = TwoDigits(text.substr(3));
  if (hour < 0 || hour >= kHours || minute < 0 || minute >= kMinutes) return std::nullopt;
  return kMinutes * hour + minute;
}

}  // namespace

std::optional<QuietHours> ParseQuietHours(std::string_view from, std::string_view to) {
  const auto first = MinuteOf(from), last = MinuteOf(to);
  if (!first || !last || *first == *last) return std::nullopt;
  return QuietHours{.from = *first, .to = *last};
}

std::optional<int64_t> QuietUntil(const QuietHours& hours, int64_t at_ms) {
  const int64_t local_ms = at_ms + kLocalAheadMs;
  const int64_t since_midnight_ms = local_ms % kDayMs, midnight_ms = at_ms - since_midnight_ms;
  const int64_t from_ms = hours.from * kMinuteMs, to_ms = hours.to * kMinuteMs;
  const bool begun = since_midnight_ms >= from_ms, over = since_midnight_ms >= to_ms;
  if (hours.from < hours.to) return begun && !over ? std::optional(midnight_ms + to_ms) : std::nullopt;
  if (begun) return midnight_ms + kDayMs + to_ms;
  return over ? std::nullopt : std::optional(midnight_ms + to_ms);
}

}  // namespace civicmesh::intake
