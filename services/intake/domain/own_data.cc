#include "services/intake/domain/own_data.h"

#include <utility>

#include "services/intake/domain/audit.h"
#include "services/intake/domain/reveals.h"

namespace civicmesh::intake {
namespace {

IntakeDecided Erased(const std::string& stream, const v1::ErasePersonalData& cmd, const std::string& person_token,
                     const std::string& report, const Context& ctx) {
  v1::JournalEvent event;
  auto& erased = *event.mutable_personal_data_erased();
  erased.set_person_token(person_token);
  erased.set_report(report);
  *erased.mutable_key_ids() = cmd.key_ids();
  *erased.mutable_occurred_at() = TimeOf(ctx.now_ms);
  IntakeDecided d;
  d.resource = stream;
  d.Add(stream, std::move(event));
  return d;
}

}  // namespace

IntakeDecision CopyPersonalData(const std::string& caller_token, const v1::AuditChainAdvanced* chain,
                                const Context& ctx) {
  IntakeDecided d;
  AddAuditEntry(chain, {.action = v1::AUDIT_ACTION_COPIED, .object = "", .person_token = caller_token, .detail = ""},
                caller_token, ctx, &d);
  return d;
}

IntakeDecision ErasePerson(const v1::ErasePersonalData& cmd, const std::string& caller_token,
                           const v1::AuditChainAdvanced* chain, const Context& ctx) {
  const bool own = cmd.person_token() == caller_token;
  if (!own && !ctx.actor.Has("SECURITY_OFFICER")) return Refuse(v1::REASON_BEHALF_NOT_YOURS, "reporter_reference");
  if ((!own || !cmd.reason().empty()) && !IsReason(cmd.reason())) return Refuse(v1::REASON_INVALID_ARGUMENT, "reason");
  IntakeDecided d = Erased(cmd.person_token(), cmd, cmd.person_token(), "", ctx);
  AddAuditEntry(
      chain,
      {.action = v1::AUDIT_ACTION_ERASED, .object = "", .person_token = cmd.person_token(), .detail = cmd.reason()},
      caller_token, ctx, &d);
  return d;
}

IntakeDecision EraseReport(const std::string& name, const std::string& tracking_hash, const v1::ErasePersonalData& cmd,
                           const v1::AuditChainAdvanced* chain, const Context& ctx) {
  if (name.empty() || tracking_hash.empty() || tracking_hash != cmd.tracking_hash())
    return Refuse(v1::REASON_REPORT_NOT_FOUND, "report");
  IntakeDecided d = Erased(name.substr(name.find('/') + 1), cmd, "", name, ctx);
  AddAuditEntry(chain, {.action = v1::AUDIT_ACTION_ERASED, .object = name, .person_token = "", .detail = ""}, "", ctx,
                &d);
  return d;
}

}  // namespace civicmesh::intake
