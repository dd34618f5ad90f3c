#include "services/runtime/journal/kafka_keyed_log.h"

#include <cstdlib>
#include <random>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "services/runtime/journal/kafka_topics.h"
#include "services/runtime/journal/keyed_log_contract.h"

namespace civicmesh {
namespace {

class KafkaTopic : public KeyedTopic, public KeyedSink {
 public:
  KafkaTopic() {
    const char* broker = std::getenv("CIVICMESH_TEST_BROKER");
    if (broker == nullptr) throw std::runtime_error("CIVICMESH_TEST_BROKER=host:port is not set");
    std::random_device device;
    options_ = {.brokers = broker, .domain = "keyed", .shards = 2};
    spec_ = {.name = absl::StrCat("test", device(), device()), .partitions = 2, .compaction_lag_ms = 100};
    const absl::Status made = CreateTopics(options_, {spec_}, {});
    if (!made.ok()) throw std::runtime_error(std::string(made.message()));
  }
  std::unique_ptr<KeyedLog> Open() override { return std::make_unique<KafkaKeyedLog>(options_, spec_.name); }
  // Nothing moves on a disk before another append comes after the lag.
  void Compact(KeyedLog& log) override {
    const absl::Time until = absl::Now() + absl::Seconds(60);
    for (int round = 0; absl::Now() < until; ++round) {
      absl::Notification landed;
      log.Put(0, "beat", absl::StrCat(round), [&](const absl::Status&) { landed.Notify(); });
      landed.WaitForNotification();
      current_ = 0;
      auto reader = Open();
      while (current_ < 2) reader->Poll(*this, 50);
      // Of four records and the beats only "a" and beats are left; the first ones are gone together.
      if (old_ == 0) return;
      old_ = 0;
    }
  }

  void OnRecord(int, std::string, std::optional<std::string> value) override {
    if (value == "old" || value == "1") ++old_;
  }
  void OnCurrent(int) override { ++current_; }

  const KafkaOptions& options() const { return options_; }
  const TopicSpec& spec() const { return spec_; }

 private:
  KafkaOptions options_;
  TopicSpec spec_;
  int current_ = 0, old_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Kafka, KeyedLogContract,
                         testing::Values(KeyedTopicMaker{"Kafka", [] { return std::make_unique<KafkaTopic>(); }}),
                         [](const auto& each) { return each.param.name; });

TEST(KafkaKeyedLogTest, ABrokerThatIsAwayIsUnknownNotDone) {
  KafkaKeyedLog log({.brokers = "127.0.0.1:1", .domain = "keyed", .shards = 1}, "nowhere", absl::Milliseconds(300));
  absl::Notification answered;
  absl::Status status;
  log.Put(0, "a", "1", [&](absl::Status s) {
    status = std::move(s);
    answered.Notify();
  });
  ASSERT_TRUE(answered.WaitForNotificationWithTimeout(absl::Seconds(20)));
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
}

TEST(KafkaKeyedLogTest, WhatIsNotAnsweredYetIsAnsweredAtTheEnd) {
  absl::Notification answered;
  {
    KafkaKeyedLog log({.brokers = "127.0.0.1:1", .domain = "keyed", .shards = 1}, "nowhere");
    log.Put(0, "a", "1", [&](const absl::Status& status) {
      EXPECT_TRUE(absl::IsUnavailable(status)) << status;
      answered.Notify();
    });
  }
  EXPECT_TRUE(answered.HasBeenNotified());
}

TEST(KafkaKeyedLogTest, ATopicThatMustBeCompactedAndIsNotIsNamed) {
  KafkaTopic topic;
  EXPECT_TRUE(CheckTopics(topic.options(), {topic.spec()}).ok());
  TopicSpec kept = topic.spec();
  kept.compaction_lag_ms = 0;
  const absl::Status wrong = CheckTopics(topic.options(), {kept});
  EXPECT_TRUE(absl::IsFailedPrecondition(wrong)) << wrong;
  TopicSpec slower = topic.spec();
  slower.compaction_lag_ms = 200;
  EXPECT_TRUE(absl::IsFailedPrecondition(CheckTopics(topic.options(), {slower})));
}

}  // namespace
}  // namespace civicmesh
