// A command that one replica takes in and another one decides is answered over a real Redis, without a look-up: the
// door's clock stands still, so that its first one, after 50 ms, is never due.
#include <gtest/gtest.h>

#include <limits>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "civicmesh/log/v1/log.pb.h"
#include "civicmesh/runtime/v1/control_service.pb.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/hotstate/redis_replies.h"
#include "services/runtime/hotstate/redis_server_for_tests.h"
#include "services/runtime/journal/memory_journal.h"
#include "services/runtime/rpc/command_door.h"
#include "services/runtime/rpc/fake_reads.h"

namespace civicmesh {
namespace {

constexpr int kShard = 1;

TEST(RepliesBetweenReplicasTest, AnAnswerArrivesWithoutALookUp) {
  RedisServerForTests redis;
  FakeClock clock;
  MemoryLog log(2, [&] { return clock.wall_ms(); });
  MemoryJournal journal(&log);
  FakeReads reads;
  CommandDoor door(
      {.reply_to = "replies-of-a", .body_key = "key", .persons = PersonTokens("key")},
      [&] { return journal.NewAppender(); }, &reads, &clock);
  RedisReplies a({redis.address()}, "replies-of-a", [&](std::string_view bytes) {
    log::v1::Reply reply;
    if (reply.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) door.Deliver(std::move(reply));
  });
  RedisReplies owner({redis.address()}, "replies-of-the-owner", [](std::string_view) {});
  const absl::Time until = absl::Now() + absl::Seconds(20);
  while (!(a.listening() && owner.listening()) && absl::Now() < until) std::this_thread::yield();
  door.Start();

  absl::Notification answered;
  CommandResult result;
  runtime::v1::QuiesceRequest request;
  door.Submit({.actor = {.subject = "c", .posts = {}},
               .method = "a.B/C",
               .deadline_steady_ms = std::numeric_limits<int64_t>::max()},
              {.shard = kShard,
               .routing_key = "k",
               .request_id = "0197a1b2-c3d4-7abc-8def-001122334455",
               .body = &request,
               .payload = ""},
              [&](CommandResult r) {
                result = std::move(r);
                answered.Notify();
              });
  log::v1::Command command;
  const auto bytes = Unframe(log.records({Topic::kInbox, kShard}).front().value);
  ASSERT_TRUE(bytes.ok() && command.ParseFromString(std::string(*bytes)));
  log::v1::Reply reply;
  reply.set_command_id(command.command_id());
  reply.mutable_outcome()->set_body_hash(command.body_hash());
  reply.mutable_outcome()->set_resource("r-1");
  reply.set_state("decided elsewhere");
  owner.Send(kShard, command.reply_to(), reply.SerializeAsString());

  ASSERT_TRUE(answered.WaitForNotificationWithTimeout(absl::Seconds(20)));
  EXPECT_TRUE(result.status.ok());
  EXPECT_EQ(result.state, "decided elsewhere");
  EXPECT_EQ(reads.reads, 0);
  EXPECT_EQ(door.heard().by_answer, 1u);
  door.Stop();
}

}  // namespace
}  // namespace civicmesh
