// What becomes of a file on its way in: announced, posted, looked at, kept.
//
// Nothing is remembered but in the object store: what was announced travels in the claim, and a file is ready once its
// facts are there, which are put last. So every step may be repeated, after a kill at any instruction, by any replica;
// what a step left behind is swept up (keeper.h).
//
// Thread-safe. Create returns at once; Finish blocks, for a large picture some seconds.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "services/runtime/decider/decision.h"
#include "services/runtime/objects/attachments.h"
#include "services/runtime/objects/object_store.h"

namespace civicmesh::media {

namespace v1 {
class Claim;
class CreateUploadRequest;
class Facts;
class FinishUploadRequest;
class Upload;
}  // namespace v1

// What was made of a file: what is kept of it by name, and the facts but for uri, digest and size.
struct Decoded {
  struct Part {
    std::string name;  // "photo.jpg", "thumbnail.jpg", "voice.ogg"; the first one is what the facts speak of
    std::string bytes;
    std::string content_type;
  };
  std::vector<Part> parts;
  std::shared_ptr<v1::Facts> facts;
};

struct UploadParts {
  ObjectStore* store = nullptr;
  SigningKeys claims;
  std::shared_ptr<const Attachments> attachments;
  S3Place public_place;  // where clients post
  S3Login poster;        // may put raw/… and nothing else
  // What the file is, or why it is not taken. UNAVAILABLE: cannot tell now.
  std::function<absl::StatusOr<std::variant<Decoded, Refusal>>(const std::string& file,
                                                               const std::string& content_type)>
      decode;
  // What is heard in a recording as decoded; "" where nobody listens or nothing was understood. Empty: nobody does.
  std::function<std::string(const std::string& voice)> transcribe;
  std::function<absl::Time()> now;
};

class Uploads {
 public:
  static constexpr int64_t kMaxBytes = 20 << 20;
  static constexpr absl::Duration kFormLife = absl::Minutes(15), kClaimLife = absl::Hours(24);

  explicit Uploads(UploadParts parts);

  using Answer = std::variant<v1::Upload, Refusal>;
  Answer Create(const std::string& subject, const v1::CreateUploadRequest& request) const;
  Answer Finish(const std::string& subject, const v1::FinishUploadRequest& request) const;

 private:
  std::variant<v1::Claim, Refusal> Claimed(const std::string& subject, const v1::FinishUploadRequest& request) const;
  // OK: there they are; NOT_FOUND: it is not ready.
  absl::StatusOr<v1::Facts> FactsOf(const std::string& id) const;
  std::variant<std::string, Refusal> Posted(const std::string& id, const v1::Claim& claim) const;
  absl::Status Keep(const std::string& id, Decoded& decoded) const;
  v1::Upload Ready(const v1::Claim& claim, const v1::Facts& facts) const;

  const UploadParts parts_;
};

}  // namespace civicmesh::media
