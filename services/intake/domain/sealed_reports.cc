#include "services/intake/domain/sealed_reports.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/intake/domain/audit.h"

namespace civicmesh::intake {
namespace {

constexpr size_t kHashBytes = 32;
constexpr char kSealedReports[] = "sealedReports/";

}  // namespace

std::string SealedReportIdOf(int shard, const std::string& command_id) {
  return Context{.shard = shard, .actor = {}, .seed = command_id}.NewId("sr");
}

v1::SealedReportStatus StatusOf(const v1::SealedReportState& report) {
  return report.has_answered() ? report.answered().status() : v1::SEALED_REPORT_STATUS_RECEIVED;
}

IntakeDecision SubmitSealedReport(const v1::SubmitSealedReport& cmd, const Context& ctx) {
  if (cmd.content().ciphertext().empty() || cmd.tracking_hash().size() != kHashBytes)
    return Refuse(v1::REASON_INVALID_ARGUMENT, "text");
  const std::string id = ctx.NewId("sr");
  v1::JournalEvent event;
  auto& submitted = *event.mutable_sealed_report_submitted();
  submitted.set_name(absl::StrCat(kSealedReports, id));
  *submitted.mutable_content() = cmd.content();
  submitted.set_tracking_hash(cmd.tracking_hash());
  *submitted.mutable_submitted_at() = TimeOf(ctx.now_ms);
  IntakeDecided d;
  d.resource = id;
  d.Add(id, std::move(event));
  return d;
}

IntakeDecision ReadSealedReport(const v1::SealedReportState* report, const v1::AuditChainAdvanced* chain,
                                const Context& ctx) {
  if (!report) return Refuse(v1::REASON_SEALED_REPORT_NOT_FOUND, "name");
  IntakeDecided d;
  d.resource = IdOf(kSealedReports, report->submitted().name());
  AddAuditEntry(chain,
                {.action = v1::AUDIT_ACTION_SEALED_REPORT_READ,
                 .object = report->submitted().name(),
                 .person_token = "",
                 .detail = ""},
                "", ctx, &d);
  return d;
}

IntakeDecision AnswerSealedReport(const v1::SealedReportState* report, const v1::AnswerSealedReport& cmd,
                                  const v1::AuditChainAdvanced* chain, const Context& ctx) {
  if (!report) return Refuse(v1::REASON_SEALED_REPORT_NOT_FOUND, "name");
  if (!EtagFits(cmd.etag(), report->version())) return Refuse(v1::REASON_ETAG_MISMATCH, "etag");
  if (StatusOf(*report) == v1::SEALED_REPORT_STATUS_ENDED) return Refuse(v1::REASON_SEALED_REPORT_ENDED, "name");
  if (cmd.status() != v1::SEALED_REPORT_STATUS_IN_REVIEW && cmd.status() != v1::SEALED_REPORT_STATUS_ENDED)
    return Refuse(v1::REASON_INVALID_ARGUMENT, "status");
  if (cmd.status() == v1::SEALED_REPORT_STATUS_ENDED && !cmd.has_answer())
    return Refuse(v1::REASON_INVALID_ARGUMENT, "answer");

  v1::JournalEvent event;
  auto& answered = *event.mutable_sealed_report_answered();
  answered.set_status(cmd.status());
  if (cmd.has_answer()) *answered.mutable_answer() = cmd.answer();
  *answered.mutable_answered_at() = TimeOf(ctx.now_ms);
  IntakeDecided d;
  d.resource = IdOf(kSealedReports, report->submitted().name());
  d.Add(d.resource, std::move(event));
  AddAuditEntry(chain,
                {.action = v1::AUDIT_ACTION_SEALED_REPORT_ANSWERED,
                 .object = report->submitted().name(),
                 .person_token = "",
                 .detail = v1::SealedReportStatus_Name(cmd.status())},
                "", ctx, &d);
  return d;
}

void EvolveSealedReport(v1::SealedReportState& report, uint64_t version, const v1::JournalEvent& event) {
  report.set_version(version);
  if (event.has_sealed_report_submitted()) {
    *report.mutable_submitted() = event.sealed_report_submitted();
  } else if (event.has_sealed_report_answered()) {
    const auto& answered = event.sealed_report_answered();
    // What was said before stays where nothing new is said.
    if (answered.has_answer()) {
      *report.mutable_answered() = answered;
    } else {
      report.mutable_answered()->set_status(answered.status());
    }
  } else if (event.has_personal_data_erased()) {
    report.set_erased(true);
  }
}

}  // namespace civicmesh::intake
