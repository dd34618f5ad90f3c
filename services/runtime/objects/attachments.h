// What handlers do with attachments (type.v1.Attachment) that name an upload of this city's.
//
//   auto attachments = Attachments::FromEnvironment();                        // once; at start-up
//   if (auto field = attachments->Take(subject, now, &command)) return …;     // before a command is made of a request
//   attachments->ShowLinks(now, &case);                                       // in an answer that shows one thing
//
// A ticket (media signs it, the client carries it) is what makes "uploads/…" good: without one, whoever can guess or
// has seen a name could attach another's picture and then be shown it. CIVICMESH_MEDIA_TICKET_KEYS signs tickets
// (base/signed_text.h); CIVICMESH_OBJECTS_LINKS ("ACCESSKEY:SECRET", may only read the bucket of what is ready) signs
// links below CIVICMESH_OBJECTS_PUBLIC_URL, the door's address as clients use it; CIVICMESH_OBJECTS_REGION, where the
// store has one. A city without a store sets none of them: no upload is taken then, and nothing is linked.
//
// Thread-safe; nothing blocks. Times are of the real clock: tickets and links are no business matter.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/runtime/base/signed_text.h"
#include "services/runtime/objects/s3_signing.h"

namespace google::protobuf {
class Message;
}

namespace civicmesh {

namespace type::v1 {
class Attachment;
}

class Attachments {
 public:
  static constexpr absl::Duration kTicketLife = absl::Hours(48), kLinkLife = absl::Minutes(10);

  // INVALID_ARGUMENT: a variable holds something else than it should, or some are set and others are not.
  static absl::StatusOr<std::shared_ptr<const Attachments>> FromEnvironment();
  // `links` without an access key: nothing is linked.
  Attachments(SigningKeys tickets, S3Place public_place, S3Login links);

  const S3Place& public_place() const { return public_place_; }

  // A ticket for `facts`, which `subject` has uploaded; "" takes it from anybody who has it.
  std::string Ticket(const std::string& subject, const type::v1::Attachment& facts, bool voice, absl::Time now) const;

  // Puts what the ticket says into each attachment of the request's own fields, and takes the tickets away. The name of
  // the first field with one that is not good: an upload without ticket or with one that is not the caller's, has
  // expired, or is for a recording where a picture is meant; or what only a ticket can say without one.
  std::optional<std::string> Take(const std::string& subject, absl::Time now, google::protobuf::Message* request) const;

  // Adds the links to all attachments in the answer that are uploads.
  void ShowLinks(absl::Time now, google::protobuf::Message* answer) const;
  void ShowLinks(absl::Time now, type::v1::Attachment* one) const;

 private:
  bool TakeOne(const std::string& subject, absl::Time now, type::v1::Attachment* one) const;

  const SigningKeys tickets_;
  const S3Place public_place_;
  const S3Login links_;
};

}  // namespace civicmesh
