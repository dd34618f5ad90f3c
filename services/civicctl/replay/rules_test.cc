#include "services/civicctl/replay/rules.h"

#include <map>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/civicctl/replay/staff.h"

namespace civicmesh::civicctl {
namespace {

const Rules& Seeded() {
  static const Rules rules{Dice("test")};
  return rules;
}

TEST(Rules, SpansKeepTheirBoundsAndSomeAreSlow) {
  int slow = 0;
  for (int i = 0; i < 2000; ++i) {
    const absl::Duration after = Seeded().After(kAccept, std::to_string(i));
    if (after >= absl::Minutes(kAccept.slow_least)) {
      ++slow;
      EXPECT_LE(after, absl::Minutes(kAccept.slow_most));
    } else {
      EXPECT_GE(after, absl::Minutes(kAccept.least));
      EXPECT_LE(after, absl::Minutes(kAccept.most));
    }
  }
  EXPECT_NEAR(slow, 40, 25);
}

TEST(Rules, AFewFeedbacksAreLate) {
  int late = 0;
  for (int i = 0; i < 5000; ++i) {
    const double share = Seeded().ShareOfLimit(std::to_string(i));
    EXPECT_GE(share, 0.15);
    EXPECT_LE(share, 1.5);
    EXPECT_FALSE(share > 0.85 && share < 1.05);
    late += share > 1;
  }
  EXPECT_NEAR(late, 100, 40);
}

TEST(Rules, CitizensAreCalledByDayWithinFourDays) {
  const absl::TimeZone zone = absl::FixedTimeZone(8 * 3600);
  const absl::Time closed = absl::FromCivil(absl::CivilMinute(2026, 9, 30, 23, 50), zone);
  for (int i = 0; i < 500; ++i) {
    const absl::Time at = Seeded().RevisitAt(closed, std::to_string(i));
    const int hour = absl::ToCivilHour(at, zone).hour();
    EXPECT_GT(at, closed);
    EXPECT_LE(absl::ToCivilDay(at, zone), absl::CivilDay(2026, 10, 4));
    EXPECT_TRUE(hour >= 9 && hour <= 17) << at;
  }
}

TEST(Rules, WhoWaitedOrHadItReworkedIsLessContent) {
  std::map<bool, int> content;
  for (int i = 0; i < 2000; ++i)
    for (bool late : {false, true})
      content[late] += Seeded().RatingOf(std::to_string(i), late, false) <= dispatch::v1::RATING_FAIRLY_SATISFIED;
  EXPECT_NEAR(content[false], 1900, 40);
  EXPECT_NEAR(content[true], 1300, 80);
}

TEST(Rules, EveryNumberIsPrinted) {
  const std::vector<std::string> lines = Rules::Describe();
  EXPECT_THAT(lines, testing::Contains(testing::HasSubstr("1-4 min; 2 of 100 take 16-30")));
  EXPECT_THAT(lines, testing::Contains(testing::HasSubstr("15-85 %")));
}

void Hire(reference::v1::Roster& roster, const char* subject, const char* role, const char* unit, const char* area) {
  auto* member = roster.add_members();
  member->set_subject(subject);
  auto* post = member->add_posts();
  post->set_role(role);
  post->set_unit(unit);
  post->set_area(area);
}

reference::v1::Roster SmallRoster() {
  reference::v1::Roster roster;
  Hire(roster, "c1", "COLLECTOR", "", "");
  Hire(roster, "c2", "COLLECTOR", "", "");
  Hire(roster, "c3", "COLLECTOR", "", "990101001");
  Hire(roster, "w1", "UNIT_WORKER", "u1", "");
  return roster;
}

reference::v1::District SmallDistrict() {
  reference::v1::District district;
  for (const char* unit : {"u1", "u2"}) {
    auto* duty = district.add_duties();
    duty->set_id(std::string("duty-") + unit);
    duty->set_unit(unit);
  }
  return district;
}

TEST(Staff, TheSameOneForTheSameThingAndNeverWhoIsLeftOut) {
  const Staff staff(SmallRoster(), SmallDistrict(), Dice("test"));
  std::set<std::string> near;
  for (int i = 0; i < 20; ++i) {
    const std::string what = std::to_string(i);
    EXPECT_EQ(staff.One("COLLECTOR", what).subject, staff.One("COLLECTOR", what).subject);
    EXPECT_EQ(staff.One("COLLECTOR", what, "990101002001001", "c1").subject, "c2");
    near.insert(staff.One("COLLECTOR", what, "990101001001001").subject);
    EXPECT_EQ(staff.DutyOfAnother("u1", what)->unit(), "u2");
  }
  EXPECT_THAT(near, testing::ElementsAre("c1", "c2", "c3"));
  EXPECT_EQ(staff.Worker("u1", "x").subject, "w1");
  EXPECT_EQ(staff.Worker("u9", "x").subject, "");
  EXPECT_EQ(staff.One("REVIEWER", "x").subject, "");
}

}  // namespace
}  // namespace civicmesh::civicctl
