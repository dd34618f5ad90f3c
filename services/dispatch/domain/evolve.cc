#include "services/dispatch/domain/evolve.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "services/dispatch/domain/common.h"
#include "services/dispatch/domain/merging.h"
#include "services/runtime/decider/typed_machine.h"

namespace civicmesh::dispatch {
namespace {

using v1::JournalEvent;

// What every event says of its case.
void TakeContext(v1::Case& c, const v1::EventContext& context) {
  c.set_name(context.case_());
  c.set_case_number(context.case_number());
  c.set_status(context.status());
  c.set_class_code(context.class_code());
  c.set_class_name_zh(context.class_name_zh());
  c.set_major_name_zh(context.major_name_zh());
  c.set_component(context.component());
  c.set_safety_hazard(context.safety_hazard());
  c.set_condition_id(context.condition_id());
  c.set_standard_version(context.standard_version());
  c.set_grid(context.grid());
  *c.mutable_location() = context.location();
  c.set_unit(context.unit());
  c.set_department_zh(context.department_zh());
  c.set_source(context.source());
  *c.mutable_reported_at() = context.reported_at();
  *c.mutable_opened_at() = context.opened_at();
  if (context.has_registered_at()) *c.mutable_registered_at() = context.registered_at();
  if (context.has_first_dispatched_at()) *c.mutable_first_dispatched_at() = context.first_dispatched_at();
  c.set_disposal_overdue(context.disposal_overdue());
  c.set_report_count(context.report_count());
  c.set_transfer_count(context.transfer_count());
  c.set_rework_count(context.rework_count());
  c.set_extension_count(context.extension_count());
  c.set_urge_count(context.urge_count());
  c.set_escalated(context.escalated());
  c.set_buck_passed(context.buck_passed());
}

void TakeClock(v1::Case& c, const v1::Clock& moved) {
  for (auto& clock : *c.mutable_clocks()) {
    if (clock.kind() != moved.kind()) continue;
    clock = moved;
    return;
  }
  *c.add_clocks() = moved;
}

void TakeExplanation(v1::CaseState& s, const v1::Explanation& given) {
  for (auto& explained : *s.mutable_explanations()) {
    if (explained.choice() != given.choice()) continue;
    explained.set_explanation(EqualBytes(given));
    return;
  }
  auto& explained = *s.add_explanations();
  explained.set_choice(given.choice());
  explained.set_explanation(EqualBytes(given));
}

template <typename Fact>
v1::Case& Take(v1::CaseState& s, const EventMeta& meta, const Fact& fact) {
  v1::Case& c = *s.mutable_case_();
  TakeContext(c, fact.context());
  for (const auto& clock : fact.clocks()) TakeClock(c, clock);
  if constexpr (requires { fact.explanations(); })
    for (const auto& explanation : fact.explanations()) TakeExplanation(s, explanation);
  s.set_version(meta.version);
  c.set_etag(absl::StrCat("v", meta.version));
  return c;
}

void AddOnce(google::protobuf::RepeatedPtrField<std::string>& names, const std::string& name) {
  if (!name.empty() && !Contains(names, name)) *names.Add() = name;
}

template <typename Fact>
void Handles(v1::CaseState& s, const Fact& fact) {
  AddOnce(*s.mutable_disposers(), fact.context().actor());
}
template <typename Fact>
void Judges(v1::CaseState& s, const Fact& fact) {
  AddOnce(*s.mutable_judges(), fact.context().actor());
}

void Note(v1::Case& c, const char* step, const JournalEvent& event) {
  if (!event.note().empty()) (*c.mutable_notes())[step] = event.note();
}

void DropExtension(v1::CaseState& s) {
  s.mutable_case_()->set_extension_pending(false);
  s.clear_extension_endorsed_by();
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent& e, const v1::CaseOpened& fact) {
  v1::Case& c = Take(s, meta, fact);
  s.set_reporter_token(fact.context().reporter_token());
  if (!fact.context().lead_report().empty()) {
    v1::CaseReport& first = *c.add_reports();
    first.set_report(fact.context().lead_report());
    first.set_reporter_token(fact.context().reporter_token());
    *first.mutable_reported_at() = fact.context().reported_at();
    first.set_source(fact.context().source());
  }
  c.set_text(e.text());
  c.set_class_name_en(e.class_name_en());
  *c.mutable_similar_cases() = fact.similar_cases();
  *c.mutable_photos() = e.photos();
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent&, const v1::CaseReportMerged& fact) {
  v1::Case& c = Take(s, meta, fact);
  if (c.reports_size() < kMaxReports) *c.add_reports() = fact.report();
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent&, const v1::CaseAccepted& fact) {
  Take(s, meta, fact);
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent&, const v1::VerificationStarted& fact) {
  Take(s, meta, fact).set_verification(v1::VERIFICATION_RESULT_UNSPECIFIED);
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent& e, const v1::VerificationRecorded& fact) {
  v1::Case& c = Take(s, meta, fact);
  c.set_verification(fact.result());
  *c.mutable_verification_photos() = e.photos();
  Note(c, "RecordVerification", e);
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent& e, const v1::CaseRegistered& fact) {
  v1::Case& c = Take(s, meta, fact);
  c.set_class_name_en(e.class_name_en());
  c.set_condition_zh(e.condition_zh());
  c.set_closure_zh(e.closure_zh());
  c.set_limit_text(fact.limit_text());
  c.set_proposed_unit(fact.proposed_unit());
  s.set_unit_role(e.unit_role());
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent& e, const v1::CaseDeclined& fact) {
  v1::Case& c = Take(s, meta, fact);
  c.set_decline_ground(fact.ground());
  c.set_decline_note(e.note());
  c.set_referral(e.referral());
  c.set_duplicate_of(fact.duplicate_of());
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent& e, const v1::CaseDispatched& fact) {
  v1::Case& c = Take(s, meta, fact);
  AddOnce(*c.mutable_units(), fact.unit());
  s.set_last_unit(fact.unit());
  c.set_proposed_unit(fact.proposed_unit());
  c.set_unit_name_zh(e.unit_name_zh());
  *c.mutable_dispatched_at() = fact.context().occurred_at();
  c.clear_signed_at();
  Note(c, "DispatchCase", e);
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent&, const v1::CaseSigned& fact) {
  *Take(s, meta, fact).mutable_signed_at() = fact.context().occurred_at();
  Handles(s, fact);
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent&, const v1::DisposalStarted& fact) {
  Take(s, meta, fact);
  Handles(s, fact);
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent& e, const v1::FeedbackSubmitted& fact) {
  v1::Case& c = Take(s, meta, fact);
  *c.mutable_feedback_at() = fact.context().occurred_at();
  *c.mutable_feedback_photos() = e.photos();
  Note(c, "SubmitFeedback", e);
  Handles(s, fact);
  DropExtension(s);
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent& e, const v1::CaseReturned& fact) {
  v1::Case& c = Take(s, meta, fact);
  c.set_return_count(c.return_count() + 1);
  s.set_interrupted(fact.returned_from());
  *s.mutable_returned_at() = fact.context().occurred_at();
  Note(c, "ReturnCase", e);
  Handles(s, fact);
  DropExtension(s);
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent& e, const v1::CaseReturnJudged& fact) {
  v1::Case& c = Take(s, meta, fact);
  if (fact.verdict() == v1::RETURN_VERDICT_JUSTIFIED) {
    AddOnce(*s.mutable_justified_units(), fact.returning_unit());
    c.clear_unit_name_zh();
  }
  s.clear_returned_at();
  s.clear_interrupted();
  Note(c, "JudgeReturn", e);
  Judges(s, fact);
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent& e, const v1::CaseClosed& fact) {
  v1::Case& c = Take(s, meta, fact);
  *c.mutable_closed_at() = fact.context().occurred_at();
  *c.mutable_inspection_photos() = e.photos();
  Note(c, "InspectCase", e);
  Judges(s, fact);
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent& e, const v1::ReworkOrdered& fact) {
  v1::Case& c = Take(s, meta, fact);
  *c.mutable_inspection_photos() = e.photos();
  Note(c, "InspectCase", e);
  Judges(s, fact);
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent&, const v1::CaseRevisited& fact) {
  v1::Case& c = Take(s, meta, fact);
  c.set_rating(fact.rating());
  *c.mutable_revisited_at() = fact.context().occurred_at();
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent& e, const v1::ExtensionRequested& fact) {
  v1::Case& c = Take(s, meta, fact);
  c.set_extension_pending(true);
  Note(c, "RequestExtension", e);
  Handles(s, fact);
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent& e, const v1::ExtensionEndorsed& fact) {
  Note(Take(s, meta, fact), "DecideExtension", e);
  s.set_extension_endorsed_by(fact.context().actor());
  Judges(s, fact);
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent& e, const v1::ExtensionDecided& fact) {
  Note(Take(s, meta, fact), "DecideExtension", e);
  DropExtension(s);
  Judges(s, fact);
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent& e, const v1::CasePostponed& fact) {
  v1::Case& c = Take(s, meta, fact);
  *c.mutable_postponed_until() = fact.until();
  s.set_interrupted(fact.postponed_from());
  s.set_was_postponed(true);
  Note(c, "PostponeCase", e);
  Judges(s, fact);
  DropExtension(s);
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent&, const v1::CaseResumed& fact) {
  Take(s, meta, fact).clear_postponed_until();
  s.clear_interrupted();
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent& e, const v1::CaseUrged& fact) {
  Note(Take(s, meta, fact), "UrgeCase", e);
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent&, const v1::CaseBecameOverdue& fact) {
  Take(s, meta, fact);
}
void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent&, const v1::CaseEscalated& fact) {
  Take(s, meta, fact);
}
void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent&, const v1::BuckPassMarked& fact) {
  Take(s, meta, fact);
}
void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent&, const v1::DeadlineRecounted& fact) {
  Take(s, meta, fact);
}

void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent&, const v1::CaseNeighbourHeard& fact) {
  v1::Case& c = Take(s, meta, fact);
  if (fact.has_found() && c.similar_cases_size() < kMaxSimilar)
    AddOnce(*c.mutable_similar_cases(), fact.found().case_());
}
void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent&, const v1::CaseMergeAsked& fact) {
  Take(s, meta, fact);
}
void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent&, const v1::CaseMergeAnswered& fact) {
  Take(s, meta, fact);
}
void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent&, const v1::CaseMerged& fact) {
  Take(s, meta, fact).set_merged_into(fact.into());
}
void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent&, const v1::CaseReportsHandedOn& fact) {
  auto& reports = *Take(s, meta, fact).mutable_reports();
  reports.erase(std::remove_if(reports.begin(), reports.end(),
                               [&](const auto& report) { return Contains(fact.reports(), report.report()); }),
                reports.end());
}
void On(v1::CaseState& s, const EventMeta& meta, const JournalEvent&, const v1::CaseMergeGivenUp& fact) {
  Take(s, meta, fact);
}

// How the merging stands, which the event says whole.
void TakeMerging(v1::CaseState& s, const JournalEvent& e) {
  if (!e.has_merging()) return;
  *s.mutable_merging() = e.merging();
  s.mutable_case_()->set_duplicates_pending(!e.merging().unanswered().empty() || AsksToMerge(s));
}

}  // namespace

absl::Status Evolve(v1::DispatchStream& stream, const EventMeta& meta, const JournalEvent& e) {
  auto on = [&](const auto& fact) {
    On(*stream.mutable_case_(), meta, e, fact);
    TakeMerging(*stream.mutable_case_(), e);
    return absl::OkStatus();
  };
  switch (e.fact_case()) {
    case JournalEvent::kCaseOpened:
      return on(e.case_opened());
    case JournalEvent::kCaseReportMerged:
      return on(e.case_report_merged());
    case JournalEvent::kCaseAccepted:
      return on(e.case_accepted());
    case JournalEvent::kVerificationStarted:
      return on(e.verification_started());
    case JournalEvent::kVerificationRecorded:
      return on(e.verification_recorded());
    case JournalEvent::kCaseRegistered:
      return on(e.case_registered());
    case JournalEvent::kCaseDeclined:
      return on(e.case_declined());
    case JournalEvent::kCaseDispatched:
      return on(e.case_dispatched());
    case JournalEvent::kCaseSigned:
      return on(e.case_signed());
    case JournalEvent::kDisposalStarted:
      return on(e.disposal_started());
    case JournalEvent::kFeedbackSubmitted:
      return on(e.feedback_submitted());
    case JournalEvent::kCaseReturned:
      return on(e.case_returned());
    case JournalEvent::kCaseReturnJudged:
      return on(e.case_return_judged());
    case JournalEvent::kCaseClosed:
      return on(e.case_closed());
    case JournalEvent::kReworkOrdered:
      return on(e.rework_ordered());
    case JournalEvent::kCaseRevisited:
      return on(e.case_revisited());
    case JournalEvent::kExtensionRequested:
      return on(e.extension_requested());
    case JournalEvent::kExtensionEndorsed:
      return on(e.extension_endorsed());
    case JournalEvent::kExtensionDecided:
      return on(e.extension_decided());
    case JournalEvent::kCasePostponed:
      return on(e.case_postponed());
    case JournalEvent::kCaseResumed:
      return on(e.case_resumed());
    case JournalEvent::kCaseUrged:
      return on(e.case_urged());
    case JournalEvent::kCaseBecameOverdue:
      return on(e.case_became_overdue());
    case JournalEvent::kCaseEscalated:
      return on(e.case_escalated());
    case JournalEvent::kBuckPassMarked:
      return on(e.buck_pass_marked());
    case JournalEvent::kDeadlineRecounted:
      return on(e.deadline_recounted());
    case JournalEvent::kCaseNeighbourHeard:
      return on(e.case_neighbour_heard());
    case JournalEvent::kCaseMergeAsked:
      return on(e.case_merge_asked());
    case JournalEvent::kCaseMergeAnswered:
      return on(e.case_merge_answered());
    case JournalEvent::kCaseMerged:
      return on(e.case_merged());
    case JournalEvent::kCaseReportsHandedOn:
      return on(e.case_reports_handed_on());
    case JournalEvent::kCaseMergeGivenUp:
      return on(e.case_merge_given_up());
    case JournalEvent::kNeighbourLooked:
      stream.mutable_border()->set_looked(stream.border().looked() + 1);
      return absl::OkStatus();
    case JournalEvent::kCaseNumberTaken:
      *stream.mutable_last_number() = e.case_number_taken();
      return absl::OkStatus();
    case JournalEvent::FACT_NOT_SET:
      break;
  }
  return absl::DataLossError("an event of dispatch that this release does not know");
}

}  // namespace civicmesh::dispatch
