#include "services/civicctl/replay/schedule.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace civicmesh::civicctl {
namespace {

using testing::ElementsAre;

absl::Time At(int minute) { return absl::UnixEpoch() + absl::Minutes(minute); }

class ScheduleTest : public testing::Test {
 protected:
  void Add(int minute, const std::string& name, Shards touches, Shards holds = {}) {
    schedule_.Add({.at = At(minute),
                   .name = name,
                   .touches = [=] { return touches; },
                   .holds = [=] { return holds; },
                   .start = [this](const Schedule::Id& id) { started_.push_back(id.second); }});
  }
  void Finish(int minute, const std::string& name) { schedule_.Finish({At(minute), name}); }
  std::vector<std::string> Started() {
    schedule_.StartReady();
    return std::exchange(started_, {});
  }

  Schedule schedule_{2, 4, 100};
  std::vector<std::string> started_;
};

TEST_F(ScheduleTest, DifferentShardsAtOnceOneShardInOrderOfTime) {
  Add(2, "b", {{0, 1}});
  Add(1, "a", {{0, 1}});
  Add(3, "c", {{0, 2}});
  EXPECT_THAT(Started(), ElementsAre("a", "c"));
  Finish(1, "a");
  EXPECT_THAT(Started(), ElementsAre("b"));
}

TEST_F(ScheduleTest, WhoWaitsIsNotOvertakenOnAnyOfItsShards) {
  Add(1, "a", {{0, 1}});
  Add(2, "b", {{0, 1}, {1, 3}});
  Add(3, "c", {{1, 3}});
  EXPECT_THAT(Started(), ElementsAre("a"));
}

TEST_F(ScheduleTest, WhatIsHeldIsFreeOnceNarrowed) {
  Add(1, "a", {{0, 1}}, {{1, 2}});
  Add(5, "later", {{1, 2}});
  EXPECT_THAT(Started(), ElementsAre("a"));
  Add(3, "follows", {{1, 2}});
  schedule_.Narrow({At(1), "a"}, {{0, 1}});
  EXPECT_THAT(Started(), ElementsAre("follows"));
  EXPECT_EQ(schedule_.disorder(), 0);
}

TEST_F(ScheduleTest, KnowsTheLatestThoughItMayNotFinishLast) {
  EXPECT_EQ(schedule_.latest(), absl::InfinitePast());
  Add(5, "slow", {{0, 1}});
  Add(9, "fast", {{0, 2}});
  EXPECT_THAT(Started(), ElementsAre("slow", "fast"));
  EXPECT_EQ(schedule_.reached(), At(5));
  EXPECT_EQ(schedule_.latest(), At(9));
}

TEST_F(ScheduleTest, WhatComesTooLateIsCounted) {
  Add(5, "a", {{0, 1}});
  EXPECT_THAT(Started(), ElementsAre("a"));
  Add(3, "late", {{0, 1}});
  EXPECT_EQ(schedule_.disorder(), 1);
}

// Cases live in one shard of each domain; each action of a case is followed by another one a while later, which is
// known only when the action is finished. Whatever the order in which actions finish, each shard sees the same
// sequence.
TEST(ScheduleProperty, EveryShardSeesTheSameSequenceHoweverFastThingsAre) {
  std::vector<std::vector<std::string>> expected;
  for (int round = 0; round < 50; ++round) {
    std::mt19937 speed(round);
    Schedule schedule(2, 3, 100);
    std::vector<std::vector<std::string>> seen(6);
    std::vector<Schedule::Id> under_way;
    std::vector<int> cases_at(20, 0);
    std::function<void(int, int)> add = [&](int c, int step) {
      const int minute = c * 3 + step * (7 + c % 5);
      const Shard home{0, c % 3}, told{1, (c / 3) % 3};
      const Shards touches = step % 2 ? Shards{home, told} : Shards{home};
      schedule.Add({.at = At(minute),
                    .name = absl::StrFormat("%02d/%d", c, step),
                    .touches = [=] { return touches; },
                    .holds =
                        [=] {
                          return Shards{home, told};
                        },
                    .start =
                        [&, touches](const Schedule::Id& id) {
                          for (const Shard& s : touches) seen[s.domain * 3 + s.number].push_back(id.second);
                          under_way.push_back(id);
                        }});
    };
    for (int c = 0; c < 20; ++c) add(c, 0);
    while (!schedule.empty()) {
      schedule.StartReady();
      const size_t one = speed() % under_way.size();
      const Schedule::Id id = under_way[one];
      under_way.erase(under_way.begin() + static_cast<long>(one));
      const int c = std::stoi(id.second.substr(0, 2));
      if (++cases_at[c] < 6) add(c, cases_at[c]);
      schedule.Finish(id);
    }
    EXPECT_EQ(schedule.disorder(), 0);
    if (round == 0) expected = seen;
    EXPECT_EQ(seen, expected) << "round " << round;
  }
}

}  // namespace
}  // namespace civicmesh::civicctl
