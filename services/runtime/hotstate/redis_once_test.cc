#include "services/runtime/hotstate/redis_once.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "services/runtime/hotstate/memory_once.h"
#include "services/runtime/hotstate/redis_server_for_tests.h"

namespace civicmesh {
namespace {

Once::Result Use(Once& once, const std::string& id, absl::Duration keep = absl::Minutes(1)) {
  absl::Notification answered;
  Once::Result result = Once::Result::kUnknown;
  once.Use(id, keep, [&](Once::Result r) {
    result = r;
    answered.Notify();
  });
  answered.WaitForNotification();
  return result;
}

// Asks until it is `wanted`; the bound is for a test that fails.
bool Becomes(Once& once, const std::string& id, Once::Result wanted, absl::Duration keep = absl::Minutes(1)) {
  const absl::Time until = absl::Now() + absl::Seconds(20);
  while (absl::Now() < until) {
    if (Use(once, id, keep) == wanted) return true;
    std::this_thread::yield();
  }
  return false;
}

// What the twin and the real one have in common. `wake` is used up until somebody answers.
void Contract(Once& once) {
  ASSERT_TRUE(Becomes(once, "wake", Once::Result::kAgain));
  EXPECT_EQ(Use(once, "a"), Once::Result::kFirst);
  EXPECT_EQ(Use(once, "a"), Once::Result::kAgain);
  EXPECT_EQ(Use(once, "b"), Once::Result::kFirst);
}

TEST(MemoryOnceTest, KeepsTheContract) {
  MemoryOnce once;
  Contract(once);
}

class RedisOnceTest : public testing::Test {
 protected:
  RedisServerForTests one_, two_;
  const std::vector<std::string> servers_{one_.address(), two_.address()};
};

TEST_F(RedisOnceTest, KeepsTheContract) {
  RedisOnce once(servers_);
  Contract(once);
}

TEST_F(RedisOnceTest, HoldsForEveryReplicaAndAfterItsRestart) {
  {
    RedisOnce here(servers_), there(servers_);
    ASSERT_TRUE(Becomes(here, "wake", Once::Result::kAgain) && Becomes(there, "wake", Once::Result::kAgain));
    for (const char* id : {"a", "b", "c", "d"}) {
      EXPECT_EQ(Use(here, id), Once::Result::kFirst);
      EXPECT_EQ(Use(there, id), Once::Result::kAgain);
    }
  }
  RedisOnce anew(servers_);
  ASSERT_TRUE(Becomes(anew, "wake", Once::Result::kAgain));
  EXPECT_EQ(Use(anew, "a"), Once::Result::kAgain);
}

TEST_F(RedisOnceTest, ForgetsWhatHasExpired) {
  RedisOnce once(servers_);
  ASSERT_TRUE(Becomes(once, "wake", Once::Result::kAgain));
  EXPECT_EQ(Use(once, "short", absl::Milliseconds(1)), Once::Result::kFirst);
  EXPECT_TRUE(Becomes(once, "short", Once::Result::kFirst, absl::Milliseconds(1)));
}

TEST(RedisOnceOutageTest, IsUnknownWhileTheServerIsAwayOrFull) {
  RedisServerForTests server;
  RedisOnce once({server.address()});
  ASSERT_TRUE(Becomes(once, "wake", Once::Result::kAgain));
  ASSERT_TRUE(server.Command("CLIENT PAUSE 3000 ALL"));
  EXPECT_EQ(Use(once, "a"), Once::Result::kUnknown) << "it hangs";
  server.Stop(SIGKILL);
  EXPECT_EQ(Use(once, "a"), Once::Result::kUnknown);
  server.Start();
  EXPECT_TRUE(Becomes(once, "wake", Once::Result::kAgain));
  ASSERT_TRUE(server.Command("CONFIG SET maxmemory 1"));
  EXPECT_EQ(Use(once, "b"), Once::Result::kUnknown) << "it may not forget, so it takes nothing";
}

}  // namespace
}  // namespace civicmesh
