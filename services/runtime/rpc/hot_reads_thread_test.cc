#include "services/runtime/rpc/hot_reads_thread.h"

#include <gtest/gtest.h>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "services/runtime/hotstate/memory_hot_state.h"

namespace civicmesh {
namespace {

// Never answers.
class Silent : public MemoryHotState {
 public:
  using MemoryHotState::MemoryHotState;
  int Poll(int) override { return 0; }
};

TEST(HotReadsThread, AnswersOnItsThread) {
  MemoryRedis redis;
  auto& shard = redis.shards[{"intake", 1, 2}];
  shard.tables[HotTable::kStreams]["a"] = "state";
  shard.rows = {"r1", "r2", "r3"};
  HotReadsThread reads(std::make_unique<MemoryHotState>(&redis, "intake"));
  absl::Notification read, range;
  std::vector<std::optional<std::string>> values, rows;
  reads.Read(2, HotTable::kStreams, {"a", "b"}, [&](absl::StatusOr<HotRead> r) {
    ASSERT_TRUE(r.ok());
    values = r->values;
    read.Notify();
  });
  reads.Range(2, "r2", "s", 10, true, [&](absl::StatusOr<HotRead> r) {
    ASSERT_TRUE(r.ok());
    rows = r->values;
    range.Notify();
  });
  read.WaitForNotification();
  range.WaitForNotification();
  EXPECT_EQ(values, (std::vector<std::optional<std::string>>{"state", std::nullopt}));
  EXPECT_EQ(rows, (std::vector<std::optional<std::string>>{"r3", "r2"}));
}

TEST(HotReadsThread, BoundsWhatWaitsAndAnswersItAtTheEnd) {
  MemoryRedis redis;
  absl::Mutex mutex;
  size_t refused = 0, unavailable = 0;
  const auto count = [&](absl::StatusOr<HotRead> r) {
    absl::MutexLock lock(&mutex);
    refused += absl::IsResourceExhausted(r.status());
    unavailable += absl::IsUnavailable(r.status());
  };
  {
    HotReadsThread reads(std::make_unique<Silent>(&redis, "intake"));
    for (size_t i = 0; i < HotReadsThread::kMaxPending + 5; ++i) reads.Read(0, HotTable::kStreams, {"a"}, count);
    absl::MutexLock lock(&mutex);
    EXPECT_EQ(refused, 5u);
    EXPECT_EQ(unavailable, 0u);
  }
  EXPECT_EQ(unavailable, HotReadsThread::kMaxPending);
}

}  // namespace
}  // namespace civicmesh
