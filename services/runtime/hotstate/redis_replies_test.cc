#include "services/runtime/hotstate/redis_replies.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "services/runtime/hotstate/redis_server_for_tests.h"

namespace civicmesh {
namespace {

// A replica with what it has heard. The bound of each wait is for a test that fails.
class Replica {
 public:
  Replica(const std::vector<std::string>& servers, const std::string& channel)
      : replies(servers, channel, [this](std::string_view reply) {
          absl::MutexLock lock(&mutex_);
          heard_.emplace_back(reply);
        }) {}
  bool Listens() const {
    const absl::Time until = absl::Now() + absl::Seconds(20);
    while (!replies.listening() && absl::Now() < until) std::this_thread::yield();
    return replies.listening();
  }
  // The next one that comes; "" where none does.
  std::string Next() {
    absl::MutexLock lock(&mutex_);
    const auto any = [this] { return !heard_.empty(); };
    if (!mutex_.AwaitWithTimeout(absl::Condition(&any), absl::Seconds(20))) return "";
    std::string first = std::move(heard_.front());
    heard_.erase(heard_.begin());
    return first;
  }

 private:
  absl::Mutex mutex_;
  std::vector<std::string> heard_ ABSL_GUARDED_BY(mutex_);

 public:
  RedisReplies replies;  // last: its thread uses the others
};

TEST(RedisRepliesTest, EachReplicaHearsWhatIsSentToItInOrder) {
  RedisServerForTests one, two;
  const std::vector<std::string> servers{one.address(), two.address()};
  Replica a(servers, "to-a"), b(servers, "to-b");
  ASSERT_TRUE(a.Listens() && b.Listens());
  const std::string binary("\0reply\n", 7);
  a.replies.Send(0, "to-b", binary);
  a.replies.Send(0, "to-b", "second");
  EXPECT_EQ(b.Next(), binary);
  EXPECT_EQ(b.Next(), "second");
  b.replies.Send(0, "to-nobody", "lost");
  b.replies.Send(1, "to-a", "over the other server");
  EXPECT_EQ(a.Next(), "over the other server");
}

TEST(RedisRepliesTest, HearsAgainAfterTheServerWasAway) {
  RedisServerForTests server;
  Replica a({server.address()}, "to-a");
  ASSERT_TRUE(a.Listens());
  server.Stop(SIGKILL);
  const absl::Time until = absl::Now() + absl::Seconds(20);
  while (a.replies.listening() && absl::Now() < until) std::this_thread::yield();
  EXPECT_FALSE(a.replies.listening());
  a.replies.Send(0, "to-a", "lost");
  server.Start();
  ASSERT_TRUE(a.Listens());
  a.replies.Send(0, "to-a", "heard");
  EXPECT_EQ(a.Next(), "heard");
}

}  // namespace
}  // namespace civicmesh
