#include "services/runtime/workcalendar/chinese_time.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/runtime/workcalendar/work_calendar.h"

namespace civicmesh {

std::string DayText(absl::CivilDay day) {
  static constexpr const char* kWeekdays[] = {"一", "二", "三", "四", "五", "六", "日"};
  return absl::StrCat(day.month(), "月", day.day(), "日（周", kWeekdays[static_cast<int>(absl::GetWeekday(day))], "）");
}

std::string FullDayText(absl::CivilDay day) { return absl::StrCat(day.year(), "年", DayText(day)); }

std::string MinuteText(int minute) { return absl::StrFormat("%02d:%02d", minute / 60, minute % 60); }

std::string ClockText(absl::Time t) {
  const absl::CivilSecond second = absl::ToCivilSecond(t, WorkCalendar::Zone());
  std::string text = MinuteText(second.hour() * 60 + second.minute());
  if (second.second() != 0) text += absl::StrFormat(":%02d", second.second());
  return text;
}

std::string AmountText(absl::Duration amount) {
  std::string text = amount < absl::ZeroDuration() ? "-" : "";
  amount = absl::AbsDuration(amount);
  const int64_t hours = absl::IDivDuration(amount, absl::Hours(1), &amount);
  const int64_t minutes = absl::IDivDuration(amount, absl::Minutes(1), &amount);
  const int64_t seconds = absl::IDivDuration(amount, absl::Seconds(1), &amount);
  if (hours != 0) absl::StrAppend(&text, hours, "小时");
  if (minutes != 0 || (hours == 0 && seconds == 0)) absl::StrAppend(&text, minutes, "分");
  if (seconds != 0) absl::StrAppend(&text, seconds, "秒");
  return text;
}

std::string AmountText(TimeLimit::Kind kind, absl::Duration amount) {
  if (kind == TimeLimit::Kind::kCalendarDay) return absl::StrCat(amount / absl::Hours(24), "日");
  return AmountText(amount);
}

}  // namespace civicmesh
