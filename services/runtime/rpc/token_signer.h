// Signs tokens such as TokenVerifier takes (auth.h): ES256, for development, deploy/up and tests. In production tokens
// come from the city's own identity provider, and nothing of ours holds its key.
//
//   TokenSigner signer = TokenSigner::Generate();
//   WriteFile("jwks.json", signer.Jwks());
//   std::string token = signer.Token(R"({"iss":"https://id.civicmesh.test","sub":"staff-7",…})");
//
// Immutable and thread-safe. Nothing blocks.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace civicmesh {

class TokenSigner {
 public:
  // A new key on P-256. Its key id is `kid`, or, where that is empty, follows from the public key.
  static TokenSigner Generate(std::string kid = "");
  // INVALID_ARGUMENT: `pem` holds no private key on P-256.
  static absl::StatusOr<TokenSigner> FromPem(std::string_view pem, std::string kid = "");

  // The private key (PKCS #8), for a file that only its owner may read.
  std::string Pem() const;
  // The key set with the public key, as JSON.
  std::string Jwks() const;

  // A token with these claims, a JSON object.
  std::string Token(std::string_view claims) const;
  // The same with a header of the caller's: for tests of what a verifier must refuse.
  std::string Sign(std::string_view header, std::string_view claims) const;

 private:
  struct Key;
  TokenSigner(std::shared_ptr<const Key> key, std::string kid);

  std::shared_ptr<const Key> key_;
  std::string kid_;
};

}  // namespace civicmesh
