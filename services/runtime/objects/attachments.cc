#include "services/runtime/objects/attachments.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "civicmesh/runtime/v1/upload_ticket.pb.h"
#include "google/protobuf/util/time_util.h"
#include "services/runtime/base/secrets.h"
#include "services/runtime/decider/uploads.h"
#include "services/runtime/objects/buckets.h"

namespace civicmesh {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::util::TimeUtil;
using type::v1::Attachment;

constexpr char kTicketKeys[] = "CIVICMESH_MEDIA_TICKET_KEYS", kLinks[] = "CIVICMESH_OBJECTS_LINKS",
               kPublicUrl[] = "CIVICMESH_OBJECTS_PUBLIC_URL", kRegion[] = "CIVICMESH_OBJECTS_REGION";

bool IsUpload(const Attachment& one) { return std::string_view(one.uri()).substr(0, kUploads.size()) == kUploads; }

// What a sender has no business to say.
bool SaysMore(const Attachment& one) {
  Attachment known;
  known.set_uri(one.uri());
  known.set_sha256(one.sha256());
  known.set_kind(one.kind());
  known.set_size_bytes(one.size_bytes());
  return known.ByteSizeLong() != one.ByteSizeLong();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Attachments>> Attachments::FromEnvironment() {
  auto tickets = SigningKeys::FromEnvironment(kTicketKeys, "upload ticket");
  if (!tickets.ok()) return tickets.status();
  std::string values[3];
  for (int i = 0; const char* variable : {kLinks, kPublicUrl, kRegion}) {
    auto value = SecretFromEnvironment(variable);
    if (!value.ok()) return value.status();
    values[i++] = *std::move(value);
  }
  const auto& [links, url, region] = values;
  if (tickets->empty() != links.empty() || links.empty() != url.empty())
    return absl::InvalidArgumentError(
        absl::StrCat("set all of ", kTicketKeys, ", ", kLinks, " and ", kPublicUrl, ", or none"));
  if (links.empty()) return std::make_shared<const Attachments>(*std::move(tickets), S3Place{}, S3Login{});
  auto login = ParseS3Login(links);
  if (!login.ok()) return absl::InvalidArgumentError(absl::StrCat(kLinks, ": ", login.status().message()));
  S3Place place{.url = url};
  if (!region.empty()) place.region = region;
  return std::make_shared<const Attachments>(*std::move(tickets), std::move(place), *std::move(login));
}

Attachments::Attachments(SigningKeys tickets, S3Place public_place, S3Login links)
    : tickets_(std::move(tickets)), public_place_(std::move(public_place)), links_(std::move(links)) {}

std::string Attachments::Ticket(const std::string& subject, const Attachment& facts, bool voice, absl::Time now) const {
  runtime::v1::Ticket ticket;
  ticket.set_subject(subject);
  *ticket.mutable_attachment() = facts;
  ticket.set_voice(voice);
  *ticket.mutable_expires_at() = TimeUtil::MillisecondsToTimestamp(absl::ToUnixMillis(now + kTicketLife));
  return tickets_.Sign(ticket.SerializeAsString());
}

bool Attachments::TakeOne(const std::string& subject, absl::Time now, Attachment* one) const {
  if (!IsUpload(*one)) return !SaysMore(*one);
  const auto bytes = tickets_.Open(one->ticket());
  runtime::v1::Ticket ticket;
  if (!bytes || !ticket.ParseFromString(*bytes)) return false;
  const bool theirs = ticket.subject().empty() || ticket.subject() == subject;
  const bool voice = one->kind() == Attachment::KIND_VOICE;
  if (!theirs || ticket.attachment().uri() != one->uri() || ticket.voice() != voice ||
      absl::FromUnixMillis(TimeUtil::TimestampToMilliseconds(ticket.expires_at())) < now)
    return false;
  const Attachment::Kind kind = one->kind();
  *one = ticket.attachment();
  one->set_kind(kind);
  return true;
}

std::optional<std::string> Attachments::Take(const std::string& subject, absl::Time now, Message* request) const {
  for (int i = 0; i < request->GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = request->GetDescriptor()->field(i);
    if (!field->is_repeated() || field->message_type() != Attachment::descriptor()) continue;
    const auto* reflection = request->GetReflection();
    for (int at = 0; at < reflection->FieldSize(*request, field); ++at) {
      auto* one = static_cast<Attachment*>(reflection->MutableRepeatedMessage(request, field, at));
      if (!TakeOne(subject, now, one)) return field->name();
    }
  }
  return std::nullopt;
}

void Attachments::ShowLinks(absl::Time now, Attachment* one) const {
  if (links_.access_key.empty() || !IsUpload(*one)) return;
  const auto link = [&](const char* file) {
    const std::string path = absl::StrCat("/", kMediaBucket, "/", one->uri().substr(kUploads.size()), "/", file);
    return PresignedUrl(public_place_, links_, "GET", path, {}, kLinkLife, now);
  };
  if (one->length_ms() > 0) {
    one->set_link(link("voice.ogg"));
  } else {
    one->set_link(link("photo.jpg"));
    one->set_thumbnail_link(link("thumbnail.jpg"));
  }
  *one->mutable_links_expire_at() = TimeUtil::MillisecondsToTimestamp(absl::ToUnixMillis(now + kLinkLife));
}

void Attachments::ShowLinks(absl::Time now, Message* answer) const {
  if (answer->GetDescriptor() == Attachment::descriptor()) return ShowLinks(now, static_cast<Attachment*>(answer));
  const auto* reflection = answer->GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(*answer, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field->is_map()) continue;
    if (!field->is_repeated()) {
      ShowLinks(now, reflection->MutableMessage(answer, field));
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(*answer, field); ++i)
      ShowLinks(now, reflection->MutableRepeatedMessage(answer, field, i));
  }
}

}  // namespace civicmesh
