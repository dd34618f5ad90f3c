#include "services/intake/domain/reveals.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/intake/domain/audit.h"
#include "services/runtime/personal/utf8.h"

namespace civicmesh::intake {
namespace {

AuditedAct ActOn(const v1::RevealState& reveal, v1::AuditAction action, std::string detail) {
  return {.action = action,
          .object = reveal.reveal().report(),
          .person_token = reveal.person_token(),
          .detail = absl::StrCat(reveal.reveal().name(), " ", detail)};
}

std::string Why(v1::RevealPurpose purpose, const std::string& reason) {
  return absl::StrCat(v1::RevealPurpose_Name(purpose), ": ", reason);
}

}  // namespace

bool IsReason(const std::string& text) {
  const auto characters = CountCharacters(text);
  return characters >= kMinReasonCharacters && characters <= kMaxReasonCharacters;
}

IntakeDecision RequestReveal(const v1::ReportState* report, const v1::RequestRevealRequest& cmd,
                             const v1::AuditChainAdvanced* chain, const Context& ctx) {
  if (!report) return Refuse(v1::REASON_REPORT_NOT_FOUND, "report");
  if (cmd.purpose() == v1::REVEAL_PURPOSE_UNSPECIFIED || !v1::RevealPurpose_IsValid(cmd.purpose()))
    return Refuse(v1::REASON_INVALID_ARGUMENT, "purpose");
  if (!IsReason(cmd.reason())) return Refuse(v1::REASON_INVALID_ARGUMENT, "reason");
  if (!report->text().has_sealed()) return Refuse(v1::REASON_NOTHING_TO_REVEAL, "report");

  const std::string id = ctx.NewId("rv");
  v1::JournalEvent event;
  auto& requested = *event.mutable_reveal_requested();
  requested.set_person_token(report->context().reporter_token());
  auto& reveal = *requested.mutable_reveal();
  reveal.set_name(absl::StrCat("reveals/", id));
  reveal.set_report(report->context().report());
  reveal.set_status(v1::REVEAL_STATUS_PENDING);
  reveal.set_purpose(cmd.purpose());
  reveal.set_reason(cmd.reason());
  reveal.set_requested_by(ctx.actor.subject);
  *reveal.mutable_requested_at() = TimeOf(ctx.now_ms);

  v1::RevealState state;
  EvolveReveal(state, 1, event);
  IntakeDecided d;
  d.resource = id;
  d.Add(id, std::move(event));
  AddAuditEntry(chain, ActOn(state, v1::AUDIT_ACTION_REVEAL_REQUESTED, Why(cmd.purpose(), cmd.reason())), "", ctx, &d);
  return d;
}

IntakeDecision DecideReveal(const v1::RevealState* reveal, const v1::DecideRevealRequest& cmd,
                            const v1::AuditChainAdvanced* chain, const Context& ctx) {
  if (!reveal) return Refuse(v1::REASON_REVEAL_NOT_FOUND, "name");
  if (!EtagFits(cmd.etag(), reveal->version())) return Refuse(v1::REASON_ETAG_MISMATCH, "etag");
  if (reveal->reveal().requested_by() == ctx.actor.subject) return Refuse(v1::REASON_SECOND_PERSON_NEEDED, "name");
  if (reveal->reveal().status() != v1::REVEAL_STATUS_PENDING) return Refuse(v1::REASON_REVEAL_DECIDED, "name");
  if (CountCharacters(cmd.note()) > kMaxReasonCharacters || (!cmd.grant() && !IsReason(cmd.note())))
    return Refuse(v1::REASON_INVALID_ARGUMENT, "note");

  v1::JournalEvent event;
  auto& decided = *event.mutable_reveal_decided();
  decided.set_status(cmd.grant() ? v1::REVEAL_STATUS_GRANTED : v1::REVEAL_STATUS_DENIED);
  decided.set_decided_by(ctx.actor.subject);
  *decided.mutable_decided_at() = TimeOf(ctx.now_ms);
  decided.set_note(cmd.note());
  if (cmd.grant()) *decided.mutable_expires_at() = TimeOf(ctx.now_ms + kRevealValidMs);

  IntakeDecided d;
  d.resource = IdOf("reveals/", reveal->reveal().name());
  d.Add(d.resource, std::move(event));
  const auto action = cmd.grant() ? v1::AUDIT_ACTION_REVEAL_GRANTED : v1::AUDIT_ACTION_REVEAL_DENIED;
  AddAuditEntry(chain, ActOn(*reveal, action, cmd.note()), "", ctx, &d);
  return d;
}

IntakeDecision ReadRevealed(const v1::RevealState* reveal, const v1::AuditChainAdvanced* chain, const Context& ctx) {
  if (!reveal || reveal->reveal().requested_by() != ctx.actor.subject)
    return Refuse(v1::REASON_REVEAL_NOT_FOUND, "name");
  if (reveal->reveal().status() != v1::REVEAL_STATUS_GRANTED || ctx.now_ms >= MsOf(reveal->reveal().expires_at()))
    return Refuse(v1::REASON_REVEAL_NOT_GRANTED, "name");

  v1::JournalEvent event;
  event.mutable_reveal_read();
  IntakeDecided d;
  d.resource = IdOf("reveals/", reveal->reveal().name());
  d.Add(d.resource, std::move(event));
  const auto& asked = reveal->reveal();
  AddAuditEntry(chain, ActOn(*reveal, v1::AUDIT_ACTION_REPORTER_READ, Why(asked.purpose(), asked.reason())), "", ctx,
                &d);
  return d;
}

void EvolveReveal(v1::RevealState& state, uint64_t version, const v1::JournalEvent& event) {
  state.set_version(version);
  v1::Reveal& reveal = *state.mutable_reveal();
  if (event.has_reveal_requested()) {
    reveal = event.reveal_requested().reveal();
    state.set_person_token(event.reveal_requested().person_token());
  } else if (event.has_reveal_decided()) {
    const auto& decided = event.reveal_decided();
    reveal.set_status(decided.status());
    reveal.set_decided_by(decided.decided_by());
    *reveal.mutable_decided_at() = decided.decided_at();
    reveal.set_note(decided.note());
    if (decided.has_expires_at()) *reveal.mutable_expires_at() = decided.expires_at();
  } else if (event.has_reveal_read()) {
    reveal.set_readings(reveal.readings() + 1);
  }
  reveal.set_etag(EtagOf(version));
}

}  // namespace civicmesh::intake
