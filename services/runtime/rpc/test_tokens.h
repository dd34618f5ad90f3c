// A key pair made on the spot, its key set, and tokens signed by it: for tests of whatever asks who calls. Link
// token_signer.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "services/runtime/decider/context.h"
#include "services/runtime/rpc/token_signer.h"

namespace civicmesh {

class TestIssuer {
 public:
  explicit TestIssuer(std::string kid = "k1") : signer_(TokenSigner::Generate(std::move(kid))) {}

  std::string Jwks() const { return signer_.Jwks(); }
  std::string Sign(const nlohmann::json& header, const nlohmann::json& claims) const {
    return signer_.Sign(header.dump(), claims.dump());
  }
  std::string Token(const nlohmann::json& claims) const { return signer_.Token(claims.dump()); }

  // The token of `actor`, good for five minutes, with what else `claims` say: a development token where it holds posts.
  std::string TokenOf(const ActorView& actor, nlohmann::json claims) const {
    claims["sub"] = actor.subject;
    claims["exp"] = absl::ToUnixSeconds(absl::Now() + absl::Minutes(5));
    for (const Post& post : actor.posts) {
      claims["roles"].push_back(post.role);
      claims["unit"] = post.unit;
      claims["area"] = post.area;
    }
    return Token(claims);
  }

  static std::string Encode(const std::string& bytes) { return absl::WebSafeBase64Escape(bytes); }

 private:
  const TokenSigner signer_;
};

}  // namespace civicmesh
