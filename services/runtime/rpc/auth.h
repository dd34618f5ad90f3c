// Who calls, and what they may: bearer tokens (JWT, ES256) against a JSON Web Key Set, and of the caller's posts those
// that a method's option civicmesh.options.v1.access names.
//
//   auto verifier = TokenVerifier::Make({.jwks = text, .issuer = "https://id.city.example", .audience = "civicmesh"});
//   auto holder = (*verifier)->Verify(token, clock->wall());
//   auto rights = RightsOf(method, &posts);     // posts: what the roster says of holder->subject
//
// A token needs: header alg ES256 and a kid of the set; claims iss, aud (a string or a list), exp, sub; nbf and iat
// where present must have come. 60 seconds of skew are allowed. It carries no rights, but for development tokens, which
// a service reads only where it was told to: their claim roles is a list of options.v1.Role names without "ROLE_"
// (unknown ones are ignored), unit and area are strings.
//
// A token whose claim civicmesh_use is "once" is good for one call (one_time_tokens.h); it needs jti and iat, and lives
// at most ten minutes from one to the other end. Another value of that claim is refused.
//
// Thread-safe. Nothing blocks but a lock; verifying a token that is not cached costs about 0.1 ms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/runtime/decider/context.h"

namespace google::protobuf {
class MethodDescriptor;
}

namespace civicmesh {

enum class ClientKind { kAny, kCitizen, kStaff, kAgency };

struct AuthOptions {
  std::string jwks;              // the JSON text of the key set: EC keys on P-256; empty with keys_come_later
  bool keys_come_later = false;  // until Rotate, no token can be checked
  std::string issuer;
  std::string audience;  // of clients of any kind; may be empty where there are others
  // Of one kind each: what the token of a citizen's app names never acts for the city, whoever holds it.
  std::map<std::string, ClientKind> audiences = {};
  bool development = false;  // tokens may say what their subject may
  size_t cached_tokens = 10000;
  // Told of a token that an unknown key has signed: a newer key set may name it. On any thread; must not block.
  std::function<void()> unknown_key = {};
};

struct TokenHolder {
  std::string subject;
  std::vector<Post> claimed;  // by a development token
  ClientKind client = ClientKind::kAny;
  std::string token_id;                          // its claim jti; may be empty
  int64_t issued_ms = 0;                         // its claim iat, milliseconds since 1970; 0 where it does not say
  bool one_time = false;                         // good for one call
  absl::Time good_until = absl::InfinitePast();  // the skew included
};

class TokenVerifier {
 public:
  // INVALID_ARGUMENT: the key set does not parse, holds no usable key or a private one, or issuer or audiences are
  // empty.
  static absl::StatusOr<std::unique_ptr<TokenVerifier>> Make(AuthOptions options);
  ~TokenVerifier();

  // Whom `token` names. UNAUTHENTICATED: says why in general words, never quoting the token. UNAVAILABLE: there is no
  // key set that may be trusted now.
  absl::StatusOr<TokenHolder> Verify(std::string_view token, absl::Time now);

  // Takes another key set in place of the one before, to be trusted until then: tokens of a key that is gone are
  // refused from here on. INVALID_ARGUMENT: as Make; the one before stays, for as long as it was to be trusted.
  absl::Status Rotate(const std::string& jwks, absl::Time good_until = absl::InfiniteFuture());

  // How many verified tokens are remembered, by their SHA-256, until they expire; never those that are good once.
  size_t cached() const;

 private:
  struct Impl;
  explicit TokenVerifier(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Of `posts` (null: no token was sent) those that may call `method` (null: unknown), each with the scope that the
// method gives it. PERMISSION_DENIED where there are none or the method carries no access option; UNAUTHENTICATED where
// a token is needed and none was sent.
absl::StatusOr<std::vector<Post>> RightsOf(const google::protobuf::MethodDescriptor* method,
                                           const std::vector<Post>* posts);

}  // namespace civicmesh
