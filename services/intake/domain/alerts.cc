#include "services/intake/domain/alerts.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/intake/domain/reference.h"
#include "services/intake/domain/reports.h"
#include "services/runtime/decider/uploads.h"

namespace civicmesh::intake {
namespace {

constexpr char kAlerts[] = "alerts/", kReports[] = "reports/";
// Fractions are sent as rounded numbers.
constexpr double kBoxTolerance = 1e-6;

bool IsBox(const v1::Box& box) {
  return box.left() >= 0 && box.top() >= 0 && box.width() > 0 && box.height() > 0 &&
         box.left() + box.width() <= 1 + kBoxTolerance && box.top() + box.height() <= 1 + kBoxTolerance;
}

std::string CameraClassName(int camera_class, const Context& ctx) {
  const auto* standard = ctx.reference->Get<IntakeStandard>(kStandard);
  const auto* minor = standard ? standard->FindCameraClass(camera_class) : nullptr;
  return minor ? minor->name_zh : "";
}

// The reviewer's word counts; where it is the model's own, so does the model's confidence.
v1::CategoryProposal ProposalOf(const v1::Alert& alert, int true_class, const Context& ctx) {
  v1::CategoryProposal proposal;
  const bool model_was_right = true_class == alert.camera_class();
  proposal.set_proposed_by(model_was_right ? absl::StrCat("camera:", alert.model_version()) : "reviewer");
  const auto* standard = ctx.reference->Get<IntakeStandard>(kStandard);
  if (!standard) return proposal;
  proposal.set_standard_version(standard->version);
  if (const auto* minor = standard->FindCameraClass(true_class)) {
    proposal.set_class_code(minor->code);
    proposal.set_confidence(model_was_right ? alert.confidence() : 100);
  }
  return proposal;
}

v1::JournalEvent ReportOf(const v1::AlertState& alert, int true_class, const std::string& report, const Context& ctx) {
  const v1::Alert& shown = alert.alert();
  v1::JournalEvent event;
  auto& fact = *event.mutable_report_submitted();
  auto& context = *fact.mutable_context();
  context.set_report(absl::StrCat(kReports, report));
  context.set_status(v1::REPORT_STATUS_FORWARDED);
  *context.mutable_occurred_at() = TimeOf(ctx.now_ms);
  context.set_actor(ActorName(ctx.actor, ""));
  context.set_source(type::v1::REPORT_SOURCE_VIDEO);
  *context.mutable_reported_at() = shown.captured_at();
  *context.mutable_location() = shown.location();
  *context.mutable_category() = ProposalOf(alert.alert(), true_class, ctx);
  context.set_source_id(shown.source_id());
  fact.set_photo_count(shown.photos_size());
  AddUploads(shown.photos(), &fact);
  fact.set_alert(shown.name());
  // Nobody wrote it, so there is nothing to seal.
  std::string name = CameraClassName(true_class, ctx);
  if (name.empty()) name = absl::StrCat("第", true_class, "类");
  event.mutable_text()->set_masked(absl::StrCat("视频上报：", name, "（摄像头 ", shown.camera(), "，经人工复核）"));
  *event.mutable_photos() = shown.photos();
  event.set_submitted_by(alert.raised_by());
  return event;
}

}  // namespace

IntakeDecision RaiseAlert(const v1::RaiseAlertRequest& cmd, const Context& ctx) {
  const auto wrong = [](const char* field) { return Refuse(v1::REASON_INVALID_ARGUMENT, field); };
  if (!cmd.has_box() || !IsBox(cmd.box())) return wrong("box");
  if (cmd.camera_class() < 1 || cmd.camera_class() > kCameraClasses) return wrong("camera_class");
  if (cmd.confidence() < 0 || cmd.confidence() > 100) return wrong("confidence");
  if (cmd.model_version().empty() || !IsForeignId(cmd.model_version())) return wrong("model_version");
  if (!IsForeignId(cmd.source_id())) return wrong("source_id");
  if (cmd.photos().empty() || !AttachmentsFit(cmd.photos(), kMaxPhotos, false)) return wrong("photos");
  if (!cmd.has_captured_at()) return wrong("captured_at");
  const auto captured_ms = CountedTime(true, cmd.captured_at(), ctx.now_ms);
  if (!captured_ms) return Refuse(v1::REASON_AHEAD_OF_TIME, "captured_at");
  const auto* district = ctx.reference->Get<IntakeDistrict>(kDistrict);
  if (!district) return Refuse(v1::REASON_REFERENCE_MISSING);
  const auto camera = district->cameras.find(cmd.camera());
  if (camera == district->cameras.end()) return Refuse(v1::REASON_UNKNOWN_CAMERA, "camera");
  if (camera->second.legal_basis_zh().empty()) return Refuse(v1::REASON_NO_LEGAL_BASIS, "camera");

  const std::string id = ctx.NewId("al");
  v1::JournalEvent event;
  auto& fact = *event.mutable_alert_raised();
  fact.set_alert(absl::StrCat(kAlerts, id));
  *fact.mutable_occurred_at() = TimeOf(ctx.now_ms);
  fact.set_camera(cmd.camera());
  fact.set_camera_class(cmd.camera_class());
  fact.set_confidence(cmd.confidence());
  fact.set_model_version(cmd.model_version());
  *fact.mutable_location() = camera->second.location();
  fact.set_legal_basis_zh(camera->second.legal_basis_zh());
  AddUploads(cmd.photos(), &fact);
  *event.mutable_box() = cmd.box();
  *event.mutable_photos() = cmd.photos();
  *event.mutable_captured_at() = TimeOf(*captured_ms);
  event.set_source_id(cmd.source_id());
  event.set_camera_class_zh(CameraClassName(cmd.camera_class(), ctx));
  event.set_submitted_by(ctx.actor.subject);
  IntakeDecided d;
  d.resource = id;
  d.Add(id, std::move(event));
  return d;
}

IntakeDecision ReviewAlert(const v1::AlertState* alert, const v1::ReviewAlertRequest& cmd, const Context& ctx) {
  if (!alert) return Refuse(v1::REASON_ALERT_NOT_FOUND, "name");
  const v1::Alert& shown = alert->alert();
  if (!EtagFits(cmd.etag(), alert->version())) return Refuse(v1::REASON_ETAG_MISMATCH, "etag");
  if (shown.verdict() != v1::ALERT_VERDICT_UNSPECIFIED) return Refuse(v1::REASON_ALREADY_REVIEWED, "name");
  const bool confirmed = cmd.verdict() == v1::ALERT_VERDICT_CONFIRMED;
  if (!confirmed && cmd.verdict() != v1::ALERT_VERDICT_FALSE) return Refuse(v1::REASON_INVALID_ARGUMENT, "verdict");
  if (cmd.true_camera_class() < 0 || cmd.true_camera_class() > (confirmed ? kCameraClasses : 0))
    return Refuse(v1::REASON_INVALID_ARGUMENT, "true_camera_class");

  int true_class = cmd.true_camera_class();
  if (confirmed && true_class == 0) true_class = shown.camera_class();
  const std::string report = confirmed ? ctx.NewId("r") : "";
  v1::JournalEvent event;
  auto& fact = *event.mutable_alert_reviewed();
  fact.set_alert(shown.name());
  *fact.mutable_occurred_at() = TimeOf(ctx.now_ms);
  fact.set_reviewer(ctx.actor.subject);
  fact.set_verdict(cmd.verdict());
  fact.set_camera(shown.camera());
  fact.set_camera_class(shown.camera_class());
  fact.set_true_camera_class(true_class);
  fact.set_confidence(shown.confidence());
  fact.set_model_version(shown.model_version());
  *fact.mutable_raised_at() = shown.raised_at();
  if (confirmed) fact.set_report(absl::StrCat(kReports, report));

  IntakeDecided d;
  d.resource = IdOf(kAlerts, shown.name());
  d.Add(d.resource, std::move(event));
  if (!confirmed) return d;
  v1::JournalEvent submitted = ReportOf(*alert, true_class, report, ctx);
  v1::ReportState state;
  EvolveReport(state, 1, submitted);
  d.Add(report, std::move(submitted));
  d.Add(report, Forwarded(state));
  return d;
}

void EvolveAlert(v1::AlertState& alert, uint64_t version, const v1::JournalEvent& event) {
  alert.set_version(version);
  auto& shown = *alert.mutable_alert();
  if (event.has_alert_raised()) {
    const auto& fact = event.alert_raised();
    shown.set_name(fact.alert());
    shown.set_camera(fact.camera());
    *shown.mutable_location() = fact.location();
    shown.set_legal_basis_zh(fact.legal_basis_zh());
    *shown.mutable_box() = event.box();
    shown.set_camera_class(fact.camera_class());
    shown.set_camera_class_zh(event.camera_class_zh());
    shown.set_confidence(fact.confidence());
    shown.set_model_version(fact.model_version());
    *shown.mutable_photos() = event.photos();
    *shown.mutable_captured_at() = event.captured_at();
    *shown.mutable_raised_at() = fact.occurred_at();
    shown.set_source_id(event.source_id());
    alert.set_raised_by(event.submitted_by());
  } else if (event.has_alert_reviewed()) {
    const auto& fact = event.alert_reviewed();
    shown.set_verdict(fact.verdict());
    shown.set_true_camera_class(fact.true_camera_class());
    *shown.mutable_reviewed_at() = fact.occurred_at();
    shown.set_report(fact.report());
  }
  shown.set_etag(EtagOf(version));
}

}  // namespace civicmesh::intake
