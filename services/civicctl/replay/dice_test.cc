#include "services/civicctl/replay/dice.h"

#include "gtest/gtest.h"
#include "services/runtime/base/ids.h"

namespace civicmesh::civicctl {
namespace {

TEST(Dice, TheSameNameIsTheSameThrow) {
  const Dice dice("1"), other("2");
  EXPECT_EQ(dice.Roll("s0001/accept"), dice.Roll("s0001/accept"));
  EXPECT_NE(dice.Roll("s0001/accept"), dice.Roll("s0002/accept"));
  EXPECT_NE(dice.Roll("s0001/accept"), other.Roll("s0001/accept"));
}

TEST(Dice, ThrowsSpreadEvenly) {
  const Dice dice("1");
  int below[4] = {};
  for (int i = 0; i < 4000; ++i) {
    const double roll = dice.Roll(std::to_string(i));
    ASSERT_GE(roll, 0);
    ASSERT_LT(roll, 1);
    ++below[static_cast<int>(roll * 4)];
    const absl::Duration minutes = dice.Minutes(std::to_string(i), 2, 5);
    ASSERT_GE(minutes, absl::Minutes(2));
    ASSERT_LE(minutes, absl::Minutes(5));
  }
  for (int quarter : below) EXPECT_NEAR(quarter, 1000, 120);
}

TEST(Dice, RequestIdsAreUuidsOfTheRunsTime) {
  const Dice dice("1");
  const absl::Time issued = absl::FromUnixMillis(1'790'000'000'123);
  const std::string id = dice.RequestId(issued, "s0001/submit");
  EXPECT_EQ(UuidV7Time(id), 1'790'000'000'123);
  EXPECT_EQ(id.size(), 36u);
  EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos) << "the variant of RFC 9562";
  EXPECT_EQ(id, dice.RequestId(issued, "s0001/submit"));
  EXPECT_NE(id, dice.RequestId(issued, "s0001/accept"));
}

}  // namespace
}  // namespace civicmesh::civicctl
