// The two images of one shard, over the twins: a real owner folds and publishes, then Redis is damaged.
#include "services/civicctl/shard_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "civicmesh/volunteering/v1/volunteering_journal.pb.h"
#include "services/runtime/shard/lone_owner_for_tests.h"
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

class ShardImageTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* command : {"cr a 5", "cr b 2", "db a 2", "db b 9", "arm a 90000 7"}) Send(command);
    Settle();
  }

  void Settle() {
    for (int i = 0; i < 200; ++i) lone_.Turn();
    ASSERT_TRUE(lone_.owner->serving());
  }
  void Send(const std::string& payload) {
    log::v1::Command command;
    command.set_kind(log::v1::Command::KIND_REQUEST);
    command.set_payload(payload);
    ASSERT_TRUE(lone_.Send(command).ok());
  }
  FoldedShard Fold(const ShardImage& published) {
    auto folded = FoldJournal(lone_.journal, 0, NewToy, published.point.offset());
    EXPECT_TRUE(folded.ok()) << folded.status();
    return folded.ok() ? *std::move(folded) : FoldedShard();
  }
  std::vector<std::string> Damage() {
    auto published = ReadPublishedImage(*lone_.hot, 0);
    EXPECT_TRUE(published.ok()) << published.status();
    return Differences(Fold(*published).image, *published, kStream);
  }
  MemoryRedis::Shard& redis() { return lone_.redis.shards.begin()->second; }

  LoneOwner lone_{NewToy};
};

TEST_F(ShardImageTest, TheJournalFoldedAfreshIsWhatWasPublished) {
  auto published = ReadPublishedImage(*lone_.hot, 0);
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
  ASSERT_TRUE(lone_.door->Append({Topic::kJournal, 0}, Frame(late.SerializeAsString()), {}).ok());
  Settle();
  lone_.TakeOver();
  Settle();
  Send("cr c 1");
  Settle();
  auto published = ReadPublishedImage(*lone_.hot, 0);
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
  EXPECT_TRUE(absl::IsFailedPrecondition(ReadPublishedImage(*lone_.hot, 0).status()));
  lone_.redis.FlushAll();
  EXPECT_TRUE(absl::IsFailedPrecondition(ReadPublishedImage(*lone_.hot, 0).status()));
}

TEST_F(ShardImageTest, AJournalThatEndsBeforeRedisOrDoesNotDecodeIsLoss) {
  const int64_t end = lone_.log.bounds({Topic::kJournal, 0}).end;
  EXPECT_TRUE(absl::IsDataLoss(FoldJournal(lone_.journal, 0, NewToy, end + 1).status()));
  ASSERT_TRUE(lone_.door->Append({Topic::kJournal, 0}, "not a record", {}).ok());
  const absl::Status broken = FoldJournal(lone_.journal, 0, NewToy, end + 1).status();
  EXPECT_THAT(std::string(broken.message()), HasSubstr(absl::StrCat("journal record ", end, " does not decode")));
}

}  // namespace
}  // namespace civicmesh::civicctl
