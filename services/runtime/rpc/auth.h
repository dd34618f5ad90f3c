// Who calls, and whether they may: bearer tokens (JWT, ES256) against a JSON Web Key Set, and the posts that a method's
// option civicmesh.options.v1.access names.
//
//   auto verifier = TokenVerifier::Make({.jwks = text, .issuer = "https://id.city.example", .audience = "civicmesh"});
//   auto actor = (*verifier)->Verify(token, clock->wall());
//   auto may = Authorize(method, actor->has_value() ? &**actor : nullptr);
//
// A token needs: header alg ES256 and a kid of the set; claims iss, aud (a string or a list), exp, sub; nbf and iat
// where present must have come; roles is a list of options.v1.Role names without "ROLE_" (unknown ones are ignored),
// unit a string. 60 seconds of skew are allowed.
//
// Thread-safe. Nothing blocks but a lock; verifying a token that is not cached costs about 0.1 ms.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/runtime/decider/context.h"

namespace google::protobuf {
class MethodDescriptor;
}

namespace civicmesh {

struct AuthOptions {
  std::string jwks;  // the JSON text of the key set: EC keys on P-256
  std::string issuer;
  std::string audience;
  size_t cached_tokens = 10000;
};

class TokenVerifier {
 public:
  // INVALID_ARGUMENT: the key set does not parse or holds no usable key, or issuer or audience is empty.
  static absl::StatusOr<std::unique_ptr<TokenVerifier>> Make(AuthOptions options);
  ~TokenVerifier();

  // The actor that `token` names. UNAUTHENTICATED: says why in general words, never quoting the token.
  absl::StatusOr<ActorView> Verify(std::string_view token, absl::Time now);

  // How many verified tokens are remembered, by their SHA-256, until they expire.
  size_t cached() const;

 private:
  struct Impl;
  explicit TokenVerifier(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Whether `actor` (null: no token was sent) may call `method` (null: unknown). PERMISSION_DENIED where no post fits or
// the method carries no access option; UNAUTHENTICATED where a token is needed and none was sent.
absl::Status Authorize(const google::protobuf::MethodDescriptor* method, const ActorView* actor);

}  // namespace civicmesh
