#include "services/runtime/rpc/token_signer.h"

#include <gtest/gtest.h>

#include "absl/time/time.h"
#include "services/runtime/rpc/auth.h"

namespace civicmesh {
namespace {

constexpr char kClaims[] = R"({"iss":"i","aud":"a","sub":"s","exp":2000})";

absl::StatusOr<TokenHolder> VerifyBy(const TokenSigner& set, const std::string& token) {
  auto verifier = TokenVerifier::Make({.jwks = set.Jwks(), .issuer = "i", .audience = "a"});
  if (!verifier.ok()) return verifier.status();
  return (*verifier)->Verify(token, absl::FromUnixSeconds(1000));
}

TEST(TokenSigner, ItsTokensAreTakenByItsKeySetAndNoOther) {
  const TokenSigner ours = TokenSigner::Generate(), other = TokenSigner::Generate();
  auto actor = VerifyBy(ours, ours.Token(kClaims));
  ASSERT_TRUE(actor.ok()) << actor.status();
  EXPECT_EQ(actor->subject, "s");
  EXPECT_FALSE(VerifyBy(other, ours.Token(kClaims)).ok());
}

TEST(TokenSigner, AKeyThatWasKeptIsTheSameKey) {
  const TokenSigner ours = TokenSigner::Generate();
  auto again = TokenSigner::FromPem(ours.Pem());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->Jwks(), ours.Jwks());
  EXPECT_TRUE(VerifyBy(ours, again->Token(kClaims)).ok());
}

TEST(TokenSigner, RefusesWhatIsNoKey) {
  EXPECT_FALSE(TokenSigner::FromPem("").ok());
  EXPECT_FALSE(TokenSigner::FromPem("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n").ok());
}

}  // namespace
}  // namespace civicmesh
