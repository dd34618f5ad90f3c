#include "services/civicctl/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "services/civicctl/call_for_tests.h"
#include "services/civicctl/files.h"
#include "services/runtime/rpc/auth.h"

namespace civicmesh::civicctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class KeysTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove_all(folder_); }

  Called Token(std::vector<std::string> more) {
    std::vector<std::string> args{"token", "--keys", folder_, "--subject", "staff-7"};
    args.insert(args.end(), more.begin(), more.end());
    return Call(TokenCommand(), args);
  }

  absl::StatusOr<TokenHolder> Verify(const std::string& line, absl::Time now) {
    auto verifier = TokenVerifier::Make({.jwks = ReadFile(folder_ + "/jwks.json").value(),
                                         .issuer = "https://id.civicmesh.test",
                                         .audience = "civicmesh",
                                         .development = true});
    if (!verifier.ok()) return verifier.status();
    return (*verifier)->Verify(std::string(absl::StripSuffix(line, "\n")), now);
  }

  const std::string folder_ = testing::TempDir() + "/civicctl_keys_test";
};

TEST_F(KeysTest, AServiceTakesTheToken) {
  ASSERT_EQ(Call(KeysCommand(), {"keys", "--out", folder_}).code, 0);
  const Called token = Token({"--roles", "DISPATCHER,SHIFT_LEADER", "--unit", "u-3", "--hours", "1"});
  ASSERT_EQ(token.code, 0) << token.err;
  auto actor = Verify(token.out, absl::Now());
  ASSERT_TRUE(actor.ok()) << actor.status();
  EXPECT_EQ(actor->subject, "staff-7");
  ASSERT_EQ(actor->claimed.size(), 2u);
  EXPECT_EQ(actor->claimed[0].role, "DISPATCHER");
  EXPECT_EQ(actor->claimed[1].role, "SHIFT_LEADER");
  EXPECT_EQ(actor->claimed[1].unit, "u-3");
  EXPECT_FALSE(Verify(token.out, absl::Now() + absl::Minutes(70)).ok());
}

TEST_F(KeysTest, OrdinarilyATokenSaysNoMoreThanWhoCalls) {
  ASSERT_EQ(Call(KeysCommand(), {"keys", "--out", folder_}).code, 0);
  auto actor = Verify(Token({}).out, absl::Now());
  ASSERT_TRUE(actor.ok()) << actor.status();
  EXPECT_EQ(actor->subject, "staff-7");
  EXPECT_TRUE(actor->claimed.empty());
}

TEST_F(KeysTest, MakingThemAgainKeepsTheKey) {
  ASSERT_EQ(Call(KeysCommand(), {"keys", "--out", folder_}).code, 0);
  const std::string token = Token({"--roles", "CITIZEN"}).out;
  std::filesystem::remove(folder_ + "/jwks.json");
  EXPECT_THAT(Call(KeysCommand(), {"keys", "--out", folder_}).out, HasSubstr("kept"));
  EXPECT_TRUE(Verify(token, absl::Now()).ok());
}

TEST_F(KeysTest, NobodyElseReadsTheKey) {
  ASSERT_EQ(Call(KeysCommand(), {"keys", "--out", folder_}).code, 0);
  struct stat about;
  ASSERT_EQ(stat((folder_ + "/signing-key.pem").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
}

TEST_F(KeysTest, SaysWhatIsMissing) {
  EXPECT_THAT(Token({"--roles", "CITIZEN"}).err, HasSubstr("civicctl keys --out"));
  ASSERT_EQ(Call(KeysCommand(), {"keys", "--out", folder_}).code, 0);
  const Called wrong = Token({"--roles", "MAYOR"});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("SHIFT_LEADER"));
}

}  // namespace
}  // namespace civicmesh::civicctl
