#include "services/intake/domain/intake_shard.h"

#include <string>
#include <utility>
#include <vector>

#include "services/intake/domain/alerts.h"
#include "services/intake/domain/reports.h"
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
      case v1::JournalEvent::FACT_NOT_SET:
        break;
    }
    return absl::DataLossError("an event of intake that this release does not know");
  }

  // Lists: "all" and "status" for staff, "reporter" for citizens, "submitter" for gateways, "waiting" alerts.
  std::vector<std::string> RowsOf(std::string_view id, const v1::IntakeStream& stream) const override {
    std::vector<std::string> rows;
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
      case v1::JournalEvent::FACT_NOT_SET:
        break;
    }
    return {};
  }

 private:
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
