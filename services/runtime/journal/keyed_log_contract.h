// What every KeyedLog must do: one suite that the in-memory twin and Kafka both pass.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "services/runtime/journal/keyed_log.h"

namespace civicmesh {

// A topic of two partitions, destroyed with the test.
class KeyedTopic {
 public:
  virtual ~KeyedTopic() = default;
  // Another log over the same topic, which has read nothing yet.
  virtual std::unique_ptr<KeyedLog> Open() = 0;
  // Returns once what was replaced, and what tombstones name, is gone.
  virtual void Compact(KeyedLog& log) = 0;
};

struct KeyedTopicMaker {
  std::string name;
  std::function<std::unique_ptr<KeyedTopic>()> make;
};

class KeyedLogContract : public testing::TestWithParam<KeyedTopicMaker>, public KeyedSink {
 protected:
  using Seen = std::pair<std::string, std::optional<std::string>>;

  void OnRecord(int partition, std::string key, std::optional<std::string> value) override {
    seen[partition].emplace_back(std::move(key), std::move(value));
  }
  void OnCurrent(int partition) override { ++current[partition]; }

  static absl::Status Put(KeyedLog& log, int partition, std::string key, std::optional<std::string> value) {
    absl::Notification landed;
    absl::Status status;
    log.Put(partition, std::move(key), std::move(value), [&](absl::Status s) {
      status = std::move(s);
      landed.Notify();
    });
    landed.WaitForNotification();
    return status;
  }
  // Reads `log` from where it is until both ends were told. The bound is only for a test that fails.
  void ReadToTheEnds(KeyedLog& log) {
    current.clear();
    const absl::Time until = absl::Now() + absl::Seconds(30);
    while (current.size() < 2 && absl::Now() < until) log.Poll(*this, 50);
    EXPECT_EQ(current.size(), 2u);
  }
  // What a log that begins to read now is told.
  std::map<int, std::vector<Seen>> Whole() {
    seen.clear();
    ReadToTheEnds(*topic->Open());
    return seen;
  }

  const std::unique_ptr<KeyedTopic> topic = GetParam().make();
  std::map<int, std::vector<Seen>> seen;
  std::map<int, int> current;
};

TEST_P(KeyedLogContract, WhatWasPutIsReadInOrderFromTheStartByEveryone) {
  auto log = topic->Open();
  ReadToTheEnds(*log);
  EXPECT_TRUE(seen.empty());
  ASSERT_TRUE(Put(*log, 0, "a", "1").ok());
  ASSERT_TRUE(Put(*log, 1, "b", std::string("\0x", 2)).ok());
  ASSERT_TRUE(Put(*log, 0, "c", "3").ok());
  const std::map<int, std::vector<Seen>> expected{{0, {{"a", "1"}, {"c", "3"}}}, {1, {{"b", std::string("\0x", 2)}}}};
  const absl::Time until = absl::Now() + absl::Seconds(30);
  while (seen != expected && absl::Now() < until) log->Poll(*this, 50);
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(Whole(), expected);
}

TEST_P(KeyedLogContract, OfEachKeyTheLastValueStaysAndNothingOfATombstone) {
  auto log = topic->Open();
  for (const auto& [key, value] : std::vector<Seen>{{"a", "old"}, {"b", "1"}, {"a", "new"}, {"b", std::nullopt}})
    ASSERT_TRUE(Put(*log, 0, key, value).ok());
  EXPECT_EQ(Whole()[0].size(), 4u);
  topic->Compact(*log);
  std::map<std::string, std::string> left;
  const auto whole = Whole();
  ASSERT_TRUE(whole.contains(0));
  for (const auto& [key, value] : whole.at(0)) {
    ASSERT_FALSE(key == "b" && value) << "a tombstone's key still has its value";
    if (value) left[key] += *value;
  }
  EXPECT_EQ(left["a"], "new");
}

}  // namespace civicmesh
