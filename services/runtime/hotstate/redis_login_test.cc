#include "services/runtime/hotstate/redis_login.h"

#include <gmock/gmock.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "absl/time/clock.h"
#include "services/runtime/hotstate/redis_check.h"
#include "services/runtime/hotstate/redis_hot_state.h"
#include "services/runtime/hotstate/redis_replies.h"
#include "services/runtime/hotstate/redis_server_for_tests.h"

namespace civicmesh {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const RedisLogin kIntake{"intake", "intakes-own"}, kWrong{"intake", "a-guess"}, kNobody{};

// The bound of each wait is for a test that fails.
template <typename Done>
bool Comes(Done done) {
  const absl::Time until = absl::Now() + absl::Seconds(20);
  while (!done() && absl::Now() < until) std::this_thread::yield();
  return done();
}

class RedisLoginTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.Command("ACL SETUSER intake on >intakes-own ~* &* +@all"));
    ASSERT_TRUE(server_.Command("ACL SETUSER default off"));
  }
  // What the hot state of intake says when it is looked at.
  absl::Status Look(const RedisLogin& login) {
    RedisHotState hot({.servers = {server_.address()}, .login = login, .domain = "intake"});
    absl::StatusOr<HotPiece> piece = absl::DeadlineExceededError("never answered");
    bool answered = false;
    hot.Look(0, [&](absl::StatusOr<HotPiece> looked) {
      piece = std::move(looked);
      answered = true;
    });
    Comes([&] { return hot.Poll(20), answered; });
    return piece.status();
  }

  RedisServerForTests server_;
};

TEST(ReadRedisLogin, TakesAUsernameAndAPasswordAndNothingElse) {
  const std::string path = testing::TempDir() + "/redis_login_test";
  const auto read = [&](const std::string& text) {
    std::ofstream(path) << text;
    return ReadRedisLogin(path);
  };
  const auto login = read("username=intake\npassword=hunter2\n");
  ASSERT_TRUE(login.ok()) << login.status();
  EXPECT_EQ(login->username + "/" + login->password, "intake/hunter2");
  for (const char* text : {"password=hunter2\n", "username=intake\n", "username=intake\npassword=hunter2\nhost=x\n"})
    EXPECT_THAT(read(text).status().message(), AllOf(HasSubstr(path), Not(HasSubstr("hunter2")))) << text;
}

TEST_F(RedisLoginTest, AServiceThatMayNotComeInDoesNotStart) {
  EXPECT_TRUE(CheckRedis({server_.address()}, kIntake).ok());
  for (const auto& [login, why] : {std::pair(kWrong, "WRONGPASS"), std::pair(kNobody, "NOAUTH")}) {
    const absl::Status checked = CheckRedis({server_.address()}, login);
    EXPECT_EQ(checked.code(), absl::StatusCode::kUnauthenticated);
    EXPECT_THAT(checked.message(),
                AllOf(HasSubstr(server_.address()), HasSubstr(why), HasSubstr("CIVICMESH_REDIS_LOGIN_FILE")));
  }
}

TEST_F(RedisLoginTest, HotStateComesInByItsLoginAloneAndSaysWhyNot) {
  const absl::Status looked = Look(kIntake);
  EXPECT_TRUE(looked.ok()) << looked;
  EXPECT_THAT(Look(kWrong).message(), HasSubstr("WRONGPASS"));
  EXPECT_THAT(Look(kNobody).message(), HasSubstr("NOAUTH"));
}

TEST_F(RedisLoginTest, RepliesComeInByTheirLogin) {
  std::atomic<bool> heard{false};
  RedisReplies replies(
      {server_.address()}, "to-intake", [&](std::string_view reply) { heard = reply == "answer"; }, kIntake);
  ASSERT_TRUE(Comes([&] { return replies.listening(); }));
  replies.Send(0, "to-intake", "answer");
  EXPECT_TRUE(Comes([&] { return heard.load(); }));
}

}  // namespace
}  // namespace civicmesh
