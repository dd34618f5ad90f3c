// What timers do: a clock ran out (超期), a postponement ends, a provisional deadline is counted again, another shard
// does not answer.
#include <utility>

#include "services/dispatch/domain/common.h"
#include "services/dispatch/domain/merging.h"

namespace civicmesh::dispatch {
namespace {

constexpr int64_t kDayMs = 24 * 3600 * 1000;

// A timer that finds nothing to do: the case moved on in the same instant.
CaseDecision Nothing() { return Decided<v1::JournalEvent>(); }

CaseDecision Resume(const v1::CaseState& c, const Context& ctx) {
  const auto* calendar = ctx.reference->Get<WorkCalendar>(kCalendarKind);
  if (!StatusIs(c, {v1::CASE_STATUS_POSTPONED}) || !calendar) return Nothing();
  Change change(c, ctx);
  change.after().set_status(c.interrupted());
  v1::Clock& disposal = change.clock(v1::CLOCK_KIND_DISPOSAL);
  const v1::Clock paused = disposal;
  ResumeClock(disposal, calendar, ctx.now_ms);
  v1::Explanation why = ExplainResumed(paused, disposal, ctx.now_ms);
  *change.Add(&v1::JournalEvent::mutable_case_resumed).add_explanations() = std::move(why);
  return std::move(change).Done();
}

// 暂定: the calendar that holds now counts on. Where it does not reach further, once more tomorrow.
CaseDecision Recount(const v1::CaseState& c, const Context& ctx) {
  const auto* calendar = ctx.reference->Get<WorkCalendar>(kCalendarKind);
  if (!calendar) return Nothing();
  Change change(c, ctx);
  v1::Clock& disposal = change.clock(v1::CLOCK_KIND_DISPOSAL);
  RecountClock(disposal, *calendar);
  const bool still = disposal.provisional();
  const int64_t wake_ms = WakeAt(disposal);
  v1::Explanation why = ExplainDeadline(c.case_().condition_id(), disposal, ctx.now_ms);
  *change.Add(&v1::JournalEvent::mutable_deadline_recounted).add_explanations() = std::move(why);
  if (still) change.Arm(TimerOf(v1::CLOCK_KIND_DISPOSAL), std::max(wake_ms, ctx.now_ms + kDayMs));
  return std::move(change).Done();
}

}  // namespace

CaseDecision OnTimer(const v1::CaseState& c, const FiredTimer& timer, const Context& ctx) {
  if (timer.kind == kPostponementTimer) return Resume(c, ctx);
  if (timer.kind == kMergingTimer) return GiveUpMerging(c, ctx);
  const v1::ClockKind kind = ClockOf(timer.kind);
  const v1::Clock* ran_out = FindClock(c.case_(), kind);
  if (!ran_out || ran_out->phase() != v1::Clock::PHASE_RUNNING || ran_out->overdue()) return Nothing();
  if (ran_out->provisional()) return Recount(c, ctx);
  if (ToMs(ran_out->due_at()) >= ctx.now_ms) return Nothing();
  Change change(c, ctx);
  v1::Clock& clock = change.clock(kind);
  clock.set_overdue(true);
  const google::protobuf::Timestamp due = clock.due_at();
  v1::CaseBecameOverdue& overdue = change.Add(&v1::JournalEvent::mutable_case_became_overdue);
  overdue.set_clock(kind);
  if (kind == v1::CLOCK_KIND_DISPOSAL) overdue.set_late_unit(c.case_().unit());
  *overdue.mutable_due_at() = due;
  return std::move(change).Done();
}

}  // namespace civicmesh::dispatch
