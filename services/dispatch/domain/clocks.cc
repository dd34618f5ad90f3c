#include "services/dispatch/domain/clocks.h"

#include <algorithm>

#include "google/protobuf/util/time_util.h"

namespace civicmesh::dispatch {
namespace {

using google::protobuf::util::TimeUtil;

constexpr int64_t kMinuteMs = 60 * 1000;

TimeLimit::Kind ToTimeLimitKind(v1::LimitKind kind) {
  switch (kind) {
    case v1::LIMIT_KIND_URGENT_HOUR:
      return TimeLimit::Kind::kUrgentHour;
    case v1::LIMIT_KIND_URGENT_DAY:
      return TimeLimit::Kind::kUrgentDay;
    case v1::LIMIT_KIND_WORKING_DAY:
      return TimeLimit::Kind::kWorkingDay;
    case v1::LIMIT_KIND_CALENDAR_DAY:
      return TimeLimit::Kind::kCalendarDay;
    default:
      return TimeLimit::Kind::kWorkingHour;
  }
}

bool Plain(const v1::Clock& clock) { return clock.counted() == v1::LIMIT_KIND_MINUTES; }

WorkCalendar::Deadline DeadlineOf(const v1::Clock& clock) {
  return {.at = absl::FromUnixMillis(ToMs(clock.due_at())),
          .kind = ToTimeLimitKind(clock.counted()),
          .provisional = clock.provisional(),
          .uncounted = absl::Milliseconds(clock.uncounted_ms()),
          .reason = ""};
}

void SetDeadline(v1::Clock& clock, const WorkCalendar::Deadline& deadline, const WorkCalendar& calendar) {
  *clock.mutable_due_at() = ToTimestamp(absl::ToUnixMillis(deadline.at));
  clock.set_provisional(deadline.provisional);
  clock.set_uncounted_ms(deadline.provisional ? absl::ToInt64Milliseconds(deadline.uncounted) : 0);
  clock.set_calendar_version(calendar.version());
}

}  // namespace

google::protobuf::Timestamp ToTimestamp(int64_t ms) { return TimeUtil::MillisecondsToTimestamp(ms); }
int64_t ToMs(const google::protobuf::Timestamp& t) { return TimeUtil::TimestampToMilliseconds(t); }

std::string LocalText(const google::protobuf::Timestamp& t) {
  return absl::FormatTime("%Y-%m-%d %H:%M", absl::FromUnixMillis(ToMs(t)), WorkCalendar::Zone());
}

v1::LimitKind ToLimitKind(TimeLimit::Kind kind) {
  switch (kind) {
    case TimeLimit::Kind::kUrgentHour:
      return v1::LIMIT_KIND_URGENT_HOUR;
    case TimeLimit::Kind::kUrgentDay:
      return v1::LIMIT_KIND_URGENT_DAY;
    case TimeLimit::Kind::kWorkingHour:
      return v1::LIMIT_KIND_WORKING_HOUR;
    case TimeLimit::Kind::kWorkingDay:
      return v1::LIMIT_KIND_WORKING_DAY;
    case TimeLimit::Kind::kCalendarDay:
      return v1::LIMIT_KIND_CALENDAR_DAY;
  }
  return v1::LIMIT_KIND_UNSPECIFIED;
}

v1::Clock StartMinutes(v1::ClockKind kind, int minutes, int64_t now_ms) {
  v1::Clock clock;
  clock.set_kind(kind);
  clock.set_phase(v1::Clock::PHASE_RUNNING);
  *clock.mutable_started_at() = ToTimestamp(now_ms);
  *clock.mutable_due_at() = ToTimestamp(now_ms + minutes * kMinuteMs);
  clock.set_counted(v1::LIMIT_KIND_MINUTES);
  clock.set_amount(minutes);
  return clock;
}

v1::Clock StartDisposal(const std::string& limit_text, const WorkCalendar& calendar, int64_t now_ms) {
  const TimeLimit limit = *ParseTimeLimit(limit_text);
  v1::Clock clock;
  clock.set_kind(v1::CLOCK_KIND_DISPOSAL);
  clock.set_phase(v1::Clock::PHASE_RUNNING);
  *clock.mutable_started_at() = ToTimestamp(now_ms);
  clock.set_counted(ToLimitKind(limit.kind));
  clock.set_amount(limit.amount);
  clock.set_limit_text(limit_text);
  SetDeadline(clock, calendar.AddLimit(absl::FromUnixMillis(now_ms), limit), calendar);
  return clock;
}

void StopClock(v1::Clock& clock, int64_t now_ms) {
  if (clock.phase() == v1::Clock::PHASE_RUNNING && !clock.provisional() && now_ms > ToMs(clock.due_at()))
    clock.set_overdue(true);
  clock.set_phase(v1::Clock::PHASE_STOPPED);
  *clock.mutable_stopped_at() = ToTimestamp(now_ms);
  clock.clear_paused_at();
  clock.clear_remaining_ms();
}

void ReopenClock(v1::Clock& clock) {
  clock.set_phase(v1::Clock::PHASE_RUNNING);
  clock.clear_stopped_at();
}

absl::Status PauseClock(v1::Clock& clock, const WorkCalendar* calendar, int64_t now_ms) {
  int64_t remaining_ms = 0;
  if (Plain(clock)) {
    remaining_ms = ToMs(clock.due_at()) - now_ms;
  } else {
    RecountClock(clock, *calendar);
    auto remaining = calendar->Remaining(DeadlineOf(clock), absl::FromUnixMillis(now_ms));
    if (!remaining.ok()) return remaining.status();
    remaining_ms = absl::ToInt64Milliseconds(*remaining);
  }
  clock.set_phase(v1::Clock::PHASE_PAUSED);
  *clock.mutable_paused_at() = ToTimestamp(now_ms);
  clock.set_remaining_ms(remaining_ms);
  return absl::OkStatus();
}

void ResumeClock(v1::Clock& clock, const WorkCalendar* calendar, int64_t now_ms) {
  if (Plain(clock)) {
    *clock.mutable_due_at() = ToTimestamp(now_ms + clock.remaining_ms());
  } else {
    SetDeadline(clock,
                calendar->Resume(absl::FromUnixMillis(now_ms), ToTimeLimitKind(clock.counted()),
                                 absl::Milliseconds(clock.remaining_ms())),
                *calendar);
  }
  clock.set_phase(v1::Clock::PHASE_RUNNING);
  clock.clear_paused_at();
  clock.clear_remaining_ms();
}

void ExtendClock(v1::Clock& clock, const WorkCalendar& calendar, int64_t now_ms) {
  RecountClock(clock, calendar);
  const TimeLimit limit{.kind = ToTimeLimitKind(clock.counted()), .amount = clock.amount()};
  SetDeadline(clock, calendar.Extend(DeadlineOf(clock), limit), calendar);
  if (clock.provisional() || ToMs(clock.due_at()) >= now_ms) clock.set_overdue(false);
}

void RecountClock(v1::Clock& clock, const WorkCalendar& calendar) {
  if (clock.provisional()) SetDeadline(clock, calendar.Recount(DeadlineOf(clock)), calendar);
}

int64_t WakeAt(const v1::Clock& clock) {
  if (clock.phase() != v1::Clock::PHASE_RUNNING || clock.overdue()) return 0;
  return ToMs(clock.due_at()) + 1;
}

}  // namespace civicmesh::dispatch
