// 派遣 to the one unit whose duty it is; 退单 and its judgement.
#include <utility>

#include "services/dispatch/domain/common.h"

namespace civicmesh::dispatch {
namespace {

struct Receiver {
  const Unit* unit = nullptr;
  UnitChoice proposed;
  bool overridden = false;
};

// By (class, grid) from the duty list, or whom the dispatcher names with a reason. A unit whose return was found
// justified does not get the case again.
std::variant<Receiver, Refusal> ChooseReceiver(const v1::CaseState& c, const v1::DispatchCaseRequest& cmd,
                                               const District& district, int64_t now_ms) {
  Receiver receiver{.proposed = ChooseUnit(c.case_().class_code(), c.unit_role(), c.case_().grid(), district, now_ms)};
  const bool names = !cmd.override_unit().empty();
  const std::string& id = names ? cmd.override_unit() : receiver.proposed.unit;
  if (id.empty()) return Refuse(v1::REASON_NO_UNIT);
  receiver.unit = district.FindUnit(id);
  if (!receiver.unit) return Refuse(v1::REASON_UNKNOWN_UNIT, "override_unit");
  if (Contains(c.justified_units(), id)) return Refuse(v1::REASON_UNIT_ALREADY_RETURNED, "override_unit");
  receiver.overridden = names && id != receiver.proposed.unit;
  if (receiver.overridden && cmd.override_reason().empty())
    return Refuse(v1::REASON_OVERRIDE_REASON_MISSING, "override_reason");
  return receiver;
}

// 三次转派: the matter is escalated, and whoever received it first did not lead (首接负责, DOMAIN section 2).
void EscalateTransfers(Change& change, const v1::Case& was) {
  change.after().set_escalated(true);
  change.Add(&v1::JournalEvent::mutable_case_escalated).set_ground(v1::ESCALATION_GROUND_TRANSFERS);
  change.after().set_buck_passed(true);
  v1::BuckPassMarked& marked = change.Add(&v1::JournalEvent::mutable_buck_pass_marked);
  marked.set_ground(v1::BUCK_PASS_GROUND_TRANSFERS);
  marked.set_marked_unit(was.units(0));
}

}  // namespace

// 派遣. The disposal clock starts, and starts anew at another unit. Class, condition and limit are those that the case
// was registered by: a standard that changes later does not touch it.
CaseDecision Dispatch(const v1::CaseState& c, const v1::DispatchCaseRequest& cmd, const Context& ctx) {
  if (!StatusIs(c, {v1::CASE_STATUS_REGISTERED})) return Refuse(v1::REASON_WRONG_STATUS);
  const auto* district = ctx.reference->Get<District>(kDistrictKind);
  const auto* calendar = ctx.reference->Get<WorkCalendar>(kCalendarKind);
  if (!district || !calendar) return Refuse(v1::REASON_REFERENCE_MISSING);
  const v1::Case& was = c.case_();
  auto chosen = ChooseReceiver(c, cmd, *district, ctx.now_ms);
  if (auto* refusal = std::get_if<Refusal>(&chosen)) return std::move(*refusal);
  Receiver& receiver = std::get<Receiver>(chosen);

  const bool first = was.units_size() == 0;
  const std::string previous = first ? "" : was.units(was.units_size() - 1);
  const bool transfer = !first && c.last_unit() != receiver.unit->id;
  Change change(c, ctx);
  v1::EventContext& after = change.after();
  after.set_status(v1::CASE_STATUS_DISPATCHED);
  after.set_unit(receiver.unit->id);
  after.set_department_zh(receiver.unit->department_zh);
  if (first) *after.mutable_first_dispatched_at() = ToTimestamp(ctx.now_ms);
  if (transfer) after.set_transfer_count(after.transfer_count() + 1);
  StopClock(change.clock(v1::CLOCK_KIND_DISPATCH), ctx.now_ms);
  change.Start(StartDisposal(was.limit_text(), *calendar, ctx.now_ms));
  const v1::Clock disposal = change.clock(v1::CLOCK_KIND_DISPOSAL);

  v1::CaseDispatched& dispatched = change.Add(&v1::JournalEvent::mutable_case_dispatched);
  *dispatched.add_explanations() = receiver.overridden
                                       ? Explain(v1::EXPLANATION_CODE_UNIT_OVERRIDDEN, ctx.now_ms,
                                                 {{"unit", receiver.unit->id}, {"proposed", receiver.proposed.unit}})
                                       : std::move(receiver.proposed.why);
  *dispatched.add_explanations() = ExplainDeadline(was.condition_id(), disposal, ctx.now_ms);
  dispatched.set_unit(receiver.unit->id);
  dispatched.set_proposed_unit(receiver.proposed.unit);
  dispatched.set_duty_entry(receiver.proposed.duty_entry);
  dispatched.set_overridden(receiver.overridden);
  dispatched.set_previous_unit(c.last_unit());
  dispatched.set_first(first);
  change.event().set_note(cmd.override_reason());
  change.event().set_unit_name_zh(receiver.unit->name_zh);
  if (transfer && after.transfer_count() == kMaxTransfers) EscalateTransfers(change, was);
  return std::move(change).Done();
}

// 退单: within the limit, citing the duty list (DOMAIN section 2). Disposal pauses, the dispatcher has 15 minutes.
CaseDecision Return(const v1::CaseState& c, const v1::ReturnCaseRequest& cmd, const Context& ctx) {
  if (!StatusIs(c, {v1::CASE_STATUS_DISPATCHED, v1::CASE_STATUS_SIGNED})) return Refuse(v1::REASON_WRONG_STATUS);
  if (Judged(c, ctx)) return Refuse(v1::REASON_SEPARATION_OF_DUTIES);
  const auto* district = ctx.reference->Get<District>(kDistrictKind);
  const auto* calendar = ctx.reference->Get<WorkCalendar>(kCalendarKind);
  if (!district || !calendar) return Refuse(v1::REASON_REFERENCE_MISSING);
  const v1::Case& was = c.case_();
  if (was.transfer_count() >= kMaxTransfers) return Refuse(v1::REASON_RETURNS_EXHAUSTED);
  const Duty* duty = district->FindDutyEntry(cmd.duty_entry());
  if (!duty) return Refuse(v1::REASON_UNKNOWN_DUTY_ENTRY, "duty_entry");
  if (duty->unit == was.unit()) return Refuse(v1::REASON_DUTY_ENTRY_IS_OWN, "duty_entry");
  if (was.safety_hazard() && !cmd.site_secured()) return Refuse(v1::REASON_DANGER_NOT_SECURED, "site_secured");
  Change change(c, ctx);
  v1::Clock& disposal = change.clock(v1::CLOCK_KIND_DISPOSAL);
  if (disposal.overdue()) return Refuse(v1::REASON_TOO_LATE);
  if (!PauseClock(disposal, calendar, ctx.now_ms).ok()) return Refuse(v1::REASON_CALENDAR_ENDED);
  change.Start(StartMinutes(v1::CLOCK_KIND_DISPATCH, kDispatchMinutes, ctx.now_ms));
  change.after().set_status(v1::CASE_STATUS_RETURNED);
  v1::CaseReturned& returned = change.Add(&v1::JournalEvent::mutable_case_returned);
  returned.set_duty_entry(duty->id);
  returned.set_cited_unit(duty->unit);
  returned.set_returned_from(was.status());
  change.event().set_note(cmd.note());
  return std::move(change).Done();
}

// 退单裁定. WRONGFUL: the unit goes on with what was left of its time, and passed the buck. JUSTIFIED: the case waits
// for another unit, still within the dispatcher's 15 minutes.
CaseDecision JudgeReturn(const v1::CaseState& c, const v1::JudgeReturnRequest& cmd, const Context& ctx) {
  if (!StatusIs(c, {v1::CASE_STATUS_RETURNED})) return Refuse(v1::REASON_WRONG_STATUS);
  if (Handled(c, ctx)) return Refuse(v1::REASON_SEPARATION_OF_DUTIES);
  const auto* calendar = ctx.reference->Get<WorkCalendar>(kCalendarKind);
  if (!calendar) return Refuse(v1::REASON_REFERENCE_MISSING);
  const std::string unit = c.case_().unit();
  const bool justified = cmd.verdict() == v1::RETURN_VERDICT_JUSTIFIED;
  Change change(c, ctx);
  v1::EventContext& after = change.after();
  v1::Explanation why;
  if (justified) {
    after.set_status(v1::CASE_STATUS_REGISTERED);
    after.clear_unit();
    after.clear_department_zh();
  } else {
    after.set_status(c.interrupted());
    StopClock(change.clock(v1::CLOCK_KIND_DISPATCH), ctx.now_ms);
    v1::Clock& disposal = change.clock(v1::CLOCK_KIND_DISPOSAL);
    const v1::Clock paused = disposal;
    ResumeClock(disposal, calendar, ctx.now_ms);
    why = ExplainResumed(paused, disposal, ctx.now_ms);
  }
  v1::CaseReturnJudged& judged = change.Add(&v1::JournalEvent::mutable_case_return_judged);
  judged.set_verdict(cmd.verdict());
  judged.set_returning_unit(unit);
  *judged.mutable_returned_at() = c.returned_at();
  if (!justified) *judged.add_explanations() = std::move(why);
  change.event().set_note(cmd.note());
  if (!justified) {
    after.set_buck_passed(true);
    v1::BuckPassMarked& marked = change.Add(&v1::JournalEvent::mutable_buck_pass_marked);
    marked.set_ground(v1::BUCK_PASS_GROUND_WRONGFUL_RETURN);
    marked.set_marked_unit(unit);
  }
  return std::move(change).Done();
}

}  // namespace civicmesh::dispatch
