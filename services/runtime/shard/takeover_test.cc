// What a takeover does with a snapshot that lies behind the journal (R4): a short tail is folded, a long one would
// have to be held in memory whole, so hot state is filled anew instead.
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "services/runtime/shard/lone_owner_for_tests.h"

namespace civicmesh {
namespace {

// Every command is counted on one of ten streams.
class Counting : public Machine {
 public:
  absl::StatusOr<Decision<Bytes>> Decide(std::string_view payload, const Context&) const override {
    Decided<Bytes> decided;
    decided.Add(std::string(payload), "one more");
    return Decision<Bytes>(std::move(decided));
  }
  absl::StatusOr<Decision<Bytes>> Fire(const FiredTimer&, const Context&) const override {
    return Decision<Bytes>(Decided<Bytes>{});
  }
  absl::Status Evolve(const EventMeta& meta, std::string_view) override {
    ++counts_[std::string(meta.stream)];
    return absl::OkStatus();
  }
  Bytes Save(std::string_view stream) const override { return absl::StrCat(counts_.at(std::string(stream))); }
  absl::Status Load(std::string_view stream, std::string_view state) override {
    counts_[std::string(stream)] = std::stoi(std::string(state));
    return absl::OkStatus();
  }
  std::vector<std::string> Rows(std::string_view stream) const override {
    const auto it = counts_.find(std::string(stream));
    return it == counts_.end() ? std::vector<std::string>() : std::vector{absl::StrCat(it->second)};
  }
  absl::StatusOr<std::vector<PublicEvent>> Publish(const EventMeta&, std::string_view) const override {
    return std::vector<PublicEvent>();
  }

 private:
  std::map<std::string, int> counts_;
};

class TakeoverTest : public testing::Test {
 protected:
  void Rest() {
    for (int turn = 0; turn < 10000; ++turn) {
      lone_.Turn();
      was_repaired_ |= lone_.owner->Status().phase.starts_with("repairing");
      if (lone_.owner->serving() && lone_.owner->AtRest()) return;
    }
    FAIL() << "not at rest: " << lone_.owner->Status().phase;
  }
  void Count(size_t commands) {
    for (size_t i = 0; i < commands; ++i) {
      log::v1::Command command;
      command.set_kind(log::v1::Command::KIND_REQUEST);
      command.set_payload(absl::StrCat("s", i % 10));
      ASSERT_TRUE(lone_.Send(command).ok());
    }
    Rest();
  }
  // The next owner finds hot state as it was before `commands` more were counted.
  void TakeOverBehind(size_t commands) {
    Count(20);
    const auto snapshot = lone_.redis.shards;
    Count(commands);
    whole_ = Hot();
    lone_.redis.shards = snapshot;
    was_repaired_ = false;
    lone_.TakeOver();
    Rest();
  }
  MemoryRedis::Shard& Hot() { return lone_.redis.shards.begin()->second; }
  void ExpectWhole() {
    for (const auto& [table, values] : whole_.tables) {
      ASSERT_EQ(Hot().tables.at(table).size(), values.size());
      for (const auto& [key, value] : values) EXPECT_EQ(Hot().tables.at(table).at(key), value);
    }
    EXPECT_EQ(Hot().rows, whole_.rows);
  }

  // How often each stream was counted, and how many outcomes are kept.
  static std::pair<std::map<std::string, std::string>, size_t> Counts(const MemoryRedis::Shard& hot) {
    std::map<std::string, std::string> counts;
    for (const auto& [stream, bytes] : hot.tables.at(HotTable::kStreams)) {
      log::v1::StreamValue value;
      value.ParseFromString(bytes);
      counts[stream] = value.state();
    }
    return {counts, hot.tables.at(HotTable::kOutcomes).size()};
  }

  LoneOwner lone_{[](int) { return std::make_unique<Counting>(); }};
  MemoryRedis::Shard whole_;
  bool was_repaired_ = false;
};

TEST_F(TakeoverTest, AShortTailIsFolded) {
  TakeOverBehind(500);
  EXPECT_FALSE(was_repaired_);
  ExpectWhole();
}

TEST_F(TakeoverTest, ALongTailIsNotHeldInMemory) {
  TakeOverBehind(ShardOwner::kMaxTail + 500);
  EXPECT_TRUE(was_repaired_);
  ExpectWhole();
}

// R9: a call that ran half leaves values and the @offset of before; then a power cut takes their records.
TEST_F(TakeoverTest, WhatTheJournalHasLostIsNotTakenFromHotState) {
  Count(20);
  const Partition journal{Topic::kJournal, 0};
  const int64_t kept = lone_.log.bounds(journal).end;
  const HotPointValue before = Hot().point;
  Count(10);
  whole_ = Hot();
  lone_.log.Truncate(journal, kept);
  Hot().point = before;
  lone_.TakeOver();
  // The ten are still in the inbox, and are decided again behind the barrier.
  for (int turn = 0; turn < 1000 && lone_.log.bounds(journal).end < kept + 11; ++turn) lone_.Turn();
  Rest();
  lone_.redis.FlushAll();
  lone_.TakeOver();  // from the journal alone
  Rest();
  EXPECT_EQ(Counts(Hot()), Counts(whole_));
}

TEST_F(TakeoverTest, WhatIsAheadAndInTheJournalIsTakenAsItIs) {
  Count(20);
  const HotPointValue before = Hot().point;
  Count(10);
  whole_ = Hot();
  Hot().point = before;
  was_repaired_ = false;
  lone_.TakeOver();
  Rest();
  EXPECT_FALSE(was_repaired_);
  ExpectWhole();
}

}  // namespace
}  // namespace civicmesh
