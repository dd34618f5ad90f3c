#include "services/media/keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "civicmesh/intake/v1/intake_events.pb.h"
#include "civicmesh/media/v1/media_kept.pb.h"
#include "services/runtime/objects/buckets.h"
#include "services/runtime/objects/memory_object_store.h"
#include "services/runtime/shard/policy_runner.h"

namespace civicmesh::media {
namespace {

using testing::Contains;
using testing::IsEmpty;
using testing::Not;

class KeeperTest : public testing::Test {
 protected:
  void Upload(const std::string& id, bool voice = false) {
    v1::Facts facts;
    facts.set_voice(voice);
    Put(kIncomingBucket, "unused/" + id, "");
    Put(kMediaBucket, id + (voice ? "/voice.ogg" : "/photo.jpg"), "bytes");
    Put(kMediaBucket, id + "/facts", facts.SerializeAsString());
  }
  void Put(const char* bucket, const std::string& key, const std::string& bytes) {
    ASSERT_TRUE(store_.Put(bucket, key, bytes, "x").ok());
  }
  bool Has(const char* bucket, const std::string& key) { return store_.Get(bucket, key, 1000).ok(); }

  template <typename Event>
  PublicFact Fact(const Event& event, const std::string& subject, int64_t time_ms = 1000) {
    return {.type = event.GetDescriptor()->full_name(),
            .subject = subject,
            .bytes = event.SerializeAsString(),
            .time_ms = time_ms};
  }
  PublicFact Submitted(const std::string& upload, const std::string& person, int64_t time_ms = 1000) {
    intake::v1::ReportSubmitted event;
    event.mutable_context()->set_report("reports/r-1");
    event.mutable_context()->set_reporter_token(person);
    event.add_uploads("uploads/" + upload);
    return Fact(event, "reports/r-1", time_ms);
  }
  PublicFact Erased(const std::string& person, const std::string& report = "", int64_t time_ms = 2000) {
    intake::v1::PersonalDataErased event;
    event.set_person_token(person);
    event.set_report(report);
    return Fact(event, person, time_ms);
  }

  absl::Time now_ = absl::FromUnixSeconds(1790000000);
  MemoryObjectStore store_{[this] { return now_; }};
  Keeper keeper_{&store_, {}, [this] { return now_; }};
};

TEST_F(KeeperTest, WhatAnEventNamesStaysAndTheRestGoesAfterAWeek) {
  Upload("u-1");
  Upload("u-2");
  ASSERT_TRUE(keeper_.Act(Submitted("u-1", "p-1")).ok());
  now_ += Keeper::kUnusedLife - absl::Seconds(1);
  ASSERT_TRUE(keeper_.Sweep().ok());
  EXPECT_TRUE(Has(kMediaBucket, "u-2/photo.jpg"));
  now_ += absl::Seconds(2);
  ASSERT_TRUE(keeper_.Sweep().ok());
  EXPECT_TRUE(Has(kMediaBucket, "u-1/photo.jpg"));
  EXPECT_TRUE(Has(kMediaBucket, "u-1/facts"));
  EXPECT_FALSE(Has(kMediaBucket, "u-2/photo.jpg"));
  EXPECT_FALSE(Has(kMediaBucket, "u-2/facts"));
  EXPECT_FALSE(Has(kIncomingBucket, "unused/u-2"));
}

TEST_F(KeeperTest, AMarkThatComesBackDoesNotTakeAwayWhatIsUsed) {
  Upload("u-1");
  ASSERT_TRUE(keeper_.Act(Submitted("u-1", "p-1")).ok());
  Put(kIncomingBucket, "unused/u-1", "");  // of a call to FinishUpload that was slow
  now_ += Keeper::kUnusedLife + absl::Seconds(1);
  ASSERT_TRUE(keeper_.Sweep().ok());
  EXPECT_TRUE(Has(kMediaBucket, "u-1/photo.jpg"));
  EXPECT_FALSE(Has(kIncomingBucket, "unused/u-1"));
}

TEST_F(KeeperTest, EveryKindOfEventThatNamesUploadsKeepsThem) {
  const auto kept = [&](auto event) {
    Upload("u-1");
    event.add_uploads("uploads/u-1");
    EXPECT_TRUE(keeper_.Act(Fact(event, "cases/c-1")).ok());
    const bool gone = !Has(kIncomingBucket, "unused/u-1");
    v1::Use use;
    EXPECT_TRUE(use.ParseFromString(store_.Get(kMediaBucket, "u-1/used", 1000).value_or("")));
    EXPECT_EQ(use.resource(), "cases/c-1");
    store_.Delete(kMediaBucket, "u-1/used").IgnoreError();
    return gone;
  };
  EXPECT_TRUE(kept(intake::v1::ReportSubmitted()));
  EXPECT_TRUE(kept(intake::v1::ReportSupplemented()));
  EXPECT_TRUE(kept(intake::v1::AlertRaised()));
  EXPECT_TRUE(kept(dispatch::v1::CaseOpened()));
  EXPECT_TRUE(kept(dispatch::v1::VerificationRecorded()));
  EXPECT_TRUE(kept(dispatch::v1::FeedbackSubmitted()));
  EXPECT_TRUE(kept(dispatch::v1::CaseClosed()));
  EXPECT_TRUE(kept(dispatch::v1::ReworkOrdered()));
  EXPECT_TRUE(keeper_.Act(Fact(dispatch::v1::CaseAccepted(), "cases/c-1")).ok());
  EXPECT_TRUE(keeper_.Act({.type = "civicmesh.points.v1.Posting", .subject = "x", .bytes = "y"}).ok());
}

TEST_F(KeeperTest, WhatWasPostedAndNeverFinishedGoesAfterADay) {
  Put(kIncomingBucket, "raw/u-1", "file");
  now_ += absl::Hours(2);
  Put(kIncomingBucket, "raw/u-2", "file");
  now_ += Keeper::kRawLife - absl::Hours(1);
  ASSERT_TRUE(keeper_.Sweep().ok());
  EXPECT_FALSE(Has(kIncomingBucket, "raw/u-1"));
  EXPECT_TRUE(Has(kIncomingBucket, "raw/u-2"));
}

TEST_F(KeeperTest, WhoIsErasedTakesRecordingsAlongAndLeavesPictures) {
  Upload("u-voice", true);
  Upload("u-photo");
  Upload("u-other", true);
  ASSERT_TRUE(keeper_.Act(Submitted("u-voice", "p-1")).ok());
  ASSERT_TRUE(keeper_.Act(Submitted("u-photo", "p-1")).ok());
  ASSERT_TRUE(keeper_.Act(Submitted("u-other", "p-10")).ok());
  ASSERT_TRUE(keeper_.Act(Erased("p-1")).ok());
  EXPECT_FALSE(Has(kMediaBucket, "u-voice/voice.ogg"));
  EXPECT_FALSE(Has(kMediaBucket, "u-voice/facts"));
  EXPECT_TRUE(Has(kMediaBucket, "u-photo/photo.jpg"));
  EXPECT_TRUE(Has(kMediaBucket, "u-other/voice.ogg"));
}

TEST_F(KeeperTest, AnAnonymousReportErasedTakesItsRecordingsAlong) {
  Upload("u-voice", true);
  ASSERT_TRUE(keeper_.Act(Submitted("u-voice", "")).ok());
  ASSERT_TRUE(keeper_.Act(Erased("", "reports/r-1")).ok());
  EXPECT_FALSE(Has(kMediaBucket, "u-voice/voice.ogg"));
}

TEST_F(KeeperTest, WhatWasReportedBeforeAnErasureAndIsHeardOfAfterItGoesAtOnce) {
  Upload("u-late", true);
  Upload("u-new", true);
  ASSERT_TRUE(keeper_.Act(Erased("p-1", "", 2000)).ok());
  ASSERT_TRUE(keeper_.Act(Submitted("u-late", "p-1", 1500)).ok());
  ASSERT_TRUE(keeper_.Act(Submitted("u-new", "p-1", 2500)).ok());
  EXPECT_FALSE(Has(kMediaBucket, "u-late/voice.ogg"));
  EXPECT_TRUE(Has(kMediaBucket, "u-new/voice.ogg"));
}

TEST_F(KeeperTest, AKillAfterAnyStepIsMadeGoodWhenTheEventComesAgain) {
  for (int calls = 1; calls < 12; ++calls) {
    Upload("u-voice", true);
    store_.calls_left = calls;
    const absl::Status first = keeper_.Act(Submitted("u-voice", "p-1"));
    store_.calls_left = -1;
    ASSERT_TRUE(first.ok() || keeper_.Act(Submitted("u-voice", "p-1")).ok());
    EXPECT_FALSE(Has(kIncomingBucket, "unused/u-voice")) << calls;
    store_.calls_left = calls;
    const absl::Status erased = keeper_.Act(Erased("p-1"));
    store_.calls_left = -1;
    ASSERT_TRUE(erased.ok() || keeper_.Act(Erased("p-1")).ok());
    EXPECT_FALSE(Has(kMediaBucket, "u-voice/voice.ogg")) << calls;
    EXPECT_FALSE(Has(kIncomingBucket, "owners/p-1/u-voice")) << calls;
    store_.Delete(kIncomingBucket, "erased/p-1").IgnoreError();
  }
}

// Delivers once what it was given, again after Rewind.
struct ListReader : GroupReader {
  std::vector<LogRecord> records;
  size_t next = 0;
  int64_t committed = 0;
  int Poll(LogSink& sink, int, int) override {
    const size_t before = next;
    while (next < records.size()) {
      const size_t at = next++;
      sink.OnRecord({Topic::kEvents, 0}, records[at]);
    }
    return static_cast<int>(next - before);
  }
  void Commit(int, int64_t to) override { committed = to; }
  void Rewind() override { next = static_cast<size_t>(committed); }
  std::map<int, int64_t> Held() override { return {{0, committed}}; }
};

// Says where the topics end.
struct Ends : LogReader {
  std::map<int, int64_t> of;
  void Start(Partition, int64_t) override {}
  void Stop(Partition) override {}
  int Poll(LogSink&, int, int) override { return 0; }
  void Wake() override {}
  absl::StatusOr<Bounds> GetBounds(Partition at) override { return Bounds{0, of[at.shard]}; }
  absl::StatusOr<LogRecord> ReadAt(Partition, int64_t) override { return absl::NotFoundError(""); }
};

TEST_F(KeeperTest, WhatTheStoreDidNotTakeIsReadAgain) {
  ListReader reader;
  Ends ends;
  for (int i = 0; i < 3; ++i) {
    PublicFact fact = Submitted("u-" + std::to_string(i), "");
    reader.records.push_back({.offset = i,
                              .value = fact.bytes,
                              .headers = {{"ce_id", "intake/0/" + std::to_string(i) + "/0"},
                                          {"ce_type", fact.type},
                                          {"ce_time", "2026-10-01T00:00:00Z"},
                                          {"ce_subject", fact.subject}}});
    Upload("u-" + std::to_string(i));
  }
  Keeper keeper(&store_, {{"intake", &reader, &ends, 1}}, [this] { return now_; });
  store_.calls_left = 6;  // amid the second
  EXPECT_TRUE(absl::IsUnavailable(keeper.Turn(0)));
  EXPECT_EQ(reader.committed, 1);
  store_.calls_left = -1;
  ASSERT_TRUE(keeper.Turn(0).ok());
  EXPECT_EQ(reader.committed, 3);
  for (const std::string& key : store_.Keys()) EXPECT_THAT(key, Not(testing::HasSubstr("unused/")));
}

TEST_F(KeeperTest, AShardThatIsHeldIsNotedOnceItIsReadToItsEnd) {
  struct : ListReader {
    std::map<int, int64_t> held;
    std::map<int, int64_t> Held() override { return held; }
  } reader;
  Ends ends;
  ends.of = {{0, 5}, {1, 7}};
  Keeper keeper(&store_, {{"intake", &reader, &ends, 2}}, [this] { return now_; });
  const auto noted = [&](int shard) {
    EXPECT_TRUE(keeper.Turn(0).ok());
    const std::string key = "heard/intake/" + std::to_string(shard);
    const bool there = Has(kIncomingBucket, key);
    store_.Delete(kIncomingBucket, key).IgnoreError();
    return there;
  };
  EXPECT_FALSE(noted(0)) << "the group has not said yet what is held here";
  reader.held = {{0, 4}};
  EXPECT_FALSE(noted(0)) << "an event waits";
  reader.held = {{0, 5}, {1, 7}};
  EXPECT_TRUE(noted(0));
  EXPECT_FALSE(noted(0)) << "again is for the sweep";
  reader.held = {};
  EXPECT_FALSE(noted(0));
  reader.held = {{0, 5}};
  EXPECT_TRUE(noted(0)) << "it came back";
}

TEST_F(KeeperTest, NothingIsTakenForUnusedBeforeAllShardsWereReadToTheirEnds) {
  ListReader first;  // of one replica, which holds shard 0
  struct : ListReader {
    std::map<int, int64_t> Held() override { return {{1, committed}}; }
  } second;
  Ends ends;
  ends.of = {{0, 5}, {1, 7}};
  Keeper one(&store_, {{"intake", &first, &ends, 2}}, [this] { return now_; });
  Keeper two(&store_, {{"intake", &second, &ends, 2}}, [this] { return now_; });
  const auto swept = [&](Keeper& keeper, const std::string& upload) {
    EXPECT_TRUE(keeper.Sweep().ok());
    return !Has(kMediaBucket, upload + "/photo.jpg");
  };
  Upload("u-1");
  now_ += Keeper::kUnusedLife + absl::Hours(1);
  second.committed = 7;
  EXPECT_FALSE(swept(two, "u-1")) << "shard 0 was never read to its end";
  EXPECT_FALSE(swept(one, "u-1")) << "five events wait";
  first.committed = 5;
  EXPECT_TRUE(swept(one, "u-1"));

  Upload("u-2");
  now_ += Keeper::kUnusedLife + absl::Hours(1);
  EXPECT_FALSE(swept(one, "u-2")) << "the end of shard 1 was read before the upload could be named";
  EXPECT_TRUE(swept(two, "u-2"));
}

}  // namespace
}  // namespace civicmesh::media
