#include "services/runtime/base/ids.h"

#include "gtest/gtest.h"

namespace civicmesh {
namespace {

TEST(Ids, CarryTheirShardAndFollowFromTheSeed) {
  for (int shard : {0, 7, 31, 32, 1023}) {
    std::string id = MakeId("c", shard, "seed");
    EXPECT_EQ(ShardOfId("c", id), shard);
    EXPECT_EQ(id, MakeId("c", shard, "seed"));
    EXPECT_NE(id, MakeId("c", shard, "other"));
  }
}

TEST(Ids, ForeignTextIsNoId) {
  EXPECT_EQ(ShardOfId("c", "c-00short"), std::nullopt);
  EXPECT_EQ(ShardOfId("c", MakeId("r", 1, "x")), std::nullopt);
  EXPECT_EQ(ShardOfId("c", "c-00uuuuuuuuuuuuuuuu"), std::nullopt) << "u is not in the alphabet";
}

TEST(Ids, UuidV7CarriesItsTime) {
  // The example of RFC 9562, appendix A.6.
  EXPECT_EQ(UuidV7Time("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), 1645557742000);
  EXPECT_EQ(UuidV7Time("017F22E2-79B0-4CC3-98C4-DC0C0C07398F"), std::nullopt) << "version 4";
  EXPECT_EQ(UuidV7Time("017F22E279B07CC398C4DC0C0C07398F"), std::nullopt);
}

TEST(Ids, CommandIdTellsWhereAPartEnds) {
  EXPECT_NE(CommandId("ab", "c", "d", "e"), CommandId("a", "bc", "d", "e"));
  EXPECT_EQ(CommandId("a", "b", "c", "d").size(), 32u);
}

}  // namespace
}  // namespace civicmesh
