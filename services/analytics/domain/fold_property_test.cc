// Random districts, folded in random interleavings of their partitions, repeated, cut off: the figures must not notice.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/analytics/domain/amount_stories_for_tests.h"
#include "services/analytics/domain/case_story_for_tests.h"
#include "services/analytics/domain/figures.h"
#include "services/analytics/domain/report_stories_for_tests.h"
#include "services/analytics/domain/tales_for_tests.h"

namespace civicmesh::analytics {
namespace {

constexpr int kSeeds = 15;
constexpr int kCases = 60;

// One event with the id that it keeps however often it is told.
struct Numbered {
  Told told;
  EventId id;
};
// The events of one partition, in order.
using Partition = std::vector<Numbered>;

class District {
 public:
  explicit District(uint32_t seed) : random_(seed) {
    for (int i = 0; i < kCases; ++i) TellCase(i);
    for (int i = 0; i < 40; ++i) TellAlert(i);
    for (int i = 0; i < 20; ++i) TellPoints(i);
  }

  // By partition, in the order of their times.
  std::vector<Partition> Partitions() {
    std::map<std::pair<std::string, int>, Partition> by;
    std::stable_sort(tale_.begin(), tale_.end(), [](const Told& a, const Told& b) { return a.at_ms < b.at_ms; });
    for (const Told& told : tale_) {
      Partition& partition = by[{told.domain, told.shard}];
      // Records with several events, and offsets that are no events of ours.
      const EventId id = partition.empty() ? EventId{7, 0}
                         : Chance(0.2)     ? EventId{partition.back().id.offset, partition.back().id.index + 1}
                                           : EventId{partition.back().id.offset + Between(1, 4), 0};
      partition.push_back({told, id});
    }
    std::vector<Partition> all;
    for (auto& [of, partition] : by) all.push_back(std::move(partition));
    return all;
  }

  int Between(int low, int high) { return std::uniform_int_distribution<>(low, high)(random_); }
  bool Chance(double p) { return std::bernoulli_distribution(p)(random_); }
  std::mt19937& random() { return random_; }

 private:
  // Minutes after the first of September.
  static std::string Text(int minute) {
    const absl::CivilMinute at = absl::CivilMinute(2026, 9, 1) + minute;
    return absl::StrFormat("%02d-%02d %02d:%02d", at.month(), at.day(), at.hour(), at.minute());
  }
  void Keep(const Tale& tale) { tale_.insert(tale_.end(), tale.begin(), tale.end()); }

  void TellCase(int i) {
    using namespace intake::v1;
    const std::string n = absl::StrCat(i);
    int t = Between(0, 80 * 24 * 60);
    const auto next = [&] { return Text(t += Between(0, 600)); };
    ReportStory report("r" + n, {.source = static_cast<type::v1::ReportSource>(Between(1, 9)), .shard = Between(0, 3)});
    CaseStory c("c" + n, {.report = Chance(0.9) ? "r" + n : "",
                          .reported = Text(t),
                          .grid = absl::StrCat("99010100", Between(1, 4), "001001"),
                          .major = absl::StrCat("M", Between(1, 3)),
                          .shard = Between(0, 3)});
    report.Submitted(Text(t)).Forwarded(next());
    c.Opened(next());
    if (Chance(0.3)) {
      ReportStory other("m" + n, {.shard = Between(0, 3)});
      other.Submitted(next());
      c.Merged(next(), "m" + n);
      Keep(other.Notified(next(), NOTICE_KIND_MERGED).tale);
    }
    const bool withdrawn = Chance(0.1);
    if (withdrawn) report.Withdrawn(next());
    c.Accepted(next());
    if (Chance(0.1)) {
      c.Declined(next());
      report.Notified(next(), NOTICE_KIND_DECLINED);
      return Keep(Together(c, report));
    }
    c.Registered(next());
    const auto dispatch = [&] {
      const std::string at = next();
      c.Dispatched(
          at,
          {.due = Text(t + Between(60, 3000)), .unit = absl::StrCat("u-", Between(1, 4)), .provisional = Chance(0.05)});
    };
    dispatch();
    if (Chance(0.2)) {
      c.Returned(next());
      dispatch();
    }
    if (Chance(0.9)) c.Signed(next());
    if (!withdrawn && Chance(0.8)) report.Notified(next(), NOTICE_KIND_SIGNED);
    if (Chance(0.2)) {
      c.Postponed(next());
      if (Chance(0.5)) return Keep(Together(c, report));
      const std::string at = next();
      c.Resumed(at, Text(t + Between(0, 20 * 24 * 60)));
    }
    if (Chance(0.2)) {
      const std::string at = next();
      c.Extended(at, Text(t + Between(-500, 40 * 24 * 60)));
    }
    if (Chance(0.8)) c.FedBack(next());
    if (Chance(0.2)) c.Reworked(next()).FedBack(next());
    if (Chance(0.8)) c.Closed(next());
    if (Chance(0.5)) c.Revisited(next(), static_cast<dispatch::v1::Rating>(Between(0, 5)));
    Keep(Together(c, report));
  }

  void TellAlert(int i) {
    AlertStory alert(absl::StrCat("al", i), Between(1, 12));
    int t = Between(0, 80 * 24 * 60);
    alert.Raised(Text(t));
    if (Chance(0.8)) alert.Reviewed(Text(t + Between(0, 600)), Chance(0.9), Between(0, 12));
    Keep(alert.tale);
  }

  void TellPoints(int i) {
    AccountStory account(absl::StrCat("a", i), Between(0, 3));
    ActivityStory activity;
    for (int t = Between(0, 9000); t < 80 * 24 * 60; t += Between(0, 30000)) {
      account.Granted(Text(t), Between(1, 30));
      if (Chance(0.1)) account.Expired(Text(t), 1);
      if (Chance(0.3)) account.Redeemed(Text(t), Between(1, 30)).Reversed(Text(t), 1);
      activity.Confirmed(Text(t), absl::StrCat("v", Between(1, 3)), "p", Between(30, 240));
    }
    Keep(Together(account, activity));
  }

  std::mt19937 random_;
  Tale tale_;
};

bool Tell(Facts& facts, const Numbered& n) {
  return facts.Apply({.domain = n.told.domain, .shard = n.told.shard, .id = n.id}, *n.told.event);
}

// Every figure and every member, as of a moment, of three months and three breakdowns.
std::string Everything(const Facts& facts, int64_t as_of_ms) {
  std::string all;
  for (const char* month : {"2026-09", "2026-10", "2026-11"}) {
    const Span span = *MonthNamed(month);
    const Question q{.from_ms = span.from_ms, .to_ms = span.to_ms, .as_of_ms = as_of_ms};
    for (const KpiDefinition& kpi : Kpis()) {
      for (const auto by : {v1::GROUP_BY_UNSPECIFIED, v1::GROUP_BY_STREET, v1::GROUP_BY_UNIT})
        absl::StrAppend(&all, ComputeKpi(kpi, facts, q, by).DebugString());
      for (const auto part : {v1::KPI_PART_NUMERATOR, v1::KPI_PART_DENOMINATOR, v1::KPI_PART_EXCLUDED})
        for (const auto& member : ListMembers(kpi, facts, q, {.part = part, .size = 100000}).members)
          absl::StrAppend(&all, member.ShortDebugString(), "\n");
    }
  }
  return all;
}

Facts InSequence(const std::vector<Partition>& partitions) {
  Facts facts;
  for (const Partition& partition : partitions)
    for (const Numbered& n : partition) EXPECT_TRUE(Tell(facts, n));
  return facts;
}

TEST(FoldProperty, AnyInterleavingOfPartitionsGivesTheSameFigures) {
  for (int seed = 1; seed <= kSeeds; ++seed) {
    District district(seed);
    const auto partitions = district.Partitions();
    const Facts expected = InSequence(partitions);
    Facts facts;
    std::vector<size_t> next(partitions.size());
    for (size_t open = partitions.size(); open > 0;) {
      const size_t p = district.Between(0, static_cast<int>(partitions.size()) - 1);
      if (next[p] == partitions[p].size()) continue;
      Tell(facts, partitions[p][next[p]++]);
      if (next[p] == partitions[p].size()) --open;
    }
    ASSERT_EQ(facts.latest_ms(), expected.latest_ms());
    ASSERT_EQ(Everything(facts, expected.latest_ms()), Everything(expected, expected.latest_ms())) << "seed " << seed;
  }
}

TEST(FoldProperty, APrefixToldAgainChangesNothing) {
  for (int seed = 1; seed <= kSeeds; ++seed) {
    District district(seed);
    const auto partitions = district.Partitions();
    const Facts expected = InSequence(partitions);
    Facts facts;
    for (const Partition& partition : partitions) {
      const size_t crash = district.Between(0, static_cast<int>(partition.size()));
      for (size_t i = 0; i < crash; ++i) ASSERT_TRUE(Tell(facts, partition[i]));
      const size_t back = district.Between(0, static_cast<int>(crash));
      for (size_t i = back; i < crash; ++i) ASSERT_FALSE(Tell(facts, partition[i]));
      for (size_t i = crash; i < partition.size(); ++i) ASSERT_TRUE(Tell(facts, partition[i]));
    }
    ASSERT_EQ(Everything(facts, expected.latest_ms()), Everything(expected, expected.latest_ms())) << "seed " << seed;
  }
}

TEST(FoldProperty, AsOfThePastIsWhatWasKnownThen) {
  for (int seed = 1; seed <= kSeeds; ++seed) {
    District district(seed);
    const auto partitions = district.Partitions();
    const Facts all = InSequence(partitions);
    for (int i = 0; i < 3; ++i) {
      const int64_t then = At("09-01 00:00") + int64_t{60000} * district.Between(0, 90 * 24 * 60);
      Facts known;
      for (const Partition& partition : partitions)
        for (const Numbered& n : partition)
          if (n.told.at_ms <= then) Tell(known, n);
      ASSERT_EQ(Everything(all, then), Everything(known, then)) << "seed " << seed << " as of " << then;
    }
  }
}

// What a random district reaches: else the above says nothing.
TEST(FoldProperty, TheDistrictsFillEveryFigure) {
  std::set<std::string> filled, excluded;
  for (int seed = 1; seed <= kSeeds; ++seed) {
    District district(seed);
    const Facts facts = InSequence(district.Partitions());
    const Span month = *MonthNamed("2026-10");
    for (const KpiDefinition& kpi : Kpis()) {
      const v1::Kpi computed =
          ComputeKpi(kpi, facts, {month.from_ms, month.to_ms, facts.latest_ms()}, v1::GROUP_BY_UNSPECIFIED);
      for (const auto& figure : computed.figures()) {
        if (figure.numerator() > 0 && figure.numerator() != figure.denominator()) filled.insert(kpi.id);
        for (const auto& e : figure.exclusions()) excluded.insert(v1::KpiExclusion_Name(e.reason()));
      }
    }
  }
  std::set<std::string> all;
  for (const KpiDefinition& kpi : Kpis()) all.insert(kpi.id);
  EXPECT_EQ(filled, all);
  EXPECT_EQ(excluded.size(), 8u);
}

}  // namespace
}  // namespace civicmesh::analytics
