// Copies on the real broker: what an installation must not lose between two clusters.
#include "services/runtime/journal/kafka_copy.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <random>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "services/runtime/journal/kafka_topics.h"

namespace civicmesh {
namespace {

class KafkaCopyTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* broker = std::getenv("CIVICMESH_TEST_BROKER");
    if (broker == nullptr) throw std::runtime_error("CIVICMESH_TEST_BROKER=host:port is not set");
    static std::random_device device;
    options_ = {.brokers = broker, .domain = absl::StrCat("copy", device()), .shards = 2};
    const absl::Status made = CreateTopics(options_, {});
    ASSERT_TRUE(made.ok()) << made;
    auto copy = KafkaCopy::Open(options_);
    ASSERT_TRUE(copy.ok()) << copy.status();
    copy_ = *std::move(copy);
    events_ = {TopicsOf(options_)[2].name, 1};
    inbox_ = {TopicsOf(options_)[0].name, 0};
  }
  void Append(const TopicPartition& to, const std::vector<CopiedRecord>& records) {
    for (const auto& record : records) ASSERT_TRUE(copy_->Append(to, record).ok());
    const absl::Status flushed = copy_->Flush();
    ASSERT_TRUE(flushed.ok()) << flushed;
  }
  std::vector<CopiedRecord> Read(const TopicPartition& at, int64_t from, int64_t to) {
    std::vector<CopiedRecord> records;
    const absl::Status read =
        copy_->Read(at, from, to, [&](CopiedRecord r) { return records.push_back(std::move(r)), absl::OkStatus(); });
    EXPECT_TRUE(read.ok()) << read;
    return records;
  }
  Bounds BoundsOf(const TopicPartition& at) {
    const auto bounds = copy_->GetBounds({at});
    EXPECT_TRUE(bounds.ok()) << bounds.status();
    return bounds.ok() ? bounds->at(at) : Bounds{};
  }

  KafkaOptions options_;
  std::unique_ptr<KafkaCopy> copy_;
  TopicPartition events_, inbox_;
};

TEST_F(KafkaCopyTest, KeepsKeysValuesTombstonesHeadersAndTimes) {
  Append(
      events_,
      {{.time_ms = 1'700'000'000'000, .key = "k", .value = std::string("a\0b", 3), .headers = {{"h", "1"}, {"h", ""}}},
       {.time_ms = 1'700'000'000'001, .key = "k"},
       {.time_ms = 1'700'000'000'002, .value = ""}});
  const auto records = Read(events_, 0, 3);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].key, "k");
  EXPECT_EQ(records[0].value, std::string("a\0b", 3));
  EXPECT_EQ(records[0].headers, (Headers{{"h", "1"}, {"h", ""}}));
  EXPECT_EQ(records[0].time_ms, 1'700'000'000'000);
  EXPECT_EQ(records[1].value, std::nullopt);
  EXPECT_EQ(records[2].key, std::nullopt);
  EXPECT_EQ(records[2].value, "");
  EXPECT_EQ(records[2].offset, 2);
}

TEST_F(KafkaCopyTest, ReadsTheStretchThatWasAskedForAndAnotherPartitionAfterIt) {
  std::vector<CopiedRecord> many;
  for (int i = 0; i < 5000; ++i) many.push_back({.value = absl::StrCat("event ", i)});
  Append(events_, many);
  Append(inbox_, {{.value = "command"}});
  const auto part = Read(events_, 10, 4000);
  ASSERT_EQ(part.size(), 3990u);
  EXPECT_EQ(part.front().value, "event 10");
  EXPECT_EQ(part.back().value, "event 3999");
  ASSERT_EQ(Read(inbox_, 0, 1).size(), 1u);
  EXPECT_TRUE(Read(events_, 7, 7).empty());
}

TEST_F(KafkaCopyTest, APartitionCanBeginWhereItDidElsewhere) {
  Append(inbox_, std::vector<CopiedRecord>(40, CopiedRecord{.value = ""}));
  ASSERT_TRUE(copy_->DeleteBefore(inbox_, 40).ok());
  EXPECT_EQ(BoundsOf(inbox_).begin, 40);
  EXPECT_EQ(BoundsOf(inbox_).end, 40);
  Append(inbox_, {{.value = "the first that counts"}});
  const auto records = Read(inbox_, 40, 41);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].offset, 40);
}

TEST_F(KafkaCopyTest, AReaderThatStopsSaysWhy) {
  Append(events_, {{.value = "a"}, {.value = "b"}});
  const absl::Status read =
      copy_->Read(events_, 0, 2, [](const CopiedRecord&) { return absl::DataLossError("enough"); });
  EXPECT_EQ(read, absl::DataLossError("enough"));
}

TEST_F(KafkaCopyTest, GroupsGoOnWhereTheyWere) {
  const std::string group = options_.domain + ".policy.x";
  ASSERT_TRUE(copy_->SetGroups({{{group, events_}, 7}}).ok());
  const auto groups = copy_->GetGroups({events_, inbox_});
  ASSERT_TRUE(groups.ok()) << groups.status();
  EXPECT_EQ(groups->count({group, events_}), 1u);
  EXPECT_EQ(groups->at({group, events_}), 7);
  EXPECT_EQ(groups->count({group, inbox_}), 0u);
}

TEST_F(KafkaCopyTest, KnowsWhetherATopicIsThere) {
  EXPECT_EQ(*copy_->Partitions(events_.topic), 2);
  EXPECT_EQ(*copy_->Partitions("civicmesh.nobody"), 0);
}

}  // namespace
}  // namespace civicmesh
