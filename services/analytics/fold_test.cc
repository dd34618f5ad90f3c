// The fold over in-memory logs: what it takes, what it passes over, when it is whole.
#include "services/analytics/fold.h"

#include <gtest/gtest.h>

#include <thread>

#include "services/analytics/domain/case_story_for_tests.h"
#include "services/analytics/event_records.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/journal/memory_journal.h"

namespace civicmesh::analytics {
namespace {

class FoldTest : public testing::Test {
 protected:
  void Append(const Told& told, EventId id) { Append(told, told.event->SerializeAsString(), EventHeaders(told, id)); }
  void Append(const Told& told, std::string value, Headers headers) {
    MemoryJournal& journal = told.domain == "intake" ? intake_ : dispatch_;
    ASSERT_TRUE(journal.NewAppender()->Append({Topic::kEvents, told.shard}, std::move(value), std::move(headers)).ok());
  }
  void Turn(int max = 100) {
    fold_.Turn(0, max, 0);
    fold_.Turn(1, max, 0);
  }
  PartitionProgress Of(const std::string& domain, int shard) {
    const auto progress = fold_.Progress();
    for (const auto& at : *progress)
      if (at.domain == domain && at.shard == shard) return at;
    ADD_FAILURE() << domain << " " << shard;
    return {};
  }
  size_t Cases() {
    size_t count = 0;
    fold_.Read([&](const Facts& facts) { count = facts.cases().size(); });
    return count;
  }

  FakeClock clock_;
  MemoryLog intake_log_{2, [this] { return clock_.wall_ms(); }}, dispatch_log_{2, [this] { return clock_.wall_ms(); }};
  MemoryJournal intake_{&intake_log_}, dispatch_{&dispatch_log_};
  Fold fold_{{{"intake", &intake_}, {"dispatch", &dispatch_}}, &clock_};
  // Three events, shard 1 of dispatch.
  const Tale tale_ =
      CaseStory("c1", {.shard = 1}).Opened("10-08 09:00").Accepted("10-08 09:05").Registered("10-08 09:10").tale;
};

TEST_F(FoldTest, IsWholeOnceEveryPartitionHasBeenReadToItsEnd) {
  for (int i = 0; i < 3; ++i) Append(tale_[i], {10 + i, 0});
  EXPECT_FALSE(fold_.loaded());
  fold_.Turn(0, 100, 0);
  EXPECT_FALSE(fold_.loaded());
  fold_.Turn(1, 2, 0);
  EXPECT_FALSE(fold_.loaded());
  EXPECT_EQ(Of("dispatch", 1).next, 2);
  Turn();
  Turn();
  EXPECT_TRUE(fold_.loaded());
  EXPECT_TRUE(fold_.Health().ok()) << fold_.Health();
  const auto at = Of("dispatch", 1);
  EXPECT_EQ(at.next, 3);
  EXPECT_EQ(at.end, 3);
  EXPECT_EQ(at.last.highest, (EventId{12, 0}));
  EXPECT_EQ(at.last.last_ms, At("10-08 09:10"));
  EXPECT_EQ(at.applied, 3u);
}

TEST_F(FoldTest, IgnoresWhatAPublisherRepeatsAfterATakeover) {
  Append(tale_[0], {9, 0});
  Append(tale_[1], {9, 1});
  Append(tale_[0], {9, 0});
  Append(tale_[1], {9, 1});
  Append(tale_[2], {10, 0});  // as a number above 9, as text below
  Turn();
  EXPECT_EQ(Of("dispatch", 1).applied, 3u);
  EXPECT_EQ(Of("dispatch", 1).repeated, 2u);
  fold_.Read([](const Facts& facts) { EXPECT_EQ(facts.cases()[0].steps.size(), 3u); });
}

TEST_F(FoldTest, PassesOverWhatNoFigureNeedsAndWhatCannotBeRead) {
  Append(tale_[0], "", EventHeaders(tale_[0], {1, 0}, "civicmesh.dispatch.v1.SomethingNew"));
  Append(tale_[0], "\xff\xff", EventHeaders(tale_[0], {2, 0}));
  Append(tale_[0], tale_[0].event->SerializeAsString(), {});
  Told elsewhere = tale_[0];
  elsewhere.shard = 0;
  Append(tale_[0], tale_[0].event->SerializeAsString(), EventHeaders(elsewhere, {3, 0}));  // says another shard
  Append(tale_[0], {4, 0});
  Turn();
  EXPECT_EQ(Of("dispatch", 1).other, 1u);
  EXPECT_EQ(Of("dispatch", 1).unreadable, 3u);
  EXPECT_EQ(Of("dispatch", 1).applied, 1u);
  EXPECT_EQ(Cases(), 1u);
}

TEST_F(FoldTest, StopsForGoodWhereEventsAreGone) {
  for (int i = 0; i < 3; ++i) Append(tale_[i], {10 + i, 0});
  dispatch_log_.DeleteBefore({Topic::kEvents, 1}, 1);
  Turn();
  Turn();
  EXPECT_TRUE(absl::IsDataLoss(fold_.Health())) << fold_.Health();
  EXPECT_FALSE(fold_.loaded());
}

TEST_F(FoldTest, GoesOnWhereItWasWhenASourceComesBack) {
  Append(tale_[0], {1, 0});
  Turn();
  Turn();
  ASSERT_TRUE(fold_.Health().ok());
  dispatch_log_.Truncate({Topic::kEvents, 0}, 0);  // every reader hears of it
  Turn();
  EXPECT_TRUE(absl::IsUnavailable(fold_.Health())) << fold_.Health();
  EXPECT_TRUE(fold_.loaded());
  Append(tale_[1], {2, 0});
  Turn();
  EXPECT_EQ(Of("dispatch", 1).applied, 1u);
  clock_.Advance(1000);
  Turn();
  Turn();
  EXPECT_TRUE(fold_.Health().ok()) << fold_.Health();
  EXPECT_EQ(Of("dispatch", 1).applied, 2u);
  EXPECT_EQ(Of("dispatch", 1).repeated, 0u);
}

TEST_F(FoldTest, AThreadThatIsStuckIsFoundOut) {
  Turn();
  clock_.Advance(100'000);
  EXPECT_TRUE(absl::IsDeadlineExceeded(fold_.Health()));
}

TEST_F(FoldTest, FollowsOnThreadsOfItsOwn) {
  for (int i = 0; i < 3; ++i) Append(tale_[i], {10 + i, 0});
  fold_.Start();
  absl::Time until = absl::Now() + absl::Seconds(20);
  while (!fold_.loaded() && absl::Now() < until) std::this_thread::yield();
  fold_.Stop();
  EXPECT_EQ(Cases(), 1u);
}

}  // namespace
}  // namespace civicmesh::analytics
