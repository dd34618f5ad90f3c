// What a takeover does with a snapshot that lies behind the journal (R4): a short tail is folded, a long one would
// have to be held in memory whole, so hot state is filled anew instead.
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/hotstate/memory_hot_state.h"
#include "services/runtime/journal/memory_journal.h"
#include "services/runtime/shard/shard_owner.h"

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

class TakeoverTest : public testing::Test, public LogSink {
 protected:
  void Own() {
    hot_ = std::make_unique<MemoryHotState>(&redis_, "toy");
    reader_ = journal_.NewReader();
    owner_ = std::make_unique<ShardOwner>(
        0, WorkerOptions{.domain = "toy", .shards = 1},
        OwnerPorts{.reader = reader_.get(),
                   .hot = hot_.get(),
                   .references = &references_,
                   .appender = [this] { return std::shared_ptr<LogAppender>(journal_.NewAppender()); },
                   .wall_ms = [this] { return now_ms_; },
                   .steady_ms = [this] { return now_ms_; },
                   .random = [this] { return ++random_; },
                   .reply = [](int, const std::string&, const log::v1::Reply&) {},
                   .machines = [](int) { return std::make_unique<Counting>(); }});
    owner_->Assign();
    was_repaired_ = false;
    Rest();
  }
  void Rest() {
    for (int turn = 0; turn < 10000; ++turn) {
      reader_->Poll(*this, 1000, 0);
      owner_->Advance();
      owner_->Decide(1000);
      owner_->Fold();
      hot_->Poll(0);
      was_repaired_ |= owner_->Status().phase.starts_with("repairing");
      ++now_ms_;
      if (owner_->serving() && owner_->AtRest()) return;
    }
    FAIL() << "not at rest: " << owner_->Status().phase;
  }
  void Count(size_t commands) {
    for (size_t i = 0; i < commands; ++i) {
      log::v1::Command command;
      command.set_kind(log::v1::Command::KIND_REQUEST);
      command.set_command_id(Sha256(absl::StrCat(++random_)));
      command.set_issued_at_ms(now_ms_);
      command.set_payload(absl::StrCat("s", i % 10));
      ASSERT_TRUE(door_->Append({Topic::kInbox, 0}, Frame(command.SerializeAsString()), {}).ok());
    }
    Rest();
  }
  // The next owner finds hot state as it was before `commands` more were counted.
  void TakeOverBehind(size_t commands) {
    Own();
    Count(20);
    const auto snapshot = redis_.shards;
    Count(commands);
    whole_ = redis_.shards.begin()->second;
    owner_.reset();
    redis_.shards = snapshot;
    Own();
  }
  void ExpectWhole() {
    const MemoryRedis::Shard& shard = redis_.shards.begin()->second;
    for (const auto& [table, values] : whole_.tables) {
      ASSERT_EQ(shard.tables.at(table).size(), values.size());
      for (const auto& [key, value] : values) EXPECT_EQ(shard.tables.at(table).at(key), value);
    }
    EXPECT_EQ(shard.rows, whole_.rows);
  }

  void OnRecord(Partition from, LogRecord record) override { owner_->OnRecord(from.topic, std::move(record)); }
  void OnEnd(Partition from, int64_t offset) override { owner_->OnEnd(from.topic, offset); }
  void OnTrouble(Partition from, absl::Status why) override { owner_->OnTrouble(from.topic, why); }

  int64_t now_ms_ = 1'790'000'000'000;
  uint64_t random_ = 0;
  MemoryLog log_{1, [this] { return now_ms_; }};
  MemoryJournal journal_{&log_};
  MemoryRedis redis_;
  ReferenceLibrary references_{{}};
  std::unique_ptr<LogAppender> door_ = journal_.NewAppender();
  std::unique_ptr<MemoryHotState> hot_;
  std::unique_ptr<LogReader> reader_;
  std::unique_ptr<ShardOwner> owner_;
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

}  // namespace
}  // namespace civicmesh
