#include "services/runtime/rpc/one_time_tokens.h"

#include <gtest/gtest.h>

#include "services/runtime/hotstate/memory_once.h"

namespace civicmesh {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'750'000'000), kUntil = kNow + absl::Minutes(5);

absl::StatusCode Use(OneTimeTokens& tokens, const std::string& id, absl::Time now = kNow, absl::Time until = kUntil) {
  absl::Status said = absl::InternalError("nothing was said");
  tokens.Use(id, now, until, [&](absl::Status s) { said = std::move(s); });
  return said.code();
}

TEST(OneTimeTokensTest, HoldsOnceForAllReplicas) {
  MemoryOnce once;
  OneTimeTokens here(&once), there(&once);
  EXPECT_EQ(Use(here, "t"), absl::StatusCode::kOk);
  EXPECT_EQ(Use(here, "t"), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(Use(there, "t"), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(Use(there, "t2"), absl::StatusCode::kOk);
  EXPECT_EQ(here.counts().first, 1);
  EXPECT_EQ(here.counts().again, 1);
}

TEST(OneTimeTokensTest, NobodyCanSayWhileHotStateIsAway) {
  MemoryOnce once;
  OneTimeTokens tokens(&once), without(nullptr);
  ASSERT_EQ(Use(tokens, "used"), absl::StatusCode::kOk);
  once.SetAway(true);
  EXPECT_EQ(Use(tokens, "t"), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Use(tokens, "used"), absl::StatusCode::kUnauthenticated) << "that much this process knows";
  EXPECT_EQ(Use(without, "t"), absl::StatusCode::kUnavailable);
  EXPECT_EQ(tokens.counts().unknown, 1);
}

TEST(OneTimeTokensTest, KnowsWhatItSawThoughHotStateWasWiped) {
  MemoryOnce once;
  OneTimeTokens tokens(&once);
  ASSERT_EQ(Use(tokens, "t"), absl::StatusCode::kOk);
  once.Wipe();
  EXPECT_EQ(Use(tokens, "t"), absl::StatusCode::kUnauthenticated);
}

TEST(OneTimeTokensTest, RemembersBoundedlyAndNotBeyondTheEnd) {
  MemoryOnce once;
  OneTimeTokens tokens(&once, 2);
  ASSERT_EQ(Use(tokens, "ends", kNow, kNow + absl::Seconds(1)), absl::StatusCode::kOk);
  ASSERT_EQ(Use(tokens, "a"), absl::StatusCode::kOk);
  ASSERT_EQ(Use(tokens, "b", kNow, kUntil + absl::Seconds(1)), absl::StatusCode::kOk);
  ASSERT_EQ(Use(tokens, "c", kNow + absl::Seconds(2), kUntil + absl::Seconds(2)), absl::StatusCode::kOk);
  ASSERT_EQ(Use(tokens, "d", kNow + absl::Seconds(2), kUntil + absl::Seconds(2)), absl::StatusCode::kOk);
  once.Wipe();
  EXPECT_EQ(Use(tokens, "ends", kNow + absl::Seconds(2)), absl::StatusCode::kOk) << "it has expired";
  EXPECT_EQ(Use(tokens, "a", kNow + absl::Seconds(2)), absl::StatusCode::kOk) << "it would have expired next";
  EXPECT_EQ(Use(tokens, "c", kNow + absl::Seconds(2)), absl::StatusCode::kUnauthenticated);
}

}  // namespace
}  // namespace civicmesh
