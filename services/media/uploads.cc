#include "services/media/uploads.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "civicmesh/media/v1/media_kept.pb.h"
#include "civicmesh/media/v1/media_service.pb.h"
#include "civicmesh/runtime/v1/runtime.pb.h"
#include "google/protobuf/util/time_util.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/base/log.h"
#include "services/runtime/decider/uploads.h"
#include "services/runtime/objects/buckets.h"

namespace civicmesh::media {
namespace {

using google::protobuf::util::TimeUtil;

constexpr size_t kDigestBytes = 32, kMaxFacts = 64 << 10;
constexpr const char* kTypes[] = {"image/jpeg", "image/png", "image/webp", "audio/mpeg", "audio/mp4",
                                  "audio/amr",  "audio/ogg", "audio/webm", "audio/wav"};

google::protobuf::Timestamp TimeOf(absl::Time time) {
  return TimeUtil::MillisecondsToTimestamp(absl::ToUnixMillis(time));
}
absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixMillis(TimeUtil::TimestampToMilliseconds(time));
}

// The same file announced again with the same request is the same upload.
std::string UploadId(const std::string& subject, const v1::CreateUploadRequest& request) {
  std::string named;
  for (const std::string& part :
       {subject, request.request_id(), request.content_type(), std::to_string(request.size_bytes()), request.sha256()})
    absl::StrAppend(&named, part.size(), ":", part);
  return absl::StrCat("u-", IdDigits(Sha256(named)));
}

std::string UploadName(const std::string& id) { return std::string(kUploads) + id; }
std::string RawKey(const std::string& id) { return absl::StrCat("raw/", id); }

Refusal Away(const absl::Status& why) {
  Log(Severity::kWarning, "an upload has to wait", {{"why", std::string(why.message())}});
  return Refuse(v1::REASON_STORE_AWAY);
}

}  // namespace

Uploads::Uploads(UploadParts parts) : parts_(std::move(parts)) {}

Uploads::Answer Uploads::Create(const std::string& subject, const v1::CreateUploadRequest& request) const {
  if (!UuidV7Time(request.request_id())) return Refuse(runtime::v1::REASON_BAD_REQUEST_ID, "request_id");
  if (std::find(std::begin(kTypes), std::end(kTypes), request.content_type()) == std::end(kTypes))
    return Refuse(v1::REASON_CONTENT_TYPE, "content_type");
  if (request.size_bytes() < 1 || request.size_bytes() > kMaxBytes) return Refuse(v1::REASON_SIZE, "size_bytes");
  if (request.sha256().size() != kDigestBytes) return Refuse(v1::REASON_DIGEST, "sha256");

  const absl::Time now = parts_.now();
  const std::string id = UploadId(subject, request);
  v1::Claim claim;
  claim.set_upload(UploadName(id));
  claim.set_subject(subject);
  claim.set_content_type(request.content_type());
  claim.set_size_bytes(request.size_bytes());
  claim.set_sha256(request.sha256());
  *claim.mutable_created_at() = TimeOf(now);

  v1::Upload upload;
  upload.set_name(claim.upload());
  upload.set_state(v1::UPLOAD_STATE_WAITING);
  upload.set_claim(parts_.claims.Sign(claim.SerializeAsString()));
  const S3Form form = PresignedForm(parts_.public_place, parts_.poster, kIncomingBucket, RawKey(id),
                                    request.content_type(), request.size_bytes(), kFormLife, now);
  upload.mutable_form()->set_url(form.url);
  upload.mutable_form()->mutable_fields()->insert(form.fields.begin(), form.fields.end());
  upload.mutable_form()->set_file_field("file");
  *upload.mutable_form()->mutable_expires_at() = TimeOf(now + kFormLife);
  return upload;
}

std::variant<v1::Claim, Refusal> Uploads::Claimed(const std::string& subject,
                                                  const v1::FinishUploadRequest& request) const {
  const auto bytes = parts_.claims.Open(request.claim());
  v1::Claim claim;
  if (!bytes || !claim.ParseFromString(*bytes)) return Refuse(v1::REASON_CLAIM, "claim");
  if (claim.upload() != request.name()) return Refuse(v1::REASON_CLAIM, "name");
  const bool theirs = claim.subject().empty() || claim.subject() == subject;
  if (!theirs || TimeOf(claim.created_at()) + kClaimLife < parts_.now()) return Refuse(v1::REASON_CLAIM, "claim");
  return claim;
}

absl::StatusOr<v1::Facts> Uploads::FactsOf(const std::string& id) const {
  auto bytes = parts_.store->Get(kMediaBucket, absl::StrCat(id, "/facts"), kMaxFacts);
  if (!bytes.ok()) return bytes.status();
  v1::Facts facts;
  if (!facts.ParseFromString(*bytes)) return absl::UnavailableError("the facts of an upload cannot be read");
  return facts;
}

std::variant<std::string, Refusal> Uploads::Posted(const std::string& id, const v1::Claim& claim) const {
  auto file = parts_.store->Get(kIncomingBucket, RawKey(id), claim.size_bytes());
  if (absl::IsNotFound(file.status())) return Refuse(v1::REASON_NOT_UPLOADED, "name");
  if (absl::IsOutOfRange(file.status())) return Refuse(v1::REASON_OTHER_FILE, "name");
  if (!file.ok()) return Away(file.status());
  if (Sha256(*file) != claim.sha256()) return Refuse(v1::REASON_OTHER_FILE, "name");
  return *std::move(file);
}

absl::Status Uploads::Keep(const std::string& id, Decoded& decoded) const {
  // First what has the rest swept up, should nothing ever name it; last what makes it ready.
  absl::Status put = parts_.store->Put(kIncomingBucket, absl::StrCat("unused/", id), "", "application/octet-stream");
  for (const auto& part : decoded.parts)
    if (put.ok())
      put = parts_.store->Put(kMediaBucket, absl::StrCat(id, "/", part.name), part.bytes, part.content_type);
  if (!put.ok()) return put;
  auto& facts = *decoded.facts->mutable_attachment();
  facts.set_uri(UploadName(id));
  facts.set_sha256(Sha256(decoded.parts[0].bytes));
  facts.set_size_bytes(static_cast<int64_t>(decoded.parts[0].bytes.size()));
  return parts_.store->Put(kMediaBucket, absl::StrCat(id, "/facts"), decoded.facts->SerializeAsString(),
                           "application/octet-stream");
}

v1::Upload Uploads::Ready(const v1::Claim& claim, const v1::Facts& facts) const {
  v1::Upload upload;
  upload.set_name(claim.upload());
  upload.set_state(v1::UPLOAD_STATE_READY);
  upload.set_transcript(facts.transcript());
  auto& shown = *upload.mutable_attachment();
  shown = facts.attachment();
  shown.set_ticket(parts_.attachments->Ticket(claim.subject(), facts.attachment(), facts.voice(), parts_.now()));
  if (facts.voice()) shown.set_kind(type::v1::Attachment::KIND_VOICE);
  parts_.attachments->ShowLinks(parts_.now(), &shown);
  return upload;
}

Uploads::Answer Uploads::Finish(const std::string& subject, const v1::FinishUploadRequest& request) const {
  auto claimed = Claimed(subject, request);
  if (auto* refused = std::get_if<Refusal>(&claimed)) return *refused;
  const v1::Claim& claim = std::get<v1::Claim>(claimed);
  const std::string id = claim.upload().substr(kUploads.size());
  auto facts = FactsOf(id);
  if (facts.ok()) return Ready(claim, *facts);
  if (!absl::IsNotFound(facts.status())) return Away(facts.status());

  auto posted = Posted(id, claim);
  if (auto* refused = std::get_if<Refusal>(&posted)) return *refused;
  auto looked = parts_.decode(std::get<std::string>(posted), claim.content_type());
  if (!looked.ok()) return Away(looked.status());
  if (auto* refused = std::get_if<Refusal>(&*looked)) {
    // Swept up otherwise, a day later.
    parts_.store->Delete(kIncomingBucket, RawKey(id)).IgnoreError();
    return *refused;
  }
  Decoded& decoded = std::get<Decoded>(*looked);
  if (decoded.facts->voice() && parts_.transcribe)
    decoded.facts->set_transcript(parts_.transcribe(decoded.parts[0].bytes));
  if (auto kept = Keep(id, decoded); !kept.ok()) return Away(kept);
  parts_.store->Delete(kIncomingBucket, RawKey(id)).IgnoreError();
  return Ready(claim, *decoded.facts);
}

}  // namespace civicmesh::media
