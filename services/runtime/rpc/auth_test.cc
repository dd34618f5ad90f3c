#include "services/runtime/rpc/auth.h"

#include <gtest/gtest.h>

#include <openssl/hmac.h>
#include <optional>

#include "civicmesh/runtime/v1/control_service.pb.h"
#include "services/runtime/decider/posts_for_tests.h"
#include "services/runtime/rpc/key_rotation.h"
#include "services/runtime/rpc/test_tokens.h"

namespace civicmesh {
namespace {

using Json = nlohmann::json;
constexpr int64_t kNow = 1'750'000'000;

Json Claims(const Json& change = Json::object()) {
  Json claims{
      {"iss", "https://id"}, {"aud", "civicmesh"},           {"sub", "c-1"}, {"exp", kNow + 600}, {"nbf", kNow - 5},
      {"unit", "u-7"},       {"roles", {"OPERATOR", "KING"}}};
  claims.update(change);
  return claims;
}

class AuthTest : public testing::Test {
 protected:
  absl::StatusOr<TokenHolder> Verify(const std::string& token, int64_t at = kNow) {
    return verifier_->Verify(token, absl::FromUnixSeconds(at));
  }
  void ExpectRefused(const std::string& token, const std::string& why, int64_t at = kNow) {
    auto actor = Verify(token, at);
    ASSERT_FALSE(actor.ok()) << why;
    EXPECT_EQ(actor.status().code(), absl::StatusCode::kUnauthenticated);
    EXPECT_EQ(actor.status().message(), why);
  }

  TestIssuer issuer_;
  std::unique_ptr<TokenVerifier> verifier_ = *TokenVerifier::Make({.jwks = issuer_.Jwks(),
                                                                   .issuer = "https://id",
                                                                   .audience = "civicmesh",
                                                                   .development = true,
                                                                   .cached_tokens = 3});
};

TEST_F(AuthTest, NamesWhoHoldsIt) {
  auto actor = Verify(issuer_.Token(Claims()));
  ASSERT_TRUE(actor.ok()) << actor.status();
  EXPECT_EQ(actor->subject, "c-1");
  ASSERT_EQ(actor->claimed.size(), 1u);
  EXPECT_EQ(actor->claimed[0].role, "OPERATOR");
  EXPECT_EQ(actor->claimed[0].unit, "u-7");
  EXPECT_TRUE(Verify(issuer_.Token(Claims({{"aud", {"other", "civicmesh"}}}))).ok());
}

TEST_F(AuthTest, OnlyADevelopmentTokenSaysWhatItsHolderMay) {
  verifier_ = *TokenVerifier::Make({.jwks = issuer_.Jwks(), .issuer = "https://id", .audience = "civicmesh"});
  auto actor = Verify(issuer_.Token(Claims()));
  ASSERT_TRUE(actor.ok()) << actor.status();
  EXPECT_EQ(actor->subject, "c-1");
  EXPECT_TRUE(actor->claimed.empty());
}

TEST_F(AuthTest, TheAudienceTellsWhoseClientItIs) {
  verifier_ = *TokenVerifier::Make(
      {.jwks = issuer_.Jwks(),
       .issuer = "https://id",
       .audience = "",
       .audiences = {
           {"agencies", ClientKind::kAgency}, {"app", ClientKind::kCitizen}, {"console", ClientKind::kStaff}}});
  const auto client = [&](const nlohmann::json& audience) {
    auto holder = Verify(issuer_.Token(Claims({{"aud", audience}})));
    return holder.ok() ? std::optional(holder->client) : std::nullopt;
  };
  EXPECT_EQ(client("app"), ClientKind::kCitizen);
  EXPECT_EQ(client("console"), ClientKind::kStaff);
  EXPECT_EQ(client({"console", "app"}), ClientKind::kCitizen) << "the narrowest";
  EXPECT_EQ(client({"agencies", "console"}), ClientKind::kAgency) << "it has a quota";
  EXPECT_EQ(client("civicmesh"), std::nullopt);
}

TEST_F(AuthTest, AnotherKeySetTakesTheOldOnesPlace) {
  const TestIssuer next("k2");
  const std::string before = issuer_.Token(Claims()), after = next.Token(Claims());
  ASSERT_TRUE(Verify(before).ok());
  ExpectRefused(after, "signed by an unknown key");
  EXPECT_FALSE(verifier_->Rotate("nonsense").ok());
  EXPECT_TRUE(Verify(before).ok());
  ASSERT_TRUE(verifier_->Rotate(next.Jwks()).ok());
  EXPECT_TRUE(Verify(after).ok());
  ExpectRefused(before, "signed by an unknown key");  // though it was known as good
}

TEST_F(AuthTest, AKeySetIsTrustedForItsTime) {
  const std::string token = issuer_.Token(Claims());
  ASSERT_TRUE(Verify(token).ok());
  ASSERT_TRUE(verifier_->Rotate(issuer_.Jwks(), absl::FromUnixSeconds(kNow + 100)).ok());
  EXPECT_EQ(verifier_->cached(), 1u) << "the same keys";
  EXPECT_TRUE(Verify(token, kNow + 99).ok());
  EXPECT_EQ(Verify(token, kNow + 100).status().code(), absl::StatusCode::kUnavailable) << "though it was known as good";
  EXPECT_FALSE(verifier_->Rotate("<html>", absl::InfiniteFuture()).ok());
  EXPECT_EQ(Verify(token, kNow + 100).status().code(), absl::StatusCode::kUnavailable);
  ASSERT_TRUE(verifier_->Rotate(issuer_.Jwks(), absl::FromUnixSeconds(kNow + 200)).ok());
  EXPECT_TRUE(Verify(token, kNow + 100).ok());
}

TEST_F(AuthTest, NoTokenCanBeCheckedUntilThereAreKeys) {
  verifier_ = *TokenVerifier::Make(
      {.jwks = "", .keys_come_later = true, .issuer = "https://id", .audience = "civicmesh", .development = true});
  const std::string token = issuer_.Token(Claims());
  EXPECT_EQ(Verify(token).status().code(), absl::StatusCode::kUnavailable);
  ASSERT_TRUE(verifier_->Rotate(issuer_.Jwks()).ok());
  EXPECT_TRUE(Verify(token).ok());
}

TEST_F(AuthTest, TellsOfAnUnknownKeyAlone) {
  int told = 0;
  verifier_ = *TokenVerifier::Make(
      {.jwks = issuer_.Jwks(), .issuer = "https://id", .audience = "civicmesh", .unknown_key = [&told] { ++told; }});
  EXPECT_TRUE(Verify(issuer_.Token(Claims())).ok());
  ExpectRefused(TestIssuer("k1").Token(Claims()), "the signature does not hold");
  ExpectRefused(issuer_.Sign({{"alg", "none"}, {"kid", "k2"}}, Claims()), "not an ES256 token");
  EXPECT_EQ(told, 0);
  ExpectRefused(TestIssuer("k2").Token(Claims()), "signed by an unknown key");
  EXPECT_EQ(told, 1);
}

TEST_F(AuthTest, ATokenThatIsGoodOnceHasAnIdAndAShortLife) {
  const Json good = {{"civicmesh_use", "once"}, {"jti", "t-1"}, {"iat", kNow - 5}, {"exp", kNow + 595}};
  const auto with = [&](const Json& change) {
    Json claims = good;
    claims.update(change);
    return issuer_.Token(Claims(claims));
  };
  auto holder = Verify(with(Json::object()));
  ASSERT_TRUE(holder.ok()) << holder.status();
  EXPECT_TRUE(holder->one_time);
  EXPECT_EQ(holder->token_id, "t-1");
  EXPECT_EQ(holder->good_until, absl::FromUnixSeconds(kNow + 595 + 60));
  EXPECT_EQ(verifier_->cached(), 0u) << "it is no token to be remembered";
  EXPECT_FALSE(Verify(issuer_.Token(Claims({{"jti", "t-1"}})))->one_time);
  for (const Json& wrong : {Json{{"jti", ""}}, Json{{"jti", 7}}, Json{{"exp", kNow + 596}}, Json{{"iat", nullptr}}})
    EXPECT_FALSE(Verify(with(wrong)).ok()) << wrong;
  for (const Json& use : {Json("twice"), Json(true), Json(nullptr), Json({"once"})})
    ExpectRefused(with({{"civicmesh_use", use}}), "for a use that is not known here");
}

TEST_F(AuthTest, KeysRotateWithTheFile) {
  const TestIssuer next("k2");
  std::string file = issuer_.Jwks();
  KeyRotation rotation(
      verifier_.get(), [&file] { return file; }, file);
  rotation.Look(KeyRotation::kEveryMs);
  file = next.Jwks();
  rotation.Look(2 * KeyRotation::kEveryMs - 1);
  EXPECT_FALSE(Verify(next.Token(Claims())).ok()) << "not looked at again yet";
  rotation.Look(2 * KeyRotation::kEveryMs);
  EXPECT_TRUE(Verify(next.Token(Claims())).ok());
  file = "";  // it is being replaced
  rotation.Look(3 * KeyRotation::kEveryMs);
  EXPECT_TRUE(Verify(next.Token(Claims())).ok());
}

TEST_F(AuthTest, RefusesOtherAlgorithms) {
  ExpectRefused(issuer_.Sign({{"alg", "none"}, {"kid", "k1"}}, Claims()), "not an ES256 token");
  ExpectRefused(issuer_.Sign({{"alg", "HS256"}, {"kid", "k1"}}, Claims()), "not an ES256 token");
  ExpectRefused(issuer_.Sign({{"alg", "ES256"}, {"kid", "k1"}, {"crit", {"x"}}}, Claims()), "not an ES256 token");
  const std::string none = TestIssuer::Encode(R"({"alg":"none"})") + "." + TestIssuer::Encode(Claims().dump()) + ".";
  ExpectRefused(none, "not a signed token");
}

TEST_F(AuthTest, RefusesOtherKeys) {
  TestIssuer stranger("k1"), unknown("k2");
  ExpectRefused(stranger.Token(Claims()), "the signature does not hold");
  ExpectRefused(unknown.Token(Claims()), "signed by an unknown key");
  ExpectRefused(issuer_.Sign({{"alg", "ES256"}}, Claims()), "signed by an unknown key");
}

TEST_F(AuthTest, RefusesWhatWasChangedAfterSigning) {
  const std::string token = issuer_.Token(Claims());
  const size_t claims_at = token.find('.') + 1, signature_at = token.rfind('.');
  ExpectRefused(
      token.substr(0, claims_at) + TestIssuer::Encode(Claims({{"sub", "c-2"}}).dump()) + token.substr(signature_at),
      "the signature does not hold");
  ExpectRefused(token.substr(0, signature_at + 1) + TestIssuer::Encode(std::string(64, '\0')),
                "the signature does not hold");
  ExpectRefused(token.substr(0, signature_at + 1) + TestIssuer::Encode(std::string(63, 'x')),
                "the signature does not hold");
  EXPECT_TRUE(Verify(token).ok());
}

TEST_F(AuthTest, KeepsToTheTimes) {
  const std::string token = issuer_.Token(Claims());
  EXPECT_TRUE(Verify(token, kNow + 600 + 59).ok());
  ExpectRefused(token, "expired", kNow + 600 + 60);
  ExpectRefused(issuer_.Token(Claims({{"exp", kNow - 60}})), "expired");
  EXPECT_TRUE(Verify(issuer_.Token(Claims({{"nbf", kNow + 60}}))).ok());
  ExpectRefused(issuer_.Token(Claims({{"nbf", kNow + 61}})), "not valid yet");
  ExpectRefused(issuer_.Token(Claims({{"iat", kNow + 61}})), "not valid yet");
  ExpectRefused(issuer_.Token(Claims({{"exp", "tomorrow"}})), "without an expiry");
  ExpectRefused(issuer_.Token(Claims({{"exp", 1e300}})), "without an expiry");
  ExpectRefused(issuer_.Token(Claims({{"nbf", "today"}})), "with an unreadable time");
}

TEST_F(AuthTest, KeepsToIssuerAudienceAndSubject) {
  ExpectRefused(issuer_.Token(Claims({{"iss", "https://evil"}})), "from another issuer");
  ExpectRefused(issuer_.Token(Claims({{"aud", "elsewhere"}})), "for another audience");
  ExpectRefused(issuer_.Token(Claims({{"aud", {"elsewhere"}}})), "for another audience");
  ExpectRefused(issuer_.Token(Claims({{"aud", 7}})), "for another audience");
  ExpectRefused(issuer_.Token(Claims({{"sub", ""}})), "without a subject");
  ExpectRefused(issuer_.Token(Claims({{"sub", "policy:open_case"}})), "without a subject");
  ExpectRefused(issuer_.Token(Claims({{"sub", "timer"}})), "without a subject");
}

TEST_F(AuthTest, RefusesWhatIsNoToken) {
  for (const std::string& text :
       {std::string(), std::string("."), std::string(".."), std::string("a.b"), std::string("e30.e30.e30"),
        std::string("\xff.\xff.\xff"), std::string("e30=.e30.e30"), std::string("W10.W10.AA"), std::string(9000, 'a')})
    EXPECT_EQ(Verify(text).status().code(), absl::StatusCode::kUnauthenticated) << text.substr(0, 20);
}

TEST_F(AuthTest, RemembersBoundedlyAndForgetsWhatExpired) {
  const std::string first = issuer_.Token(Claims());
  ASSERT_TRUE(Verify(first).ok());
  ASSERT_TRUE(Verify(first).ok());
  EXPECT_EQ(verifier_->cached(), 1u);
  ExpectRefused(first, "expired", kNow + 700);
  EXPECT_EQ(verifier_->cached(), 0u);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Verify(issuer_.Token(Claims({{"sub", std::to_string(i)}}))).ok());
  EXPECT_EQ(verifier_->cached(), 3u);
}

TEST(KeySet, MustHoldAUsableKey) {
  const auto make = [](std::string jwks) {
    return TokenVerifier::Make({.jwks = std::move(jwks), .issuer = "i", .audience = "a"}).status().code();
  };
  EXPECT_EQ(make("nonsense"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(make(R"({"keys":[]})"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(make(R"({"keys":[{"kty":"oct","kid":"k","k":"AAAA"}]})"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(make(R"({"keys":[{"kty":"EC","crv":"P-384","kid":"k","x":"AAAA","y":"AAAA"}]})"),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(make("<!DOCTYPE html><html>Sign in</html>"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(make(R"({"keys":[{"kty":"EC","crv":"P-256","kid":"k","x":"AAAA","y":"AAAA"}]})"),
            absl::StatusCode::kInvalidArgument);
  const Json good = Json::parse(TestIssuer().Jwks());
  EXPECT_EQ(make(good.dump()), absl::StatusCode::kOk);
  Json secret = good, shared = good, other = good;
  secret["keys"][0]["d"] = "AAAA";
  EXPECT_EQ(make(secret.dump()), absl::StatusCode::kInvalidArgument) << "a private key";
  shared["keys"].push_back({{"kty", "oct"}, {"kid", "s"}, {"k", "AAAA"}});
  EXPECT_EQ(make(shared.dump()), absl::StatusCode::kInvalidArgument) << "a secret";
  other["keys"][0]["alg"] = "ECDH-ES";
  EXPECT_EQ(make(other.dump()), absl::StatusCode::kInvalidArgument) << "a key for something else";
  EXPECT_EQ(TokenVerifier::Make({.jwks = TestIssuer().Jwks(), .issuer = "", .audience = "a"}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(RightsOf, GoesByTheMethodsOption) {
  const auto* file = runtime::v1::QuiesceRequest::descriptor()->file();
  const auto* quiesce = file->service(0)->FindMethodByName("Quiesce");
  const std::vector<Post> citizen = Posts({"CITIZEN"}), both = Posts({"CITIZEN", "OPERATOR"}, "u");
  auto rights = RightsOf(quiesce, &both);
  ASSERT_TRUE(rights.ok()) << rights.status();
  ASSERT_EQ(rights->size(), 1u);
  EXPECT_EQ((*rights)[0].role, "OPERATOR");
  EXPECT_EQ((*rights)[0].unit, "u");
  EXPECT_EQ((*rights)[0].scope, Scope::kAny);
  EXPECT_EQ(RightsOf(quiesce, &citizen).status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(RightsOf(quiesce, nullptr).status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(RightsOf(nullptr, &both).status().code(), absl::StatusCode::kPermissionDenied);
}

TEST(RightsOf, AMethodWithoutTheOptionRefusesEverybody) {
  google::protobuf::FileDescriptorProto file;
  file.set_name("bare.proto");
  file.set_package("bare");
  file.add_message_type()->set_name("M");
  auto* service = file.add_service();
  service->set_name("S");
  auto* method = service->add_method();
  method->set_name("Do");
  method->set_input_type(".bare.M");
  method->set_output_type(".bare.M");
  google::protobuf::DescriptorPool pool;
  const std::vector<Post> posts = Posts({"OPERATOR"});
  EXPECT_EQ(RightsOf(pool.BuildFile(file)->service(0)->method(0), &posts).status().code(),
            absl::StatusCode::kPermissionDenied);
}

}  // namespace
}  // namespace civicmesh
