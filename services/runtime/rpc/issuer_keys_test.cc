#include "services/runtime/rpc/issuer_keys.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/rpc/test_tokens.h"

namespace civicmesh {
namespace {

constexpr int64_t kSecond = 1000, kEvery = 300 * kSecond, kGoodFor = 3600 * kSecond;

class IssuerKeysTest : public testing::Test {
 protected:
  void SetUp() override { Begin(); }
  // As a process that starts now.
  void Begin(const std::string& kept_in = "", const std::string& url = "https://id/jwks.json") {
    keys_.reset();
    verifier_ = *TokenVerifier::Make({.jwks = "", .keys_come_later = true, .issuer = "i", .audience = "a"});
    keys_ = std::make_unique<IssuerKeys>(
        verifier_.get(),
        IssuerKeysOptions{.url = url,
                          .every = absl::Milliseconds(kEvery),
                          .good_for = absl::Milliseconds(kGoodFor),
                          .kept_in = kept_in},
        [this] {
          ++fetched_;
          return answer_;
        },
        &clock_);
  }
  absl::StatusCode Verify(const TestIssuer& issuer) {
    const int64_t now = clock_.wall_ms() / kSecond;
    const std::string token = issuer.Token({{"iss", "i"}, {"aud", "a"}, {"sub", "s"}, {"exp", now + 600}});
    return verifier_->Verify(token, clock_.wall()).status().code();
  }
  void Pass(int64_t ms) {
    clock_.Advance(ms);
    keys_->Turn();
  }

  FakeClock clock_;
  const TestIssuer issuer_, next_{"k2"};
  absl::StatusOr<std::string> answer_ = issuer_.Jwks();
  int fetched_ = 0;
  std::unique_ptr<TokenVerifier> verifier_;
  std::unique_ptr<IssuerKeys> keys_;
};

TEST_F(IssuerKeysTest, AsksAtTheStartAndEverySoOften) {
  EXPECT_FALSE(keys_->good());
  EXPECT_EQ(Verify(issuer_), absl::StatusCode::kUnavailable);
  keys_->Turn();
  EXPECT_TRUE(keys_->good());
  EXPECT_EQ(Verify(issuer_), absl::StatusCode::kOk);
  answer_ = next_.Jwks();
  Pass(kEvery - 1);
  EXPECT_EQ(fetched_, 1);
  EXPECT_EQ(keys_->age(), absl::Milliseconds(kEvery - 1));
  Pass(1);
  EXPECT_EQ(fetched_, 2);
  EXPECT_EQ(Verify(next_), absl::StatusCode::kOk);
  EXPECT_EQ(Verify(issuer_), absl::StatusCode::kUnauthenticated);
}

TEST_F(IssuerKeysTest, TheLastGoodSetHoldsThroughAnOutageForItsTime) {
  keys_->Turn();
  answer_ = absl::UnavailableError("nobody there");
  for (int64_t passed = 0; passed < kGoodFor - 10 * kSecond; passed += 10 * kSecond) Pass(10 * kSecond);
  EXPECT_GT(keys_->counts().unreachable, (kGoodFor - kEvery) / (10 * kSecond) - 5) << "it asks on";
  EXPECT_EQ(Verify(issuer_), absl::StatusCode::kOk);
  EXPECT_TRUE(keys_->good());
  Pass(10 * kSecond);
  EXPECT_EQ(Verify(issuer_), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(keys_->good());
  answer_ = issuer_.Jwks();
  Pass(10 * kSecond);
  EXPECT_EQ(Verify(issuer_), absl::StatusCode::kOk);
  EXPECT_TRUE(keys_->good());
}

TEST_F(IssuerKeysTest, ABadAnswerTakesNoGoodSetsPlace) {
  keys_->Turn();
  auto secret = nlohmann::json::parse(next_.Jwks());
  secret["keys"][0]["d"] = "AAAA";
  for (const std::string& bad :
       {std::string(), std::string("<!DOCTYPE html>"), std::string("{}"), std::string(R"({"keys":[]})"), secret.dump(),
        std::string(R"({"keys":[{"kty":"EC","crv":"P-384","kid":"k2","x":"AAAA","y":"AAAA"}]})")}) {
    answer_ = bad;
    Pass(kEvery);
    EXPECT_EQ(Verify(issuer_), absl::StatusCode::kOk) << bad;
    EXPECT_EQ(Verify(next_), absl::StatusCode::kUnauthenticated) << bad;
  }
  EXPECT_EQ(keys_->counts().unusable, 6);
  EXPECT_EQ(keys_->age(), absl::Milliseconds(6 * kEvery)) << "no younger for it";
}

TEST_F(IssuerKeysTest, UnknownKeysAreAskedForButNotByEveryToken) {
  keys_->Turn();
  for (int i = 0; i < 1000; ++i) keys_->Want();
  Pass(29 * kSecond);
  EXPECT_EQ(fetched_, 1);
  answer_ = next_.Jwks();
  Pass(kSecond);
  EXPECT_EQ(fetched_, 2) << "before it would have been due";
  EXPECT_EQ(Verify(next_), absl::StatusCode::kOk);
  int64_t passed = 0;
  for (; passed < 600 * kSecond; passed += kSecond) {
    keys_->Want();
    Pass(kSecond);
  }
  EXPECT_LE(fetched_, 2 + passed / (30 * kSecond));
}

TEST_F(IssuerKeysTest, AProcessThatStartsInAnOutageGoesOnWithWhatWasKept) {
  const std::string file = absl::StrCat(testing::TempDir(), "/kept_jwks");
  std::remove(file.c_str());
  Begin(file);
  keys_->Turn();
  struct stat kept;
  ASSERT_EQ(stat(file.c_str(), &kept), 0);
  EXPECT_EQ(kept.st_mode & 0777u, 0600u);
  answer_ = absl::UnavailableError("nobody there");
  clock_.Advance(kGoodFor - 2 * kSecond);
  Begin(file);
  EXPECT_EQ(Verify(issuer_), absl::StatusCode::kOk);
  EXPECT_EQ(keys_->age(), absl::Milliseconds(kGoodFor - 2 * kSecond)) << "a start does not make it younger";
  Begin(file, "https://elsewhere/jwks.json");
  EXPECT_EQ(Verify(issuer_), absl::StatusCode::kUnavailable) << "it is another issuer's";
  clock_.Advance(2 * kSecond);
  Begin(file);
  EXPECT_EQ(Verify(issuer_), absl::StatusCode::kUnavailable) << "its time has run out";
  clock_.Advance(-2 * kGoodFor);
  Begin(file);
  EXPECT_EQ(Verify(issuer_), absl::StatusCode::kUnavailable) << "it is of tomorrow";
  std::ofstream(file) << "{";
  Begin(file);
  EXPECT_EQ(Verify(issuer_), absl::StatusCode::kUnavailable);
}

TEST_F(IssuerKeysTest, ItsThreadAsksAndEnds) {
  keys_->Start();
  const absl::Time until = absl::Now() + absl::Seconds(30);
  while (keys_->counts().good == 0 && absl::Now() < until) std::this_thread::yield();
  EXPECT_EQ(keys_->counts().good, 1);
  keys_.reset();
  EXPECT_EQ(Verify(issuer_), absl::StatusCode::kOk);
}

}  // namespace
}  // namespace civicmesh
