// The clocks of a case (受理, 核实, 派遣, 处置, 核查, 回访): started, paused, resumed, extended, stopped, as values.
//
// A clock counts plain minutes, or a 处置时限 by the work calendar (DOMAIN section 1.3). What is done at its due time
// is in time; what is done after it is late. A provisional clock (due beyond the loaded calendar) makes nobody late.
//
// Times are milliseconds since 1970. Pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "services/runtime/workcalendar/work_calendar.h"

namespace civicmesh::dispatch {

constexpr int kAcceptanceMinutes = 15;
constexpr int kVerificationMinutes = 30;
constexpr int kDispatchMinutes = 15;
constexpr int kInspectionMinutes = 30;
constexpr int kRevisitMinutes = 7 * 24 * 60;

google::protobuf::Timestamp ToTimestamp(int64_t ms);
int64_t ToMs(const google::protobuf::Timestamp& t);
// "2026-11-18 10:15", local time, for explanations.
std::string LocalText(const google::protobuf::Timestamp& t);

v1::Clock StartMinutes(v1::ClockKind kind, int minutes, int64_t now_ms);
// 处置时限 from now on; `limit_text` as printed in the standard, which was checked when it was loaded.
v1::Clock StartDisposal(const std::string& limit_text, const WorkCalendar& calendar, int64_t now_ms);

// Ends a running or paused clock; late where its due time has passed.
void StopClock(v1::Clock& clock, int64_t now_ms);
// 返工: a clock that was stopped runs on towards its old due time, as if it had never stopped.
void ReopenClock(v1::Clock& clock);
// What is left is kept. OUT_OF_RANGE where the calendar does not cover now (and the clock needs it): nothing changes.
// `calendar` may be null for clocks of minutes.
absl::Status PauseClock(v1::Clock& clock, const WorkCalendar* calendar, int64_t now_ms);
// Goes on with what was left.
void ResumeClock(v1::Clock& clock, const WorkCalendar* calendar, int64_t now_ms);
// 延期: one more original limit on the due time as it stands. Late no more where that lies ahead of now.
void ExtendClock(v1::Clock& clock, const WorkCalendar& calendar, int64_t now_ms);
// A provisional clock, counted on with the calendar that holds now.
void RecountClock(v1::Clock& clock, const WorkCalendar& calendar);

// When a timer has to look at the clock again; 0 where there is nothing to wait for.
int64_t WakeAt(const v1::Clock& clock);

v1::LimitKind ToLimitKind(TimeLimit::Kind kind);

}  // namespace civicmesh::dispatch
