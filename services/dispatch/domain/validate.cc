#include "services/dispatch/domain/validate.h"

#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/dispatch/domain/change.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/personal/personal_numbers.h"

namespace civicmesh::dispatch {
namespace {

using civicmesh::type::v1::Attachment;
using civicmesh::type::v1::GeoPoint;
using Photos = google::protobuf::RepeatedPtrField<Attachment>;
using v1::Command;

constexpr int kMaxNote = 500;
constexpr int kMaxText = 2000;
constexpr int kMaxPhotos = 20;
constexpr size_t kMaxUri = 500;
constexpr size_t kSha256 = 32;

using Checked = std::optional<Refusal>;

Checked Wrong(std::string field, std::string detail) {
  return Refuse(v1::REASON_INVALID_ARGUMENT, std::move(field), std::move(detail));
}

// UTF-8 code points.
int Characters(const std::string& text) {
  int count = 0;
  for (char c : text) count += (c & 0xc0) != 0x80;
  return count;
}

Checked CheckText(const char* field, const std::string& text, int max) {
  if (Characters(text) > max) return Wrong(field, absl::StrCat("more than ", max, " characters"));
  if (HoldsPersonalNumber(text)) return Refuse(v1::REASON_PERSONAL_DATA_IN_TEXT, field);
  return std::nullopt;
}

Checked CheckNote(const std::string& note, bool required) {
  if (required && note.empty()) return Refuse(v1::REASON_NOTE_MISSING, "note");
  return CheckText("note", note, kMaxNote);
}

Checked CheckPhotos(const Photos& photos) {
  if (photos.size() > kMaxPhotos) return Wrong("photos", absl::StrCat("more than ", kMaxPhotos));
  for (const auto& photo : photos) {
    if (photo.uri().empty() || photo.uri().size() > kMaxUri || photo.uri().find("://") != std::string::npos)
      return Wrong("photos", "uri is an object key");
    if (photo.sha256().size() != kSha256) return Wrong("photos", "sha256 has 32 bytes");
    if (photo.kind() == Attachment::KIND_UNSPECIFIED) return Wrong("photos", "kind is missing");
    if (photo.size_bytes() < 0) return Wrong("photos", "size_bytes is negative");
  }
  return std::nullopt;
}

Checked CheckLocation(const char* field, const GeoPoint& at) {
  // A comparison with NaN is false.
  if (!(std::abs(at.latitude()) <= 90 && std::abs(at.longitude()) <= 180))
    return Wrong(field, "latitude is -90 to 90, longitude -180 to 180 degrees");
  return std::nullopt;
}

Checked First(std::initializer_list<Checked> checks) {
  for (const auto& check : checks)
    if (check) return check;
  return std::nullopt;
}

Checked Check(const v1::OpenCaseRequest& r) {
  if (r.source() == civicmesh::type::v1::REPORT_SOURCE_UNSPECIFIED) return Wrong("source", "is missing");
  if (!r.has_location()) return Wrong("location", "is missing");
  if (r.text().empty()) return Wrong("text", "is missing");
  return First(
      {CheckLocation("location", r.location()), CheckText("text", r.text(), kMaxText), CheckPhotos(r.photos())});
}

Checked Check(const v1::OpenCaseFromReport& r) {
  if (r.report().empty()) return Wrong("report", "is missing");
  if (!r.has_location()) return Wrong("location", "is missing");
  return CheckLocation("location", r.location());
}

Checked Check(const v1::RecordVerificationRequest& r) {
  if (r.result() == v1::VERIFICATION_RESULT_UNSPECIFIED) return Wrong("result", "is missing");
  return First({CheckPhotos(r.photos()), CheckNote(r.note(), false)});
}

Checked Check(const v1::RegisterCaseRequest& r) {
  if (r.condition_id().empty()) return Refuse(v1::REASON_UNKNOWN_CONDITION, "condition_id");
  return r.has_corrected_location() ? CheckLocation("corrected_location", r.corrected_location()) : std::nullopt;
}

Checked Check(const v1::DeclineCaseRequest& r) {
  if (r.ground() == v1::DECLINE_GROUND_UNSPECIFIED) return Wrong("ground", "is missing");
  const bool elsewhere =
      r.ground() == v1::DECLINE_GROUND_OUTSIDE_DISTRICT || r.ground() == v1::DECLINE_GROUND_OUTSIDE_SCOPE;
  if (elsewhere && r.referral().empty()) return Refuse(v1::REASON_REFERRAL_MISSING, "referral");
  if (r.ground() == v1::DECLINE_GROUND_DUPLICATE && r.duplicate_of().empty())
    return Refuse(v1::REASON_DUPLICATE_CASE_MISSING, "duplicate_of");
  if (!r.duplicate_of().empty() && !ShardOfId("c", CaseStream(r.duplicate_of())))
    return Wrong("duplicate_of", "is no case's name");
  return First({CheckNote(r.note(), true), CheckText("referral", r.referral(), kMaxNote)});
}

Checked Check(const v1::DispatchCaseRequest& r) { return CheckText("override_reason", r.override_reason(), kMaxNote); }

Checked Check(const v1::SubmitFeedbackRequest& r) {
  bool after = false;
  for (const auto& photo : r.photos()) after = after || photo.kind() == Attachment::KIND_AFTER;
  if (!after) return Refuse(v1::REASON_PHOTO_MISSING, "photos");
  return First({CheckPhotos(r.photos()), CheckNote(r.note(), false)});
}

Checked Check(const v1::ReturnCaseRequest& r) {
  if (r.duty_entry().empty()) return Refuse(v1::REASON_DUTY_ENTRY_MISSING, "duty_entry");
  return CheckNote(r.note(), true);
}

Checked Check(const v1::JudgeReturnRequest& r) {
  if (r.verdict() == v1::RETURN_VERDICT_UNSPECIFIED) return Wrong("verdict", "is missing");
  return CheckNote(r.note(), true);
}

Checked Check(const v1::InspectCaseRequest& r) {
  if (r.photos().empty()) return Refuse(v1::REASON_PHOTO_MISSING, "photos");
  return First({CheckPhotos(r.photos()), CheckNote(r.note(), !r.passed())});
}

Checked Check(const v1::RevisitCaseRequest& r) {
  if (r.rating() == v1::RATING_UNSPECIFIED) return Wrong("rating", "is missing");
  return std::nullopt;
}

Checked Check(const v1::RequestExtensionRequest& r) { return CheckNote(r.note(), true); }
Checked Check(const v1::DecideExtensionRequest& r) { return CheckNote(r.note(), !r.approved()); }
Checked Check(const v1::PostponeCaseRequest& r) { return CheckNote(r.note(), true); }
Checked Check(const v1::UrgeCaseRequest& r) { return CheckNote(r.note(), false); }

}  // namespace

std::optional<Refusal> Validate(const Command& c) {
  switch (c.command_case()) {
    case Command::kOpenCase:
      return Check(c.open_case());
    case Command::kOpenCaseFromReport:
      return Check(c.open_case_from_report());
    case Command::kRecordVerification:
      return Check(c.record_verification());
    case Command::kRegisterCase:
      return Check(c.register_case());
    case Command::kDeclineCase:
      return Check(c.decline_case());
    case Command::kDispatchCase:
      return Check(c.dispatch_case());
    case Command::kSubmitFeedback:
      return Check(c.submit_feedback());
    case Command::kReturnCase:
      return Check(c.return_case());
    case Command::kJudgeReturn:
      return Check(c.judge_return());
    case Command::kInspectCase:
      return Check(c.inspect_case());
    case Command::kRevisitCase:
      return Check(c.revisit_case());
    case Command::kRequestExtension:
      return Check(c.request_extension());
    case Command::kDecideExtension:
      return Check(c.decide_extension());
    case Command::kPostponeCase:
      return Check(c.postpone_case());
    case Command::kUrgeCase:
      return Check(c.urge_case());
    case Command::kAcceptCase:
    case Command::kStartVerification:
    case Command::kSignCase:
    case Command::kStartDisposal:
    case Command::kLookForSimilar:
    case Command::kHearNeighbour:
    case Command::kTakeReports:
    case Command::kSettleMerge:
    case Command::COMMAND_NOT_SET:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace civicmesh::dispatch
