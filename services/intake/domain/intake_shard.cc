#include "services/intake/domain/intake_shard.h"

#include <string>
#include <utility>
#include <vector>

#include "services/intake/domain/alerts.h"
#include "services/intake/domain/audit.h"
#include "services/intake/domain/own_data.h"
#include "services/intake/domain/reports.h"
#include "services/intake/domain/reveals.h"
#include "services/intake/domain/sealed_reports.h"
#include "services/runtime/decider/typed_machine.h"

namespace civicmesh::intake {
namespace {

// The public fact that an event is, and whom it is about.
PublicEvent PublicOf(const google::protobuf::Message& fact, const std::string& subject) {
  return {.type = fact.GetDescriptor()->full_name(), .subject = subject, .bytes = fact.SerializeAsString()};
}

class IntakeShard : public TypedMachine<v1::JournalEvent, v1::Command, v1::IntakeStream> {
 protected:
  IntakeDecision DecideCommand(const v1::Command& command, const Context& ctx) const override {
    switch (command.command_case()) {
      case v1::Command::kSubmitReport:
        return SubmitReport(command.submit_report(), command.caller_token(), ctx);
      case v1::Command::kAddToReport:
        return AddToReport(Report(command.add_to_report().name()), command.add_to_report(), command.caller_token(),
                           ctx);
      case v1::Command::kWithdrawReport:
        return WithdrawReport(Report(command.withdraw_report().name()), command.withdraw_report(),
                              command.caller_token(), ctx);
      case v1::Command::kLocateReport:
        return LocateReport(Report(command.locate_report().name()), command.locate_report(), ctx);
      case v1::Command::kRaiseAlert:
        return RaiseAlert(command.raise_alert(), ctx);
      case v1::Command::kReviewAlert:
        return ReviewAlert(Alert(command.review_alert().name()), command.review_alert(), ctx);
      case v1::Command::kRecordCaseProgress:
        return RecordCaseProgress(Report(command.record_case_progress().report()), command.record_case_progress(), ctx);
      case v1::Command::kRecordPoints:
        return RecordPoints(Report(command.record_points().report()), command.record_points(), ctx);
      case v1::Command::kRequestReveal:
        return RequestReveal(Report(command.request_reveal().report()), command.request_reveal(), Chain(), ctx);
      case v1::Command::kDecideReveal:
        return DecideReveal(Reveal(command.decide_reveal().name()), command.decide_reveal(), Chain(), ctx);
      case v1::Command::kReadRevealed:
        return ReadRevealed(Reveal(command.read_revealed().name()), Chain(), ctx);
      case v1::Command::kCopyPersonalData:
        return CopyPersonalData(command.caller_token(), Chain(), ctx);
      case v1::Command::kErasePersonalData:
        return Erase(command.erase_personal_data(), command.caller_token(), ctx);
      case v1::Command::kSubmitSealedReport:
        return SubmitSealedReport(command.submit_sealed_report(), ctx);
      case v1::Command::kReadSealedReport:
        return ReadSealedReport(SealedReport(command.read_sealed_report().name()), Chain(), ctx);
      case v1::Command::kAnswerSealedReport:
        return AnswerSealedReport(SealedReport(command.answer_sealed_report().name()), command.answer_sealed_report(),
                                  Chain(), ctx);
      case v1::Command::COMMAND_NOT_SET:
        break;
    }
    return Refuse(v1::REASON_INVALID_ARGUMENT);
  }

  // Intake arms no timer.
  IntakeDecision DecideTimer(const FiredTimer&, const Context&) const override { return IntakeDecided(); }

  absl::Status EvolveStream(v1::IntakeStream& stream, const EventMeta& meta, const v1::JournalEvent& event) override {
    switch (event.fact_case()) {
      case v1::JournalEvent::kReportSubmitted:
      case v1::JournalEvent::kReportLocated:
      case v1::JournalEvent::kReportSupplemented:
      case v1::JournalEvent::kReportWithdrawn:
      case v1::JournalEvent::kReportForwarded:
      case v1::JournalEvent::kReporterNotified:
        EvolveReport(*stream.mutable_report(), meta.version, event);
        return absl::OkStatus();
      case v1::JournalEvent::kAlertRaised:
      case v1::JournalEvent::kAlertReviewed:
        EvolveAlert(*stream.mutable_alert(), meta.version, event);
        return absl::OkStatus();
      case v1::JournalEvent::kRevealRequested:
      case v1::JournalEvent::kRevealDecided:
      case v1::JournalEvent::kRevealRead:
        EvolveReveal(*stream.mutable_reveal(), meta.version, event);
        return absl::OkStatus();
      case v1::JournalEvent::kAuditEntryRecorded:
        *stream.mutable_audit_entry() = event.audit_entry_recorded();
        return absl::OkStatus();
      case v1::JournalEvent::kAuditChainAdvanced:
        *stream.mutable_audit_chain() = event.audit_chain_advanced();
        return absl::OkStatus();
      case v1::JournalEvent::kSealedReportSubmitted:
      case v1::JournalEvent::kSealedReportAnswered:
        EvolveSealedReport(*stream.mutable_sealed_report(), meta.version, event);
        return absl::OkStatus();
      case v1::JournalEvent::kPersonalDataErased:
        EvolveErased(stream, meta, event);
        return absl::OkStatus();
      case v1::JournalEvent::FACT_NOT_SET:
        break;
    }
    return absl::DataLossError("an event of intake that this release does not know");
  }

  // An audit entry never changes, and only auditors ask for it.
  bool Settled(const v1::IntakeStream& stream) const override { return stream.has_audit_entry(); }

  // Lists: "all" and "status" for staff, "reporter" for citizens, "submitter" for gateways, "waiting" alerts; "pending"
  // requests to reveal, those of who "asked" and of whose reports ("revealed"); "sealed" reports; "audit" entries.
  std::vector<std::string> RowsOf(std::string_view id, const v1::IntakeStream& stream) const override {
    std::vector<std::string> rows;
    if (stream.has_audit_entry())
      rows.push_back(Row("audit", "", MsOf(AuditEntryOf(stream.audit_entry()).occurred_at()), id));
    if (stream.has_sealed_report())
      rows.push_back(Row("sealed", "", MsOf(stream.sealed_report().submitted().submitted_at()), id));
    if (stream.has_reveal()) {
      const v1::Reveal& reveal = stream.reveal().reveal();
      const int64_t at = MsOf(reveal.requested_at());
      if (reveal.status() == v1::REVEAL_STATUS_PENDING) rows.push_back(Row("pending", "", at, id));
      rows.push_back(Row("asked", reveal.requested_by(), at, id));
      if (!stream.reveal().person_token().empty())
        rows.push_back(Row("revealed", stream.reveal().person_token(), at, id));
    }
    if (stream.has_alert() && stream.alert().alert().verdict() == v1::ALERT_VERDICT_UNSPECIFIED)
      rows.push_back(Row("waiting", "", MsOf(stream.alert().alert().raised_at()), id));
    if (!stream.has_report()) return rows;
    const v1::ReportState& report = stream.report();
    const int64_t at = MsOf(report.context().reported_at());
    rows.push_back(Row("all", "", at, id));
    rows.push_back(Row("status", v1::ReportStatus_Name(report.context().status()), at, id));
    if (!report.context().reporter_token().empty())
      rows.push_back(Row("reporter", report.context().reporter_token(), at, id));
    if (!report.submitted_by().empty()) rows.push_back(Row("submitter", report.submitted_by(), at, id));
    return rows;
  }

  std::vector<PublicEvent> PublicEvents(const EventMeta&, const v1::JournalEvent& event) const override {
    switch (event.fact_case()) {
      case v1::JournalEvent::kReportSubmitted:
        return {PublicOf(event.report_submitted(), event.report_submitted().context().report())};
      case v1::JournalEvent::kReportLocated:
        return {PublicOf(event.report_located(), event.report_located().context().report())};
      case v1::JournalEvent::kReportSupplemented:
        return {PublicOf(event.report_supplemented(), event.report_supplemented().context().report())};
      case v1::JournalEvent::kReportWithdrawn:
        return {PublicOf(event.report_withdrawn(), event.report_withdrawn().context().report())};
      case v1::JournalEvent::kReportForwarded:
        return {PublicOf(event.report_forwarded(), event.report_forwarded().context().report())};
      case v1::JournalEvent::kReporterNotified:
        return {PublicOf(event.reporter_notified(), event.reporter_notified().context().report())};
      case v1::JournalEvent::kAlertRaised:
        return {PublicOf(event.alert_raised(), event.alert_raised().alert())};
      case v1::JournalEvent::kAlertReviewed:
        return {PublicOf(event.alert_reviewed(), event.alert_reviewed().alert())};
      case v1::JournalEvent::kPersonalDataErased:
        // That somebody reports against staff is nobody's business, nor that it ends.
        if (IdOf("sealedReports/", event.personal_data_erased().report()).empty())
          return {PublicOf(event.personal_data_erased(), event.personal_data_erased().person_token())};
        break;
      case v1::JournalEvent::kRevealRequested:
      case v1::JournalEvent::kRevealDecided:
      case v1::JournalEvent::kRevealRead:
      case v1::JournalEvent::kAuditEntryRecorded:
      case v1::JournalEvent::kAuditChainAdvanced:
      case v1::JournalEvent::kSealedReportSubmitted:
      case v1::JournalEvent::kSealedReportAnswered:
      case v1::JournalEvent::FACT_NOT_SET:
        break;
    }
    return {};
  }

 private:
  IntakeDecision Erase(const v1::ErasePersonalData& cmd, const std::string& caller_token, const Context& ctx) const {
    if (cmd.report().empty()) return ErasePerson(cmd, caller_token, Chain(), ctx);
    if (const v1::ReportState* report = Report(cmd.report()))
      return EraseReport(cmd.report(), report->tracking_hash(), cmd, Chain(), ctx);
    const v1::SealedReportState* sealed = SealedReport(cmd.report());
    return EraseReport(sealed ? cmd.report() : "", sealed ? sealed->submitted().tracking_hash() : "", cmd, Chain(),
                       ctx);
  }

  static void EvolveErased(v1::IntakeStream& stream, const EventMeta& meta, const v1::JournalEvent& event) {
    const std::string& report = event.personal_data_erased().report();
    if (report.empty()) {
      *stream.mutable_person()->mutable_erased_at() = event.personal_data_erased().occurred_at();
    } else if (IdOf("sealedReports/", report).empty()) {
      EvolveReport(*stream.mutable_report(), meta.version, event);
    } else {
      EvolveSealedReport(*stream.mutable_sealed_report(), meta.version, event);
    }
  }

  const v1::AuditChainAdvanced* Chain() const {
    const v1::IntakeStream* stream = Find(kAuditChain);
    return stream ? &stream->audit_chain() : nullptr;
  }
  const v1::RevealState* Reveal(const std::string& name) const {
    const v1::IntakeStream* stream = Find(IdOf("reveals/", name));
    return stream && stream->has_reveal() ? &stream->reveal() : nullptr;
  }
  const v1::SealedReportState* SealedReport(const std::string& name) const {
    const v1::IntakeStream* stream = Find(IdOf("sealedReports/", name));
    return stream && stream->has_sealed_report() ? &stream->sealed_report() : nullptr;
  }
  const v1::ReportState* Report(const std::string& name) const {
    const v1::IntakeStream* stream = Find(IdOf("reports/", name));
    return stream && stream->has_report() ? &stream->report() : nullptr;
  }
  const v1::AlertState* Alert(const std::string& name) const {
    const v1::IntakeStream* stream = Find(IdOf("alerts/", name));
    return stream && stream->has_alert() ? &stream->alert() : nullptr;
  }
};

}  // namespace

std::unique_ptr<Machine> MakeShard(int) { return std::make_unique<IntakeShard>(); }

}  // namespace civicmesh::intake
