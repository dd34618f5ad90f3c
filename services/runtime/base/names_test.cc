#include "services/runtime/base/names.h"

#include "gtest/gtest.h"

namespace civicmesh {
namespace {

// Computed with coreutils' sha256sum: 8f6decfb25303bbe…, 7d42e1390401f88c…, bbfcd4160a1e8674… and Python's integers.
TEST(Names, ShardVectors) {
  struct Vector {
    const char* key;
    int of8, of32, of1000;
  };
  for (const Vector& v : {Vector{"report-1", 6, 30, 798}, {"cell/31f4b", 4, 12, 796}, {"case", 4, 20, 28}}) {
    EXPECT_EQ(ShardOf(v.key, 8), v.of8) << v.key;
    EXPECT_EQ(ShardOf(v.key, 32), v.of32) << v.key;
    EXPECT_EQ(ShardOf(v.key, 1000), v.of1000) << v.key;
    EXPECT_EQ(ShardOf(v.key, 1), 0) << v.key;
  }
}

TEST(Names, AreThoseOfTheDesign) {
  EXPECT_EQ(InboxTopic("intake"), "civicmesh.intake.commands.v1");
  EXPECT_EQ(JournalTopic("intake"), "civicmesh.intake.journal.v1");
  EXPECT_EQ(EventsTopic("intake"), "civicmesh.intake.events.v1");
  EXPECT_EQ(ParkedTopic("intake"), "civicmesh.intake.parked.v1");
  EXPECT_EQ(KeysTopic(), "civicmesh.intake.keys.v1");
  EXPECT_EQ(WebhooksProgressTopic(), "civicmesh.webhooks.progress.v1");
  EXPECT_EQ(OwnersGroup("points"), "civicmesh.points.owners");
  EXPECT_EQ(PolicyGroup("points", "grants"), "civicmesh.points.policy.grants");
  EXPECT_EQ(HotPrefix("points", 2, 17), "civicmesh:points:v2:{17}:");
}

}  // namespace
}  // namespace civicmesh
