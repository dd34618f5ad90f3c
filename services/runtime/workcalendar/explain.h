// How a deadline was counted, for the clerk who has to stand by it.
//
//   起算：2026年9月30日（周三）16:30，时限4工作时（工作时间08:00—12:00、14:00—18:00，休息日、节假日不计）
//   9月30日（周三）：计1小时30分
//   10月1日（周四）至10月7日（周三）：节假日，不计
//   10月8日（周四）：计2小时30分
//   截止：2026年10月8日（周四）10:30
#pragma once

#include <span>
#include <string>
#include <vector>

#include "services/runtime/workcalendar/work_calendar.h"

namespace civicmesh {

// One line per step of calendar.AddLimit(start, limit, pauses), in Chinese: the start, each run of days of one sort,
// each pause that counted, and the deadline, or what it waits for. The last line begins with 截止, 暂定 or 暂停.
std::vector<std::string> ExplainDeadline(const WorkCalendar& calendar, absl::Time start, const TimeLimit& limit,
                                         std::span<const WorkCalendar::Pause> pauses = {});

}  // namespace civicmesh
