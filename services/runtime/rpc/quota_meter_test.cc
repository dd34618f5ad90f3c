#include "services/runtime/rpc/quota_meter.h"

#include <gtest/gtest.h>

#include <string>

namespace civicmesh {
namespace {

// How many of `tries` calls at once are taken.
int Taken(QuotaMeter& meter, const std::string& who, int per_minute, int64_t at_ms, int tries = 100) {
  int taken = 0;
  for (int i = 0; i < tries; ++i) taken += meter.Take(who, per_minute, at_ms) == absl::ZeroDuration();
  return taken;
}

TEST(QuotaMeterTest, AMinutesCallsAtOnceAndThenEvenly) {
  QuotaMeter meter;
  EXPECT_EQ(Taken(meter, "a", 6, 1000), 6);
  EXPECT_EQ(meter.Take("a", 6, 1000), absl::Seconds(10)) << "after how long to come again";
  EXPECT_EQ(meter.Take("a", 6, 10'999), absl::Milliseconds(1));
  EXPECT_EQ(Taken(meter, "a", 6, 11'000), 1);
  EXPECT_EQ(Taken(meter, "a", 6, 600'000), 6) << "no more than a minute's are kept";
}

TEST(QuotaMeterTest, OneThatIsUsedUpSlowsNobodyElse) {
  QuotaMeter meter;
  EXPECT_EQ(Taken(meter, "a", 6, 0), 6);
  EXPECT_EQ(Taken(meter, "b", 8, 0), 8);
  EXPECT_EQ(meter.counts(), (std::pair<int64_t, int64_t>(14, 186)));
}

TEST(QuotaMeterTest, AnotherNumberHoldsAtOnce) {
  QuotaMeter meter;
  EXPECT_EQ(Taken(meter, "a", 100, 0, 10), 10);
  EXPECT_EQ(Taken(meter, "a", 5, 0), 5);
}

TEST(QuotaMeterTest, RemembersBoundedly) {
  QuotaMeter meter(2);
  for (const char* who : {"a", "b", "a", "c"}) meter.Take(who, 1, 0);
  EXPECT_EQ(Taken(meter, "a", 1, 0), 0) << "it has asked after b";
  EXPECT_EQ(Taken(meter, "b", 1, 0), 1);
}

}  // namespace
}  // namespace civicmesh
