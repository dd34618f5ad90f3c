#include "services/runtime/journal/memory_journal.h"

#include <memory>

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

TEST(MemoryLog, AZombiesAppendLandsLateAndNobodyHears) {
  OwningJournal journal(1);
  MemoryLog& log = journal.broker();
  log.manual = true;
  bool heard = false;
  auto zombie = journal.NewAppender();
  ASSERT_TRUE(zombie->Append(kJournal, "late", {}, [&](auto) { heard = true; }).ok());
  zombie.reset();
  auto next = journal.NewAppender();
  ASSERT_TRUE(next->Append(kJournal, "next", {}).ok());
  log.Land(*log.sessions().back());
  log.Land(*log.sessions().front());
  ASSERT_EQ(log.records(kJournal).size(), 2u);
  EXPECT_EQ(log.records(kJournal)[1].value, "late");
  EXPECT_FALSE(heard);
  EXPECT_EQ(log.sessions().size(), 1u) << "the zombie's session is forgotten when nothing of it is in flight";
}

TEST(MemoryLog, ALostAppendEndsTheSessionAndLaterOnesStillLand) {
  OwningJournal journal(1);
  MemoryLog& log = journal.broker();
  log.manual = true;
  auto session = journal.NewAppender();
  absl::StatusOr<int64_t> first = absl::UnknownError("");
  ASSERT_TRUE(session->Append(kJournal, "one", {}, [&](auto at) { first = at; }).ok());
  ASSERT_TRUE(session->Append(kJournal, "two", {}).ok());
  log.Lose(*log.sessions().front());
  EXPECT_TRUE(absl::IsUnavailable(first.status()));
  EXPECT_FALSE(session->Health().ok());
  log.Land(*log.sessions().front());
  EXPECT_EQ(log.records(kJournal)[0].value, "two");
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
  log.Truncate(kJournal, 1);
  reader->Poll(sink, 100, 0);
  EXPECT_EQ(log.records(kJournal).size(), 1u);
  EXPECT_FALSE(session->Health().ok());
  ASSERT_EQ(sink.partitions[kJournal].troubles.size(), 1u);
}

}  // namespace
}  // namespace civicmesh
