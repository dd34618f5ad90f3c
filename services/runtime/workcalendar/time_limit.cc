#include "services/runtime/workcalendar/time_limit.h"

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace civicmesh {
namespace {

using Kind = TimeLimit::Kind;

constexpr int kWorkingHoursPerDay = 8;
constexpr int kHoursPerDay = 24;

constexpr std::string_view kUrgent = "紧急";
constexpr std::string_view kMeasureWord = "个";
constexpr std::string_view kWideBlank = "\u3000";
// U+FF10 to U+FF19 are EF BC 90 to EF BC 99 in UTF-8.
constexpr std::string_view kWideDigitLead = "\xEF\xBC";

bool Consume(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Tables are typed by people and copied out of word processors: blanks and full-width digits are common.
std::string Normalized(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (Consume(text, kWideBlank)) continue;
    if (text.size() > 2 && text.starts_with(kWideDigitLead) && text[2] >= '\x90' && text[2] <= '\x99') {
      out.push_back(static_cast<char>('0' + (text[2] - '\x90')));
      text.remove_prefix(3);
      continue;
    }
    if (std::string_view(" \t\r\n").find(text.front()) == std::string_view::npos) out.push_back(text.front());
    text.remove_prefix(1);
  }
  return out;
}

// nullopt without a digit; a value above the maximum stands for any number too large.
std::optional<int> ConsumeNumber(std::string_view& text) {
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  int number = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (number <= TimeLimit::kMaxAmount) number = number * 10 + (text.front() - '0');
    text.remove_prefix(1);
  }
  return number;
}

std::optional<Kind> ConsumeUnit(std::string_view& text) {
  for (std::string_view unit : {"工作时", "工作小时", "小时"})
    if (Consume(text, unit)) return Kind::kWorkingHour;
  for (std::string_view unit : {"工作日", "天"})
    if (Consume(text, unit)) return Kind::kWorkingDay;
  if (Consume(text, "自然日")) return Kind::kCalendarDay;
  return std::nullopt;
}

absl::Status Refused(std::string_view text, std::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(
      "time limit \"", std::string(text), "\": ", std::string(why),
      "; accepted are a whole number and a unit, as 2紧急工作时, 4工作时, 1工作日, 1紧急工作日, 5自然日, 4小时, 2天"));
}

}  // namespace

absl::StatusOr<TimeLimit> ParseTimeLimit(std::string_view text) {
  const std::string normalized = Normalized(text);
  std::string_view rest = normalized;

  bool urgent = Consume(rest, kUrgent);
  std::optional<int> amount = ConsumeNumber(rest);
  if (!amount) return Refused(text, "no number where one is expected");
  if (*amount < 1 || *amount > TimeLimit::kMaxAmount)
    return Refused(text, absl::StrCat("the number is not between 1 and ", TimeLimit::kMaxAmount));
  if (!urgent) urgent = Consume(rest, kUrgent);
  Consume(rest, kMeasureWord);
  if (!urgent) urgent = Consume(rest, kUrgent);

  const std::string found(rest);
  std::optional<Kind> kind = ConsumeUnit(rest);
  if (!kind)
    return Refused(text, found.empty() ? "no unit after the number" : absl::StrCat("no known unit in \"", found, "\""));
  if (!rest.empty()) return Refused(text, absl::StrCat("\"", std::string(rest), "\" after the unit"));
  if (urgent && *kind == Kind::kCalendarDay) return Refused(text, "紧急 does not go with 自然日");
  if (urgent) kind = *kind == Kind::kWorkingHour ? Kind::kUrgentHour : Kind::kUrgentDay;
  return TimeLimit{*kind, *amount};
}

std::string PrintTimeLimit(const TimeLimit& limit) {
  switch (limit.kind) {
    case Kind::kUrgentHour:
      return absl::StrCat(limit.amount, "紧急工作时");
    case Kind::kUrgentDay:
      return absl::StrCat(limit.amount, "紧急工作日");
    case Kind::kWorkingHour:
      return absl::StrCat(limit.amount, "工作时");
    case Kind::kWorkingDay:
      return absl::StrCat(limit.amount, "工作日");
    case Kind::kCalendarDay:
      return absl::StrCat(limit.amount, "自然日");
  }
  return "";
}

absl::Duration AmountOfTime(const TimeLimit& limit) {
  switch (limit.kind) {
    case Kind::kUrgentHour:
    case Kind::kWorkingHour:
      return absl::Hours(limit.amount);
    case Kind::kWorkingDay:
      return absl::Hours(limit.amount) * kWorkingHoursPerDay;
    case Kind::kUrgentDay:
    case Kind::kCalendarDay:
      return absl::Hours(limit.amount) * kHoursPerDay;
  }
  return absl::ZeroDuration();
}

}  // namespace civicmesh
