// The two images of one shard, over the twins: a real owner folds and publishes, then Redis is damaged.
#include "services/civicctl/shard_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "civicmesh/volunteering/v1/volunteering_journal.pb.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/hotstate/memory_hot_state.h"
#include "services/runtime/journal/memory_journal.h"
#include "services/runtime/shard/shard_owner.h"
#include "tests/simulation/toy_machine.h"

namespace civicmesh::civicctl {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The toy's states are text, no message: any type will do as long as nothing differs.
const auto* kStream = volunteering::v1::ActivityState::descriptor();

std::unique_ptr<Machine> NewToy(int) { return std::make_unique<simulation::ToyMachine>(); }

class ShardImageTest : public testing::Test, public LogSink {
 protected:
  void SetUp() override {
    NewOwner();
    for (const char* command : {"cr a 5", "cr b 2", "db a 2", "db b 9", "arm a 90000 7"}) Send(command);
    Settle();
  }

  void NewOwner() {
    owner_ = std::make_unique<ShardOwner>(
        0, WorkerOptions{.domain = "toy", .shards = 1},
        OwnerPorts{.reader = reader_.get(),
                   .hot = &hot_,
                   .references = &references_,
                   .appender = [this] { return std::shared_ptr<LogAppender>(journal_.NewAppender()); },
                   .wall_ms = [this] { return now_ms_; },
                   .steady_ms = [this] { return now_ms_; },
                   .random = [this] { return ++random_; },
                   .reply = [](int, const std::string&, const log::v1::Reply&) {},
                   .machines = NewToy});
    owner_->Assign();
  }
  void Settle() {
    for (int i = 0; i < 200; ++i) {
      reader_->Poll(*this, 100, 0);
      owner_->Advance();
      owner_->Decide(10);
      owner_->Fold();
      owner_->Publish(10);
      hot_.Poll(0);
      ++now_ms_;
    }
    ASSERT_TRUE(owner_->serving());
  }
  void Send(const std::string& payload) {
    log::v1::Command command;
    command.set_kind(log::v1::Command::KIND_REQUEST);
    command.set_command_id(Sha256(absl::StrCat(++random_)));
    command.set_issued_at_ms(now_ms_);
    command.set_payload(payload);
    ASSERT_TRUE(door_->Append({Topic::kInbox, 0}, Frame(command.SerializeAsString()), {}).ok());
  }
  FoldedShard Fold(const ShardImage& published) {
    auto folded = FoldJournal(journal_, 0, NewToy, published.point.offset());
    EXPECT_TRUE(folded.ok()) << folded.status();
    return folded.ok() ? *std::move(folded) : FoldedShard();
  }
  std::vector<std::string> Damage() {
    auto published = ReadPublishedImage(hot_, 0);
    EXPECT_TRUE(published.ok()) << published.status();
    return Differences(Fold(*published).image, *published, kStream);
  }
  MemoryRedis::Shard& redis() { return redis_.shards.begin()->second; }

  void OnRecord(Partition from, LogRecord record) override { owner_->OnRecord(from.topic, std::move(record)); }
  void OnEnd(Partition from, int64_t offset) override { owner_->OnEnd(from.topic, offset); }
  void OnTrouble(Partition from, absl::Status why) override { owner_->OnTrouble(from.topic, why); }

  int64_t now_ms_ = 1'790'000'000'000;
  uint64_t random_ = 0;
  MemoryLog log_{1, [this] { return now_ms_; }};
  MemoryJournal journal_{&log_};
  MemoryRedis redis_;
  MemoryHotState hot_{&redis_, "toy"};
  ReferenceLibrary references_{{}};
  std::unique_ptr<LogReader> reader_ = journal_.NewReader();
  std::unique_ptr<LogAppender> door_ = journal_.NewAppender();
  std::unique_ptr<ShardOwner> owner_;
};

TEST_F(ShardImageTest, TheJournalFoldedAfreshIsWhatWasPublished) {
  auto published = ReadPublishedImage(hot_, 0);
  ASSERT_TRUE(published.ok()) << published.status();
  const FoldedShard folded = Fold(*published);
  EXPECT_THAT(Differences(folded.image, *published, kStream), IsEmpty());
  EXPECT_EQ(Digest(folded.image, kStream), Digest(*published, kStream));
  EXPECT_EQ(published->streams.size(), 2u);
  EXPECT_EQ(published->outcomes.size(), 5u);
  EXPECT_EQ(folded.effective, 6) << "five decisions, and the checkpoint of the first fill";
  EXPECT_EQ(folded.barriers, 1);
  EXPECT_FALSE(folded.facts.empty());
}

TEST_F(ShardImageTest, AnotherOwnerAndVoidRecordsChangeNothing) {
  // A dead owner's late record.
  log::v1::Record late;
  late.set_kind(log::v1::Record::KIND_COMMAND);
  late.set_epoch(1);
  late.set_owner(77);
  late.set_seq(1);
  ASSERT_TRUE(door_->Append({Topic::kJournal, 0}, Frame(late.SerializeAsString()), {}).ok());
  Settle();
  NewOwner();
  Settle();
  Send("cr c 1");
  Settle();
  auto published = ReadPublishedImage(hot_, 0);
  ASSERT_TRUE(published.ok()) << published.status();
  const FoldedShard folded = Fold(*published);
  EXPECT_THAT(Differences(folded.image, *published, kStream), IsEmpty());
  EXPECT_EQ(folded.voided, 1);
  EXPECT_EQ(folded.barriers, 2);
}

TEST_F(ShardImageTest, EveryDamageIsNamed) {
  redis().tables[HotTable::kStreams].erase("a");
  EXPECT_THAT(Damage(), ElementsAre("stream a: in the journal, not in Redis"));
  redis().tables[HotTable::kStreams]["z"] = "";
  EXPECT_THAT(Damage(), Contains("stream z: in Redis, not in the journal"));
  redis().tables[HotTable::kOutcomes].begin()->second = "";
  EXPECT_THAT(Damage(), Contains(HasSubstr("outcome ")));
  redis().rows.insert(absl::StrCat("x\x1f", "y"));
  EXPECT_THAT(Damage(), Contains("row x | y: in Redis, does not follow from the journal"));
  log::v1::HotPoint point;
  ASSERT_TRUE(point.ParseFromString(redis().point.blob));
  point.add_activations()->set_kind("standard");
  redis().point.blob = point.SerializeAsString();
  EXPECT_THAT(Damage(), Contains(HasSubstr("point: added: activations")));
}

TEST_F(ShardImageTest, ManyDifferencesAreCounted) {
  for (int i = 0; i < 25; ++i) redis().rows.insert(absl::StrCat("x", i));
  const auto lines = Damage();
  ASSERT_EQ(lines.size(), size_t{kMaxDifferences} + 1);
  EXPECT_EQ(lines.back(), "and 15 more");
}

TEST_F(ShardImageTest, WhatIsNotPublishedIsNoImage) {
  redis().verified.reset();
  EXPECT_TRUE(absl::IsFailedPrecondition(ReadPublishedImage(hot_, 0).status()));
  redis_.FlushAll();
  EXPECT_TRUE(absl::IsFailedPrecondition(ReadPublishedImage(hot_, 0).status()));
}

TEST_F(ShardImageTest, AJournalThatEndsBeforeRedisOrDoesNotDecodeIsLoss) {
  const int64_t end = log_.bounds({Topic::kJournal, 0}).end;
  EXPECT_TRUE(absl::IsDataLoss(FoldJournal(journal_, 0, NewToy, end + 1).status()));
  ASSERT_TRUE(door_->Append({Topic::kJournal, 0}, "not a record", {}).ok());
  const absl::Status broken = FoldJournal(journal_, 0, NewToy, end + 1).status();
  EXPECT_THAT(std::string(broken.message()), HasSubstr(absl::StrCat("journal record ", end, " does not decode")));
}

}  // namespace
}  // namespace civicmesh::civicctl
