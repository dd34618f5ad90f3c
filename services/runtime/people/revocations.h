// Tokens that are good no more before they expire (吊销): what was lost or misused, of a reference.v1.Revocations.
//
// The list that was published last holds, in every service, as the roster does (roster.h). Immutable and thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"

namespace civicmesh {

namespace reference::v1 {
class Revocations;
}

inline constexpr char kRevocationsKind[] = "revocations";

class Revocations {
 public:
  // INVALID_ARGUMENT: no version, an entry that names both a token and a subject or neither, or a time that is not RFC
  // 3339.
  static absl::StatusOr<std::shared_ptr<const Revocations>> Make(const reference::v1::Revocations& message);

  // `token_id` is empty where the token has none. A token that does not say when it was issued (0) is as old as can be.
  bool Revoked(std::string_view subject, std::string_view token_id, int64_t issued_ms) const;

 private:
  Revocations() = default;
  absl::flat_hash_set<std::string> tokens_;
  absl::flat_hash_map<std::string, int64_t> subjects_;  // by the time before which theirs are revoked
};

}  // namespace civicmesh
