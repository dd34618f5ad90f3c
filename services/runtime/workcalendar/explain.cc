#include "services/runtime/workcalendar/explain.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "services/runtime/workcalendar/chinese_time.h"

namespace civicmesh {
namespace {

using Kind = TimeLimit::Kind;
using DayKind = WorkCalendar::DayKind;

absl::Time StartOf(absl::CivilDay day) { return absl::FromCivil(day, WorkCalendar::Zone()); }

std::string MomentText(absl::Time t) { return DayText(WorkCalendar::DayOf(t)) + ClockText(t); }

std::string FullMomentText(absl::Time t) { return FullDayText(WorkCalendar::DayOf(t)) + ClockText(t); }

absl::CivilDay LastDayOf(const WorkCalendar::Deadline& deadline) {
  return WorkCalendar::DayOf(deadline.at - absl::Nanoseconds(1));
}

std::string WhenText(const WorkCalendar::Deadline& deadline) {
  if (deadline.kind == Kind::kCalendarDay) return FullDayText(LastDayOf(deadline)) + MinuteText(24 * 60);
  return FullMomentText(deadline.at);
}

std::string RuleText(const WorkCalendar& calendar, Kind kind) {
  if (kind == Kind::kCalendarDay) return "起算当日不计，《民法典》第201条";
  if (kind == Kind::kUrgentHour || kind == Kind::kUrgentDay) return "昼夜连续计算，休息日、节假日照计";
  std::string text = "工作时间";
  for (const WorkCalendar::Shift& shift : calendar.shifts())
    absl::StrAppend(&text, &shift == &calendar.shifts().front() ? "" : "、", MinuteText(shift.start_minute), "—",
                    MinuteText(shift.end_minute));
  return text + "，休息日、节假日不计";
}

std::string DayKindText(DayKind kind) {
  switch (kind) {
    case DayKind::kWorking:
      return "";
    case DayKind::kWorkingWeekend:
      return "调休上班，";
    case DayKind::kWeekend:
      return "休息日，";
    case DayKind::kHoliday:
      return "节假日，";
    case DayKind::kUnknown:
      return "未公布，";
  }
  return "";
}

// Days in a row of one kind, of each of which the same was counted.
struct Run {
  absl::CivilDay first, last;
  DayKind kind;
  absl::Duration counted;
};

std::string RunText(const Run& run) {
  const bool several = run.first != run.last;
  std::string text = DayText(run.first);
  if (several) absl::StrAppend(&text, "至", DayText(run.last));
  absl::StrAppend(&text, "：", DayKindText(run.kind));
  if (run.counted == absl::ZeroDuration()) {
    const bool worked = run.kind == DayKind::kWorking || run.kind == DayKind::kWorkingWeekend;
    return text + (worked ? "不在工作时间，不计" : "不计");
  }
  return absl::StrCat(text, several ? "每日计" : "计", AmountText(run.counted));
}

// The days from `from` to `to`, both covered by the calendar.
void AppendWorkingDays(const WorkCalendar& calendar, absl::Time from, absl::Time to, std::vector<std::string>& lines) {
  std::vector<Run> runs;
  const absl::CivilDay last = WorkCalendar::DayOf(std::max(from, to - absl::Nanoseconds(1)));
  for (absl::CivilDay day = WorkCalendar::DayOf(from); day <= last; ++day) {
    const absl::StatusOr<absl::Duration> counted =
        calendar.WorkingTimeBetween(std::max(from, StartOf(day)), std::min(to, StartOf(day + 1)));
    if (!counted.ok()) return;
    const DayKind kind = calendar.KindOf(day);
    if (!runs.empty() && runs.back().kind == kind && runs.back().counted == *counted)
      runs.back().last = day;
    else
      runs.push_back({day, day, kind, *counted});
  }
  for (const Run& run : runs) lines.push_back(RunText(run));
}

void AppendCalendarDays(const WorkCalendar& calendar, absl::Time from, const WorkCalendar::Deadline& deadline,
                        absl::Duration left, std::vector<std::string>& lines) {
  const absl::CivilDay full = WorkCalendar::DayOf(from) + left / absl::Hours(24);
  lines.push_back(absl::StrCat("自", DayText(WorkCalendar::DayOf(from) + 1), "起算，", AmountText(deadline.kind, left),
                               "于", DayText(full), "期满"));
  if (LastDayOf(deadline) == full || deadline.provisional) return;
  lines.push_back(absl::StrCat(DayText(full), "是", calendar.KindOf(full) == DayKind::kHoliday ? "节假日" : "休息日",
                               "，顺延至", DayText(LastDayOf(deadline)), "（《民法典》第203条）"));
}

}  // namespace

std::vector<std::string> ExplainDeadline(const WorkCalendar& calendar, absl::Time start, const TimeLimit& limit,
                                         std::span<const WorkCalendar::Pause> pauses) {
  std::vector<std::string> lines = {absl::StrCat("起算：", FullMomentText(start), "，时限", PrintTimeLimit(limit), "（",
                                                 RuleText(calendar, limit.kind), "）")};
  absl::Time from = start;
  absl::Duration left = AmountOfTime(limit);
  WorkCalendar::Deadline deadline = calendar.AddLimit(start, limit);
  auto append_counted = [&](absl::Time to) {
    if (limit.kind == Kind::kWorkingHour || limit.kind == Kind::kWorkingDay)
      AppendWorkingDays(calendar, from, to, lines);
    if (limit.kind == Kind::kCalendarDay) AppendCalendarDays(calendar, from, deadline, left, lines);
  };

  for (size_t i = 0; i < pauses.size(); ++i) {
    const absl::Time stop = std::max(pauses[i].from, from);
    const absl::StatusOr<absl::Duration> remaining = calendar.Remaining(deadline, stop);
    if (stop >= deadline.at || !remaining.ok()) break;
    left = *remaining;
    if (limit.kind != Kind::kCalendarDay) append_counted(stop);
    const std::string still = absl::StrCat("，暂停计时，尚余", AmountText(limit.kind, left));
    if (pauses[i].to == absl::InfiniteFuture()) {
      lines.push_back(absl::StrCat("暂停：自", MomentText(stop), "起", still));
      return lines;
    }
    from = std::max(pauses[i].to, stop);
    lines.push_back(absl::StrCat(MomentText(stop), "至", MomentText(from), still));
    deadline = calendar.AddLimit(start, limit, pauses.first(i + 1));
  }

  append_counted(deadline.at);
  if (deadline.provisional)
    lines.push_back(absl::StrCat("暂定：不早于", WhenText(deadline), "，", deadline.reason));
  else
    lines.push_back(absl::StrCat("截止：", WhenText(deadline)));
  return lines;
}

}  // namespace civicmesh
