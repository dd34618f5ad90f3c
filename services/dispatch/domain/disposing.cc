// 签收, 处置, 反馈, 核查, 回访. The two axes (双轴): who handles a case never judges it, and the reverse.
#include <utility>

#include "services/dispatch/domain/common.h"
#include "services/runtime/decider/uploads.h"

namespace civicmesh::dispatch {
namespace {

// Whether anybody is known who can be asked how it went: not who reported anonymously, nor staff or a device.
bool SomebodyToAsk(const v1::Case& c) {
  return std::any_of(c.reports().begin(), c.reports().end(),
                     [](const v1::CaseReport& report) { return !report.reporter_token().empty(); });
}

}  // namespace

// 签收
CaseDecision Sign(const v1::CaseState& c, const Context& ctx) {
  if (!StatusIs(c, {v1::CASE_STATUS_DISPATCHED})) return Refuse(v1::REASON_WRONG_STATUS);
  if (Judged(c, ctx)) return Refuse(v1::REASON_SEPARATION_OF_DUTIES);
  Change change(c, ctx);
  change.after().set_status(v1::CASE_STATUS_SIGNED);
  change.Add(&v1::JournalEvent::mutable_case_signed);
  return std::move(change).Done();
}

CaseDecision StartDisposing(const v1::CaseState& c, const Context& ctx) {
  if (!StatusIs(c, {v1::CASE_STATUS_SIGNED, v1::CASE_STATUS_REWORK})) return Refuse(v1::REASON_WRONG_STATUS);
  if (Judged(c, ctx)) return Refuse(v1::REASON_SEPARATION_OF_DUTIES);
  Change change(c, ctx);
  change.after().set_status(v1::CASE_STATUS_IN_DISPOSAL);
  change.Add(&v1::JournalEvent::mutable_disposal_started);
  return std::move(change).Done();
}

// 处置反馈: disposal ends when the department says so (DOMAIN section 1.2), and inspection has 30 minutes.
CaseDecision SubmitFeedback(const v1::CaseState& c, const v1::SubmitFeedbackRequest& cmd, const Context& ctx) {
  if (!StatusIs(c, {v1::CASE_STATUS_SIGNED, v1::CASE_STATUS_IN_DISPOSAL, v1::CASE_STATUS_REWORK}))
    return Refuse(v1::REASON_WRONG_STATUS);
  if (Judged(c, ctx)) return Refuse(v1::REASON_SEPARATION_OF_DUTIES);
  Change change(c, ctx);
  change.after().set_status(v1::CASE_STATUS_FEEDBACK_SUBMITTED);
  v1::Clock& disposal = change.clock(v1::CLOCK_KIND_DISPOSAL);
  StopClock(disposal, ctx.now_ms);
  const bool on_time = !disposal.overdue();
  change.Start(StartMinutes(v1::CLOCK_KIND_INSPECTION, kInspectionMinutes, ctx.now_ms));
  v1::FeedbackSubmitted& feedback = change.Add(&v1::JournalEvent::mutable_feedback_submitted);
  feedback.set_round(c.case_().rework_count());
  feedback.set_photo_count(cmd.photos_size());
  feedback.set_on_time(on_time);
  AddUploads(cmd.photos(), &feedback);
  change.event().set_note(cmd.note());
  *change.event().mutable_photos() = cmd.photos();
  return std::move(change).Done();
}

// 核查: passed, the case is closed (结案). Failed, the unit goes on under its old deadline (返工, DOMAIN section 1.3);
// the third time the matter is escalated (问题工单, section 2).
CaseDecision Inspect(const v1::CaseState& c, const v1::InspectCaseRequest& cmd, const Context& ctx) {
  if (!StatusIs(c, {v1::CASE_STATUS_FEEDBACK_SUBMITTED})) return Refuse(v1::REASON_WRONG_STATUS);
  if (Handled(c, ctx)) return Refuse(v1::REASON_SEPARATION_OF_DUTIES);
  Change change(c, ctx);
  v1::EventContext& after = change.after();
  StopClock(change.clock(v1::CLOCK_KIND_INSPECTION), ctx.now_ms);
  if (cmd.passed()) {
    after.set_status(v1::CASE_STATUS_CLOSED);
    if (SomebodyToAsk(c.case_())) change.Start(StartMinutes(v1::CLOCK_KIND_REVISIT, kRevisitMinutes, ctx.now_ms));
    v1::CaseClosed& closed = change.Add(&v1::JournalEvent::mutable_case_closed);
    closed.set_on_time(!FindClock(c.case_(), v1::CLOCK_KIND_DISPOSAL)->overdue());
    closed.set_rounds(c.case_().rework_count() + 1);
    AddUploads(cmd.photos(), &closed);
  } else {
    after.set_status(v1::CASE_STATUS_REWORK);
    after.set_rework_count(after.rework_count() + 1);
    ReopenClock(change.clock(v1::CLOCK_KIND_DISPOSAL));
    v1::ReworkOrdered& rework = change.Add(&v1::JournalEvent::mutable_rework_ordered);
    rework.set_ordinal(after.rework_count());
    AddUploads(cmd.photos(), &rework);
  }
  change.event().set_note(cmd.note());
  *change.event().mutable_photos() = cmd.photos();
  if (!cmd.passed() && after.rework_count() == kMaxReworks) {
    after.set_escalated(true);
    change.Add(&v1::JournalEvent::mutable_case_escalated).set_ground(v1::ESCALATION_GROUND_REWORKS);
  }
  return std::move(change).Done();
}

// 回访: once, after closing; without a clock where nobody is known to be called but somebody spoke up.
CaseDecision Revisit(const v1::CaseState& c, const v1::RevisitCaseRequest& cmd, const Context& ctx) {
  if (!StatusIs(c, {v1::CASE_STATUS_CLOSED})) return Refuse(v1::REASON_WRONG_STATUS);
  Change change(c, ctx);
  change.after().set_status(v1::CASE_STATUS_REVISITED);
  if (FindClock(c.case_(), v1::CLOCK_KIND_REVISIT)) StopClock(change.clock(v1::CLOCK_KIND_REVISIT), ctx.now_ms);
  v1::CaseRevisited& revisited = change.Add(&v1::JournalEvent::mutable_case_revisited);
  revisited.set_rating(cmd.rating());
  revisited.set_solved(cmd.solved());
  revisited.set_contacted_in_time(cmd.contacted_in_time());
  *revisited.mutable_closed_at() = c.case_().closed_at();
  return std::move(change).Done();
}

}  // namespace civicmesh::dispatch
