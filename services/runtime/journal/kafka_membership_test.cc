#include "services/runtime/journal/kafka_membership.h"

#include <chrono>
#include <cstdlib>
#include <random>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/runtime/journal/kafka_topics.h"

namespace civicmesh {
namespace {

using testing::ElementsAre;

// A replica, and what it was told.
class Replica {
 public:
  explicit Replica(const KafkaOptions& options)
      : membership(options, [this](std::set<int> shards) {
          absl::MutexLock lock(&mutex_);
          shards_ = std::move(shards);
        }) {}

  // Waits until it holds `count` shards; returns them.
  std::set<int> Hold(size_t count) {
    absl::MutexLock lock(&mutex_);
    auto reached = [&] { return shards_.size() == count; };
    mutex_.AwaitWithTimeout(absl::Condition(&reached), absl::Seconds(20));
    return shards_;
  }

 private:
  absl::Mutex mutex_;
  std::set<int> shards_;

 public:
  KafkaMembership membership;
};

class KafkaMembershipTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* broker = std::getenv("CIVICMESH_TEST_BROKER");
    ASSERT_NE(broker, nullptr) << "CIVICMESH_TEST_BROKER=host:port is not set";
    std::random_device device;
    options_ = {.brokers = broker, .domain = absl::StrCat("test", device(), device()), .shards = 4};
    absl::Status created = CreateTopics(options_, {});
    ASSERT_TRUE(created.ok()) << created;
  }

  KafkaOptions options_;
};

TEST_F(KafkaMembershipTest, OneReplicaGetsEverythingTwoShareAndAShareComesBackAtOnce) {
  Replica first(options_);
  EXPECT_THAT(first.Hold(4), ElementsAre(0, 1, 2, 3));
  auto second = std::make_unique<Replica>(options_);
  std::set<int> both = second->Hold(2);
  for (int shard : first.Hold(2)) EXPECT_TRUE(both.insert(shard).second) << shard << " is held twice";
  EXPECT_THAT(both, ElementsAre(0, 1, 2, 3));

  auto begin = std::chrono::steady_clock::now();
  absl::Status closed = second->membership.Close(absl::Seconds(3));
  EXPECT_TRUE(closed.ok()) << closed;
  EXPECT_TRUE(second->Hold(0).empty());
  EXPECT_THAT(first.Hold(4), ElementsAre(0, 1, 2, 3));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(4)) << "left without saying so?";
  EXPECT_TRUE(second->membership.Close(absl::Seconds(3)).ok());
}

TEST_F(KafkaMembershipTest, CloseIsBoundedWithoutABroker) {
  options_.brokers = "127.0.0.1:1";
  Replica alone(options_);
  auto begin = std::chrono::steady_clock::now();
  alone.membership.Close(absl::Seconds(1)).IgnoreError();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_TRUE(alone.Hold(0).empty());
}

}  // namespace
}  // namespace civicmesh
