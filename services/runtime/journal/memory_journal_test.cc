#include "services/runtime/journal/memory_journal.h"

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "services/runtime/journal/journal_contract.h"

namespace civicmesh {
namespace {

// A journal with a log of its own, whose clock goes one millisecond further with each look.
struct OwnLog {
  int64_t now_ms = 1000;
  MemoryLog log;
  explicit OwnLog(int shards) : log(shards, [this] { return ++now_ms; }) {}
};
class OwningJournal : private OwnLog, public MemoryJournal {
 public:
  explicit OwningJournal(int shards) : OwnLog(shards), MemoryJournal(&log) {}
  MemoryLog& broker() { return log; }
};

INSTANTIATE_TEST_SUITE_P(Memory, JournalContract,
                         testing::Values(JournalMaker{
                             "memory", [](int shards) { return std::make_unique<OwningJournal>(shards); },
                             [](Journal& journal, LogAppender&) {
                               auto& log = static_cast<OwningJournal&>(journal).broker();
                               for (const auto& session : log.sessions()) log.Kill(*session);
                             }}),
                         JournalMaker::Name);

constexpr Partition kJournal{Topic::kJournal, 0};

// Appends `value`; what its `done` is told goes to `heard`.
void Queue(LogAppender& session, const char* value, std::vector<absl::StatusOr<int64_t>>& heard,
           Partition at = kJournal) {
  ASSERT_TRUE(session.Append(at, value, {}, [&](auto offset) { heard.push_back(offset); }).ok());
}

std::vector<std::string> Values(MemoryLog& log, Partition at = kJournal) {
  std::vector<std::string> values;
  for (const LogRecord& record : log.records(at)) values.push_back(record.value);
  return values;
}

using testing::ElementsAre;

TEST(MemoryLog, ManualAppendsLandOneByOneAndTheObserverSeesThem) {
  OwningJournal journal(1);
  MemoryLog& log = journal.broker();
  log.manual = true;
  std::vector<std::string> seen;
  log.on_land = [&](Partition at, const LogRecord& record) {
    EXPECT_EQ(at, kJournal);
    EXPECT_EQ(record.offset, static_cast<int64_t>(seen.size()));
    seen.push_back(record.value);
  };
  std::vector<absl::StatusOr<int64_t>> heard;
  auto a = journal.NewAppender();
  auto b = journal.NewAppender();
  Queue(*a, "a0", heard);
  Queue(*a, "a1", heard);
  Queue(*b, "b0", heard);
  EXPECT_TRUE(log.records(kJournal).empty());
  log.Land(*log.sessions().front());
  log.Land(*log.sessions().back());
  log.Land(*log.sessions().front());
  EXPECT_THAT(seen, ElementsAre("a0", "b0", "a1"));
  ASSERT_EQ(heard.size(), 3u);
  for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(heard[i].value_or(-1), i);
}

TEST(MemoryLog, AZombiesAppendLandsLateAndNobodyHearsThatItLanded) {
  OwningJournal journal(1);
  MemoryLog& log = journal.broker();
  log.manual = true;
  std::vector<absl::StatusOr<int64_t>> heard;
  auto zombie = journal.NewAppender();
  Queue(*zombie, "late", heard);
  zombie.reset();
  auto next = journal.NewAppender();
  ASSERT_TRUE(next->Append(kJournal, "next", {}).ok());
  log.Land(*log.sessions().back());
  log.Land(*log.sessions().front());
  ASSERT_EQ(log.records(kJournal).size(), 2u);
  EXPECT_EQ(log.records(kJournal)[1].value, "late");
  ASSERT_EQ(heard.size(), 1u) << "told once, when the session was destroyed";
  EXPECT_TRUE(absl::IsUnavailable(heard[0].status()));
  EXPECT_EQ(log.sessions().size(), 1u) << "the zombie's session is forgotten when nothing of it is in flight";
}

TEST(MemoryLog, ALostAppendEndsTheSessionAndLaterOnesStillLand) {
  OwningJournal journal(1);
  MemoryLog& log = journal.broker();
  log.manual = true;
  auto session = journal.NewAppender();
  std::vector<absl::StatusOr<int64_t>> heard;
  Queue(*session, "one", heard);
  Queue(*session, "two", heard);
  log.Lose(*log.sessions().front());
  EXPECT_FALSE(session->Health().ok());
  ASSERT_EQ(heard.size(), 2u) << "of what follows it is unknown whether it lands";
  log.Land(*log.sessions().front());
  EXPECT_THAT(Values(log), ElementsAre("two"));
  ASSERT_EQ(heard.size(), 2u);
  for (auto& told : heard) EXPECT_TRUE(absl::IsUnavailable(told.status()));
}

TEST(MemoryLog, AnIdempotentSessionLeavesNoGapOutsideTheJournal) {
  OwningJournal journal(1);
  MemoryLog& log = journal.broker();
  log.manual = true;
  constexpr Partition kEvents{Topic::kEvents, 0}, kInbox{Topic::kInbox, 0};
  std::vector<absl::StatusOr<int64_t>> heard;
  auto session = journal.NewAppender();
  Queue(*session, "e0", heard, kEvents);
  Queue(*session, "i0", heard, kInbox);
  Queue(*session, "e1", heard, kEvents);
  log.Lose(*log.sessions().front());
  ASSERT_EQ(log.sessions().front()->queue.size(), 1u);
  log.Land(*log.sessions().front());
  EXPECT_THAT(Values(log, kInbox), ElementsAre("i0"));
  EXPECT_TRUE(log.records(kEvents).empty());
}

TEST(MemoryLog, ALostAcknowledgementAndAKilledSessionLeaveOpenWhatLanded) {
  OwningJournal journal(1);
  MemoryLog& log = journal.broker();
  log.manual = true;
  std::vector<absl::StatusOr<int64_t>> heard;
  auto unheard = journal.NewAppender();
  auto killed = journal.NewAppender();
  Queue(*unheard, "landed", heard);
  Queue(*killed, "open", heard);
  log.LoseAck(*log.sessions().front());
  log.Kill(*log.sessions().back());
  EXPECT_THAT(Values(log), ElementsAre("landed"));
  log.Land(*log.sessions().back());
  EXPECT_THAT(Values(log), ElementsAre("landed", "open"));
  ASSERT_EQ(heard.size(), 2u);
  for (auto& told : heard) EXPECT_TRUE(absl::IsUnavailable(told.status()));
  EXPECT_TRUE(absl::IsUnavailable(unheard->Append(kJournal, "more", {})));
  EXPECT_TRUE(absl::IsUnavailable(killed->Health()));
}

TEST(MemoryLog, ACallbackMayDestroyItsSession) {
  OwningJournal journal(1);
  MemoryLog& log = journal.broker();
  log.manual = true;
  for (auto end : {&MemoryLog::Land, &MemoryLog::Lose, &MemoryLog::LoseAck, &MemoryLog::Kill}) {
    int heard = 0;
    auto session = journal.NewAppender();
    for (int i = 0; i < 2; ++i)
      ASSERT_TRUE(session
                      ->Append(kJournal, "x", {},
                               [&](auto) {
                                 ++heard;
                                 session.reset();
                               })
                      .ok());
    (log.*end)(*log.sessions().back());
    EXPECT_EQ(heard, 2);
    EXPECT_EQ(session, nullptr);
  }
}

TEST(MemoryLog, ABrokersClockMayStepBackAndItsEndMayBeStale) {
  int64_t now_ms = 5000;
  MemoryLog log(1, [&] { return now_ms; });
  MemoryJournal journal(&log);
  auto session = journal.NewAppender();
  ASSERT_TRUE(session->Append(kJournal, "a", {}).ok());
  now_ms -= 3000;
  ASSERT_TRUE(session->Append(kJournal, "b", {}).ok());
  EXPECT_EQ(log.records(kJournal)[0].time_ms, 5000);
  EXPECT_EQ(log.records(kJournal)[1].time_ms, 2000);
  log.on_bounds = [](Partition, Bounds truth) { return Bounds{truth.begin, truth.end - 1}; };
  auto reader = journal.NewReader();
  EXPECT_EQ(reader->GetBounds(kJournal)->end, 1);
  EXPECT_TRUE(reader->ReadAt(kJournal, 1).ok()) << "only what GetBounds says is stale";
}

TEST(MemoryLog, RetentionTakesTheHeadAndAReaderThereHasTrouble) {
  OwningJournal journal(1);
  MemoryLog& log = journal.broker();
  auto session = journal.NewAppender();
  for (const char* value : {"a", "b", "c"}) ASSERT_TRUE(session->Append(kJournal, value, {}).ok());
  auto behind = journal.NewReader();
  auto ahead = journal.NewReader();
  RecordingSink lost, sink;
  behind->Start(kJournal, 0);
  EXPECT_EQ(behind->Poll(lost, 1, 0), 1);
  ahead->Start(kJournal, 2);
  log.DeleteBefore(kJournal, 2);
  behind->Poll(lost, 10, 0);
  ASSERT_EQ(lost.partitions[kJournal].troubles.size(), 1u);
  EXPECT_TRUE(absl::IsOutOfRange(lost.partitions[kJournal].troubles[0]));
  ahead->Poll(sink, 10, 0);
  EXPECT_THAT(sink.Values(kJournal), ElementsAre("c"));
  EXPECT_EQ(ahead->GetBounds(kJournal)->begin, 2);
  EXPECT_TRUE(absl::IsNotFound(ahead->ReadAt(kJournal, 1).status()));
  ASSERT_TRUE(session->Append(kJournal, "d", {}).ok());
  EXPECT_EQ(log.records(kJournal).back().offset, 3) << "offsets go on";
}

TEST(MemoryLog, APowerCutTakesTheTailAndEverybodyHears) {
  OwningJournal journal(1);
  MemoryLog& log = journal.broker();
  auto session = journal.NewAppender();
  for (const char* value : {"a", "b", "c"}) ASSERT_TRUE(session->Append(kJournal, value, {}).ok());
  auto reader = journal.NewReader();
  RecordingSink sink;
  sink.Expect(kJournal, 0);
  reader->Start(kJournal, 0);
  reader->Poll(sink, 100, 0);
  log.manual = true;
  std::vector<absl::StatusOr<int64_t>> heard;
  Queue(*session, "in flight", heard);
  log.Truncate(kJournal, 1);
  reader->Poll(sink, 100, 0);
  EXPECT_THAT(Values(log), ElementsAre("a"));
  EXPECT_TRUE(absl::IsUnavailable(session->Health()));
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_TRUE(absl::IsUnavailable(heard[0].status()));
  EXPECT_TRUE(log.sessions().front()->queue.empty()) << "what was in flight is gone with the broker";
  ASSERT_EQ(sink.partitions[kJournal].troubles.size(), 1u);
  EXPECT_TRUE(absl::IsUnavailable(sink.partitions[kJournal].troubles[0]));
  reader->Start(kJournal, 3);
  reader->Poll(sink, 100, 0);
  ASSERT_EQ(sink.partitions[kJournal].troubles.size(), 2u) << "the log is shorter than what was read";
  EXPECT_TRUE(absl::IsOutOfRange(sink.partitions[kJournal].troubles[1]));
}

TEST(MemoryLog, ShardsThatAreNotThereAreRefused) {
  OwningJournal journal(2);
  auto session = journal.NewAppender();
  EXPECT_TRUE(absl::IsInvalidArgument(session->Append({Topic::kInbox, 2}, "x", {})));
  EXPECT_TRUE(session->Health().ok());
}

}  // namespace
}  // namespace civicmesh
