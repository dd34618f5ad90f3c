// 延期, 缓办(挂账), 催办 (DOMAIN section 1.3).
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "services/dispatch/domain/common.h"

namespace civicmesh::dispatch {
namespace {

int64_t YearAfter(int64_t now_ms) {
  const absl::TimeZone zone = WorkCalendar::Zone();
  const absl::CivilSecond now = absl::ToCivilSecond(absl::FromUnixMillis(now_ms), zone);
  return absl::ToUnixMillis(absl::FromCivil(
      absl::CivilSecond(now.year() + 1, now.month(), now.day(), now.hour(), now.minute(), now.second()), zone));
}

}  // namespace

// 申请延期: before the deadline, one at a time; two were granted at most.
CaseDecision RequestExtension(const v1::CaseState& c, const v1::RequestExtensionRequest& cmd, const Context& ctx) {
  if (!StatusIs(c, {v1::CASE_STATUS_SIGNED, v1::CASE_STATUS_IN_DISPOSAL, v1::CASE_STATUS_REWORK}))
    return Refuse(v1::REASON_WRONG_STATUS);
  if (Judged(c, ctx)) return Refuse(v1::REASON_SEPARATION_OF_DUTIES);
  if (c.case_().extension_pending()) return Refuse(v1::REASON_EXTENSION_PENDING);
  if (c.case_().extension_count() >= kMaxExtensions) return Refuse(v1::REASON_EXTENSIONS_EXHAUSTED);
  if (FindClock(c.case_(), v1::CLOCK_KIND_DISPOSAL)->overdue()) return Refuse(v1::REASON_TOO_LATE);
  Change change(c, ctx);
  change.Add(&v1::JournalEvent::mutable_extension_requested);
  change.event().set_note(cmd.note());
  return std::move(change).Done();
}

// 延期审批 in two levels: someone endorses, then a shift leader who is someone else grants one more original limit on
// the deadline as it stands; either may refuse. Refused ones do not count.
CaseDecision DecideExtension(const v1::CaseState& c, const v1::DecideExtensionRequest& cmd, const Context& ctx) {
  if (!c.case_().extension_pending()) return Refuse(v1::REASON_NO_EXTENSION_PENDING);
  if (Handled(c, ctx)) return Refuse(v1::REASON_SEPARATION_OF_DUTIES);
  const bool second = !c.extension_endorsed_by().empty();
  if (second && !ctx.actor.Has("SHIFT_LEADER")) return Refuse(v1::REASON_SECOND_LEVEL_NEEDED);
  if (second && c.extension_endorsed_by() == ctx.actor.subject) return Refuse(v1::REASON_SEPARATION_OF_DUTIES);
  const auto* calendar = ctx.reference->Get<WorkCalendar>(kCalendarKind);
  if (!calendar) return Refuse(v1::REASON_REFERENCE_MISSING);
  Change change(c, ctx);
  if (cmd.approved() && !second) {
    change.Add(&v1::JournalEvent::mutable_extension_endorsed);
    change.event().set_note(cmd.note());
    return std::move(change).Done();
  }
  v1::Explanation why;
  if (cmd.approved()) {
    v1::EventContext& after = change.after();
    after.set_extension_count(after.extension_count() + 1);
    v1::Clock& disposal = change.clock(v1::CLOCK_KIND_DISPOSAL);
    const std::string previous = LocalText(disposal.due_at());
    ExtendClock(disposal, *calendar, ctx.now_ms);
    why = Explain(v1::EXPLANATION_CODE_DEADLINE_EXTENDED, ctx.now_ms,
                  {{"count", absl::StrCat(after.extension_count())},
                   {"previous", previous},
                   {"limit", disposal.limit_text()},
                   {"due", LocalText(disposal.due_at())}});
  }
  v1::ExtensionDecided& decided = change.Add(&v1::JournalEvent::mutable_extension_decided);
  decided.set_granted(cmd.approved());
  *decided.mutable_previous_due_at() = FindClock(c.case_(), v1::CLOCK_KIND_DISPOSAL)->due_at();
  if (cmd.approved()) *decided.add_explanations() = std::move(why);
  change.event().set_note(cmd.note());
  return std::move(change).Done();
}

// 缓办(挂账): once, at most a year; disposal stands still until the day named, then goes on by itself.
CaseDecision Postpone(const v1::CaseState& c, const v1::PostponeCaseRequest& cmd, const Context& ctx) {
  if (!StatusIs(c, {v1::CASE_STATUS_SIGNED, v1::CASE_STATUS_IN_DISPOSAL, v1::CASE_STATUS_REWORK}))
    return Refuse(v1::REASON_WRONG_STATUS);
  if (Handled(c, ctx)) return Refuse(v1::REASON_SEPARATION_OF_DUTIES);
  if (c.was_postponed()) return Refuse(v1::REASON_ALREADY_POSTPONED);
  const int64_t until_ms = ToMs(cmd.until());
  if (until_ms <= ctx.now_ms || until_ms > YearAfter(ctx.now_ms))
    return Refuse(v1::REASON_POSTPONEMENT_TOO_LONG, "until");
  const auto* calendar = ctx.reference->Get<WorkCalendar>(kCalendarKind);
  if (!calendar) return Refuse(v1::REASON_REFERENCE_MISSING);
  Change change(c, ctx);
  v1::Clock& disposal = change.clock(v1::CLOCK_KIND_DISPOSAL);
  if (disposal.overdue()) return Refuse(v1::REASON_TOO_LATE);
  if (!PauseClock(disposal, calendar, ctx.now_ms).ok()) return Refuse(v1::REASON_CALENDAR_ENDED);
  change.after().set_status(v1::CASE_STATUS_POSTPONED);
  v1::CasePostponed& postponed = change.Add(&v1::JournalEvent::mutable_case_postponed);
  *postponed.mutable_until() = cmd.until();
  postponed.set_postponed_from(c.case_().status());
  change.event().set_note(cmd.note());
  change.Arm(kPostponementTimer, until_ms);
  return std::move(change).Done();
}

// 催办: of any open case whose clock does not stand still.
CaseDecision Urge(const v1::CaseState& c, const v1::UrgeCaseRequest& cmd, const Context& ctx) {
  if (!IsOpen(c.case_()) || StatusIs(c, {v1::CASE_STATUS_POSTPONED})) return Refuse(v1::REASON_WRONG_STATUS);
  Change change(c, ctx);
  v1::EventContext& after = change.after();
  after.set_urge_count(after.urge_count() + 1);
  change.Add(&v1::JournalEvent::mutable_case_urged).set_ordinal(after.urge_count());
  change.event().set_note(cmd.note());
  return std::move(change).Done();
}

}  // namespace civicmesh::dispatch
