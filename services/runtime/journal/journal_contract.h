// What every Journal must do: one suite that the in-memory log and Kafka both pass.
//
//   INSTANTIATE_TEST_SUITE_P(Memory, JournalContract, testing::Values(JournalMaker{
//       "memory", [](int shards) { return std::make_unique<MemoryJournal>(shards); },
//       [](Journal& journal, LogAppender& session) { … }}), JournalMaker::Name);
//
// All waiting is done inside Poll, so a single-threaded twin may move things there.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/runtime/journal/journal.h"

namespace civicmesh {

struct JournalMaker {
  std::string name;
  // A fresh, empty log of so many shards. It takes at least 900,000 bytes per record and refuses 16 MiB.
  std::function<std::unique_ptr<Journal>(int shards)> make;
  // Makes the log fail under `session`; may append to the parked topic's shard 0. Health() turns UNAVAILABLE soon
  // after.
  std::function<void(Journal& journal, LogAppender& session)> kill;

  static std::string Name(const testing::TestParamInfo<JournalMaker>& info) { return info.param.name; }
  friend void PrintTo(const JournalMaker& maker, std::ostream* out) { *out << maker.name; }
};

// Keeps what it is handed, and checks what must hold at every moment.
class RecordingSink : public LogSink {
 public:
  struct Seen {
    std::vector<LogRecord> records;
    std::vector<int64_t> ends;
    std::vector<absl::Status> troubles;
    int64_t next = -1;  // the offset that must come next; -1: any
  };

  void OnRecord(Partition from, LogRecord record) override {
    Seen& seen = partitions[from];
    EXPECT_TRUE(seen.next < 0 || seen.next == record.offset)
        << "a gap, a repetition or a record of an earlier Start: " << record.offset << " for " << seen.next;
    seen.next = record.offset + 1;
    seen.records.push_back(std::move(record));
  }
  void OnEnd(Partition from, int64_t offset) override {
    Seen& seen = partitions[from];
    EXPECT_TRUE(seen.next < 0 || seen.next == offset) << "an end that is not where the reader stands: " << offset;
    seen.ends.push_back(offset);
  }
  void OnTrouble(Partition from, absl::Status why) override { partitions[from].troubles.push_back(std::move(why)); }

  // Before Start: what comes from now on begins at `offset`.
  void Expect(Partition from, int64_t offset) {
    partitions[from] = Seen{};
    partitions[from].next = offset;
  }
  std::vector<std::string> Values(Partition from) {
    std::vector<std::string> values;
    for (const LogRecord& record : partitions[from].records) values.push_back(record.value);
    return values;
  }

  std::map<Partition, Seen> partitions;
};

class JournalContract : public testing::TestWithParam<JournalMaker> {
 protected:
  static constexpr Partition kInbox1{Topic::kInbox, 1};
  static constexpr Partition kJournal0{Topic::kJournal, 0};
  static constexpr Partition kJournal2{Topic::kJournal, 2};

  void SetUp() override {
    journal_ = GetParam().make(3);
    ASSERT_NE(journal_, nullptr);
    reader_ = journal_->NewReader();
  }

  // Polls until `reached`; false after half a minute.
  bool PollUntil(const std::function<bool()>& reached) {
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!reached()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      reader_->Poll(sink_, 1000, 20);
    }
    return true;
  }
  bool PollUntilCount(Partition at, size_t count) {
    return PollUntil([&] { return sink_.partitions[at].records.size() >= count; });
  }

  void Start(Partition at, int64_t offset) {
    sink_.Expect(at, offset);
    reader_->Start(at, offset);
  }

  // Appends "<prefix>0", "<prefix>1", … and waits until the log has them.
  void Fill(Partition at, int count, const std::string& prefix = "v") {
    auto session = journal_->NewAppender();
    auto landed = std::make_shared<std::atomic<int>>(0);
    for (int i = 0; i < count; ++i)
      ASSERT_TRUE(session
                      ->Append(at, prefix + std::to_string(i), {},
                               [landed](absl::StatusOr<int64_t> offset) {
                                 EXPECT_TRUE(offset.ok()) << offset.status();
                                 ++*landed;
                               })
                      .ok());
    ASSERT_TRUE(PollUntil([&] { return *landed == count; }));
  }

  std::unique_ptr<Journal> journal_;
  RecordingSink sink_;
  std::unique_ptr<LogReader> reader_;
};

TEST_P(JournalContract, HasTheShardsAskedFor) { EXPECT_EQ(journal_->shards(), 3); }

TEST_P(JournalContract, OneSessionKeepsItsOrderFromOffsetZero) {
  auto session = journal_->NewAppender();
  std::vector<std::string> expected;
  auto landed = std::make_shared<std::atomic<int>>(0);
  for (int i = 0; i < 300; ++i) {
    expected.push_back("r" + std::to_string(i));
    ASSERT_TRUE(session
                    ->Append(kJournal0, expected.back(), {},
                             [landed, i](absl::StatusOr<int64_t> offset) {
                               EXPECT_EQ(offset.value_or(-1), i);
                               ++*landed;
                             })
                    .ok());
  }
  Start(kJournal0, 0);
  ASSERT_TRUE(PollUntilCount(kJournal0, 300));
  EXPECT_EQ(sink_.Values(kJournal0), expected);
  EXPECT_TRUE(PollUntil([&] { return *landed == 300; }));
  EXPECT_TRUE(session->Health().ok());
}

TEST_P(JournalContract, EveryPartitionCountsForItself) {
  auto session = journal_->NewAppender();
  std::vector<Partition> all;
  for (Topic topic : {Topic::kInbox, Topic::kJournal, Topic::kEvents, Topic::kParked})
    for (int shard = 0; shard < 3; ++shard) all.push_back({topic, shard});
  for (int i = 0; i < 5; ++i)
    for (Partition at : all) ASSERT_TRUE(session->Append(at, std::to_string(i), {}).ok());
  for (Partition at : all) Start(at, 0);
  for (Partition at : all) ASSERT_TRUE(PollUntilCount(at, 5));
  for (Partition at : all) EXPECT_THAT(sink_.Values(at), testing::ElementsAre("0", "1", "2", "3", "4"));
}

TEST_P(JournalContract, InboxIsStampedAndNeverGoesBack) {
  Fill(kInbox1, 100);
  Fill(kInbox1, 100);
  Start(kInbox1, 0);
  ASSERT_TRUE(PollUntilCount(kInbox1, 200));
  int64_t last = 0;
  for (const LogRecord& record : sink_.partitions[kInbox1].records) {
    EXPECT_GE(record.time_ms, last);
    last = record.time_ms;
  }
  EXPECT_GT(last, 0);
}

TEST_P(JournalContract, KeepsBytesAndHeaders) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  const Headers headers = {{"ce_id", "a/1/2/3"}, {"bin", bytes}, {"empty", ""}, {"ce_id", "again"}};
  auto session = journal_->NewAppender();
  ASSERT_TRUE(session->Append(kJournal0, bytes, headers).ok());
  ASSERT_TRUE(session->Append(kJournal0, "", {}).ok());
  ASSERT_TRUE(session->Append(kJournal0, std::string(900'000, 'x'), {}).ok());
  Start(kJournal0, 0);
  ASSERT_TRUE(PollUntilCount(kJournal0, 3));
  const auto& records = sink_.partitions[kJournal0].records;
  EXPECT_EQ(records[0].value, bytes);
  EXPECT_EQ(records[0].headers, headers);
  EXPECT_EQ(records[1].value, "");
  EXPECT_TRUE(records[1].headers.empty());
  EXPECT_EQ(records[2].value.size(), 900'000u);
}

TEST_P(JournalContract, TellsTheEndEachTimeItIsReached) {
  Start(kJournal0, 0);
  ASSERT_TRUE(PollUntil([&] { return !sink_.partitions[kJournal0].ends.empty(); }));
  EXPECT_EQ(sink_.partitions[kJournal0].ends.front(), 0);
  Fill(kJournal0, 4);
  auto end_is = [&](int64_t offset) { return sink_.partitions[kJournal0].ends.back() == offset; };
  ASSERT_TRUE(PollUntil([&] { return end_is(4); }));
  EXPECT_EQ(sink_.partitions[kJournal0].records.size(), 4u);
  // A new Start at the end hears of it too, though nothing was appended.
  Start(kJournal0, 4);
  ASSERT_TRUE(PollUntil([&] { return !sink_.partitions[kJournal0].ends.empty(); }));
  EXPECT_TRUE(end_is(4));
}

TEST_P(JournalContract, StartsInTheMiddle) {
  Fill(kJournal0, 10);
  Start(kJournal0, 7);
  ASSERT_TRUE(PollUntilCount(kJournal0, 3));
  EXPECT_THAT(sink_.Values(kJournal0), testing::ElementsAre("v7", "v8", "v9"));
}

TEST_P(JournalContract, StartOutsideTheLogIsTrouble) {
  Fill(kJournal0, 3);
  for (int64_t outside : {int64_t{4}, int64_t{1000}, int64_t{-1}, int64_t{-2}}) {
    sink_.Expect(kJournal0, -1);
    reader_->Start(kJournal0, outside);
    ASSERT_TRUE(PollUntil([&] { return !sink_.partitions[kJournal0].troubles.empty(); })) << outside;
    EXPECT_TRUE(absl::IsOutOfRange(sink_.partitions[kJournal0].troubles[0])) << sink_.partitions[kJournal0].troubles[0];
  }
  // It is not read any further, until Start; other partitions go on.
  Start(kJournal2, 0);
  Fill(kJournal0, 3);
  Fill(kJournal2, 1);
  ASSERT_TRUE(PollUntilCount(kJournal2, 1));
  EXPECT_TRUE(sink_.partitions[kJournal0].records.empty());
  EXPECT_EQ(sink_.partitions[kJournal0].troubles.size(), 1u);
  Start(kJournal0, 4);
  ASSERT_TRUE(PollUntilCount(kJournal0, 2));
  EXPECT_TRUE(sink_.partitions[kJournal0].troubles.empty());
}

TEST_P(JournalContract, TroubleOfAReplacedPositionIsNotTold) {
  Fill(kJournal0, 3);
  for (int round = 0; round < 5; ++round) {
    reader_->Start(kJournal0, 1000);
    if (round % 2) reader_->Stop(kJournal0);
    reader_->Start(kJournal0, -1);
    Start(kJournal0, 0);
    EXPECT_TRUE(PollUntil([&] { return !sink_.partitions[kJournal0].ends.empty(); }));
    ASSERT_THAT(sink_.partitions[kJournal0].troubles, testing::IsEmpty());
    EXPECT_EQ(sink_.partitions[kJournal0].records.size(), 3u);
  }
}

TEST_P(JournalContract, StartReplacesThePosition) {
  Fill(kJournal0, 500);
  Start(kJournal0, 0);
  ASSERT_TRUE(PollUntil([&] {
    reader_->Poll(sink_, 1, 20);
    return !sink_.partitions[kJournal0].records.empty();
  }));
  // Much is read ahead by now; none of it may come. The sink knows what must come next.
  for (int64_t offset : {1, 400, 0, 2, 499, 3}) {
    Start(kJournal0, offset);
    ASSERT_TRUE(PollUntilCount(kJournal0, 1));
  }
  for (int64_t offset : {9, 8, 7, 6, 5}) Start(kJournal0, offset);
  ASSERT_TRUE(PollUntilCount(kJournal0, 495));
  EXPECT_EQ(sink_.Values(kJournal0).front(), "v5");
}

TEST_P(JournalContract, StopEndsDelivery) {
  Fill(kJournal0, 50);
  Start(kJournal0, 0);
  reader_->Poll(sink_, 1, 1000);
  reader_->Stop(kJournal0);
  size_t before = sink_.partitions[kJournal0].records.size();
  Start(kJournal2, 0);
  Fill(kJournal0, 5);
  Fill(kJournal2, 5);
  ASSERT_TRUE(PollUntilCount(kJournal2, 5));
  EXPECT_EQ(sink_.partitions[kJournal0].records.size(), before);
  reader_->Stop(kJournal0);  // Again: nothing happens.
  Start(kJournal0, 54);
  ASSERT_TRUE(PollUntilCount(kJournal0, 1));
}

TEST_P(JournalContract, PollDeliversAtMostSoMany) {
  Fill(kJournal0, 20);
  Start(kJournal0, 0);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (size_t total = 0; total < 20 && std::chrono::steady_clock::now() < deadline;) {
    const int delivered = reader_->Poll(sink_, 1, 20);
    EXPECT_LE(delivered, 1);
    total += delivered;
    EXPECT_EQ(sink_.partitions[kJournal0].records.size(), total);
  }
  EXPECT_EQ(sink_.partitions[kJournal0].records.size(), 20u);
}

TEST_P(JournalContract, TwoSessionsInterleaveAndKeepTheirOrder) {
  auto a = journal_->NewAppender();
  auto b = journal_->NewAppender();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(a->Append(kJournal0, "a" + std::to_string(i), {}).ok());
    ASSERT_TRUE(b->Append(kJournal0, "b" + std::to_string(i), {}).ok());
  }
  Start(kJournal0, 0);
  ASSERT_TRUE(PollUntilCount(kJournal0, 200));
  int next_a = 0, next_b = 0;
  for (const std::string& value : sink_.Values(kJournal0)) {
    int& next = value[0] == 'a' ? next_a : next_b;
    EXPECT_EQ(value.substr(1), std::to_string(next++));
  }
  EXPECT_EQ(next_a, 100);
  EXPECT_EQ(next_b, 100);
}

TEST_P(JournalContract, ADeadSessionRefusesForEver) {
  auto session = journal_->NewAppender();
  GetParam().kill(*journal_, *session);
  ASSERT_TRUE(PollUntil([&] { return !session->Health().ok(); }));
  EXPECT_TRUE(absl::IsUnavailable(session->Health())) << session->Health();
  bool called = false;
  absl::Status refused = session->Append(kJournal0, "late", {}, [&](absl::StatusOr<int64_t>) { called = true; });
  EXPECT_TRUE(absl::IsUnavailable(refused)) << refused;
  Fill(kJournal0, 1, "new");  // Another session is not touched by it.
  EXPECT_TRUE(absl::IsUnavailable(session->Health()));
  EXPECT_FALSE(called) << "what was refused at the call must not be answered again";
  Start(kJournal0, 0);
  ASSERT_TRUE(PollUntilCount(kJournal0, 1));
  EXPECT_THAT(sink_.Values(kJournal0), testing::ElementsAre("new0"));
}

TEST_P(JournalContract, EveryDoneIsCalledOnceThoughTheSessionIsDestroyed) {
  auto calls = std::make_shared<std::vector<std::atomic<int>>>(200);
  auto session = journal_->NewAppender();
  for (int i = 0; i < 200; ++i)
    ASSERT_TRUE(session
                    ->Append(kJournal0, "x", {},
                             [calls, i](absl::StatusOr<int64_t> offset) {
                               EXPECT_TRUE(offset.ok() || absl::IsUnavailable(offset.status())) << offset.status();
                               ++(*calls)[i];
                             })
                    .ok());
  session.reset();
  EXPECT_TRUE(PollUntil([&] { return testing::Value(*calls, testing::Each(testing::Ge(1))); }));
  EXPECT_THAT(*calls, testing::Each(testing::Eq(1)));
}

TEST_P(JournalContract, AnOversizeRecordIsRefusedAndTheSessionLives) {
  auto session = journal_->NewAppender();
  absl::Status refused = session->Append(kJournal0, std::string(16 << 20, 'x'), {});
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_TRUE(session->Health().ok());
  ASSERT_TRUE(session->Append(kJournal0, "small", {}).ok());
  Start(kJournal0, 0);
  ASSERT_TRUE(PollUntilCount(kJournal0, 1));
  EXPECT_THAT(sink_.Values(kJournal0), testing::ElementsAre("small"));
}

TEST_P(JournalContract, ReadAtBringsOneRecord) {
  Fill(kJournal0, 10);
  auto session = journal_->NewAppender();
  ASSERT_TRUE(session->Append(kJournal0, "headed", {{"k", "w"}}).ok());
  Start(kJournal0, 10);
  ASSERT_TRUE(PollUntilCount(kJournal0, 1));
  for (int64_t offset : {3, 9, 0}) {
    auto record = reader_->ReadAt(kJournal0, offset);
    ASSERT_TRUE(record.ok()) << record.status();
    EXPECT_EQ(record->offset, offset);
    EXPECT_EQ(record->value, "v" + std::to_string(offset));
  }
  auto headed = reader_->ReadAt(kJournal0, 10);
  ASSERT_TRUE(headed.ok()) << headed.status();
  EXPECT_EQ(headed->headers, (Headers{{"k", "w"}}));
  for (int64_t outside : {11, 500, -1}) {
    auto none = reader_->ReadAt(kJournal0, outside);
    EXPECT_TRUE(absl::IsNotFound(none.status())) << outside << ": " << none.status();
  }
  Fill(kJournal0, 1);  // What was started goes on where it stood.
  EXPECT_TRUE(PollUntilCount(kJournal0, 2));
}

TEST_P(JournalContract, BoundsAreTheEnds) {
  auto empty = reader_->GetBounds(kJournal0);
  ASSERT_TRUE(empty.ok()) << empty.status();
  EXPECT_EQ(empty->begin, 0);
  EXPECT_EQ(empty->end, 0);
  Fill(kJournal0, 6);
  auto filled = reader_->GetBounds(kJournal0);
  ASSERT_TRUE(filled.ok()) << filled.status();
  EXPECT_EQ(filled->begin, 0);
  EXPECT_EQ(filled->end, 6);
}

TEST_P(JournalContract, TwoReadersDoNotKnowOfEachOther) {
  Fill(kJournal0, 5);
  Start(kJournal0, 0);
  auto other = journal_->NewReader();
  RecordingSink others;
  others.Expect(kJournal0, 3);
  other->Start(kJournal0, 3);
  ASSERT_TRUE(PollUntil([&] {
    other->Poll(others, 10, 20);
    return others.partitions[kJournal0].records.size() == 2 && sink_.partitions[kJournal0].records.size() == 5;
  }));
}

TEST_P(JournalContract, WakeEndsAWaitingPollOrTheNextOne) {
  auto begin = std::chrono::steady_clock::now();
  reader_->Wake();
  EXPECT_EQ(reader_->Poll(sink_, 10, 60'000), 0);
  std::thread waker([&] { reader_->Wake(); });
  EXPECT_EQ(reader_->Poll(sink_, 10, 60'000), 0);
  waker.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
}

}  // namespace civicmesh
