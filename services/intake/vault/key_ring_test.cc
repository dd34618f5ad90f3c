#include "services/intake/vault/key_ring.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace civicmesh::intake {
namespace {

std::string Wrapped(const std::string& bytes = "w") {
  v1::WrappedKey key;
  key.set_master_id("m-1");
  key.set_wrapped(bytes);
  return key.SerializeAsString();
}
std::string Kills(const std::vector<std::string>& ids) {
  v1::KeyErasure erasure;
  for (const auto& id : ids) erasure.add_key_ids(id);
  return erasure.SerializeAsString();
}
using Ids = std::vector<std::string>;

TEST(KeyRingTest, AnOwnerMayHaveSeveralKeys) {
  KeyRing ring;
  ring.Fold(KeyRecord("p-1", "k-a"), Wrapped());
  ring.Fold(KeyRecord("p-1", "k-b"), Wrapped());
  ring.Fold(KeyRecord("p-2", "k-c"), Wrapped());
  EXPECT_EQ(ring.KeysOf("p-1"), (Ids{"k-a", "k-b"}));
  ASSERT_NE(ring.Find("k-c"), nullptr);
  EXPECT_EQ(ring.Find("k-c")->owner, "p-2");
  EXPECT_EQ(ring.Find("k-x"), nullptr);
  EXPECT_EQ(ring.KeysOf("p-3"), Ids());
}

TEST(KeyRingTest, AnErasureKillsWhatItNamesAndWhatStoodBeforeIt) {
  KeyRing ring;
  ring.Fold(KeyRecord("p-1", "k-a"), Wrapped());
  ring.Fold(KeyRecord("p-1", "k-b"), Wrapped());  // the eraser had not seen this one
  ring.Fold(KeyRecord("p-2", "k-c"), Wrapped());
  ring.Fold(ErasureRecord("p-1", "e-1"), Kills({"k-a"}));
  EXPECT_EQ(ring.KeysOf("p-1"), Ids());
  EXPECT_EQ(ring.Find("k-b"), nullptr);
  EXPECT_EQ(ring.unburied(), (std::set<std::string>{KeyRecord("p-1", "k-a"), KeyRecord("p-1", "k-b")}));
  EXPECT_EQ(ring.KilledBy(ErasureRecord("p-1", "e-1")), (Ids{"k-a", "k-b"}));
  EXPECT_EQ(ring.KeysOf("p-2"), Ids{"k-c"});

  ring.Fold(KeyRecord("p-1", "k-a"), std::nullopt);
  ring.Fold(KeyRecord("p-1", "k-b"), std::nullopt);
  EXPECT_TRUE(ring.unburied().empty());
}

TEST(KeyRingTest, AnErasureThatMeansTheseAloneLeavesWhoHasComeBack) {
  KeyRing ring;
  ring.Fold(KeyRecord("p-1", "k-a"), Wrapped());
  ring.Fold(KeyRecord("p-1", "k-b"), Wrapped());
  EXPECT_FALSE(ring.AreDead({"k-a"}));
  v1::KeyErasure erasure;
  erasure.add_key_ids("k-a");
  erasure.set_only_named(true);
  ring.Fold(ErasureRecord("p-1", "k-a"), erasure.SerializeAsString());
  EXPECT_EQ(ring.KeysOf("p-1"), Ids{"k-b"});
  EXPECT_EQ(ring.unburied(), (std::set<std::string>{KeyRecord("p-1", "k-a")}));
  EXPECT_TRUE(ring.AreDead({"k-a"}));
  EXPECT_FALSE(ring.AreDead({"k-a", "k-b"}));
}

TEST(KeyRingTest, WhoComesBackHasANewKey) {
  KeyRing ring;
  ring.Fold(KeyRecord("p-1", "k-a"), Wrapped());
  ring.Fold(ErasureRecord("p-1", "e-1"), Kills({"k-a"}));
  ring.Fold(KeyRecord("p-1", "k-b"), Wrapped());
  EXPECT_EQ(ring.KeysOf("p-1"), Ids{"k-b"});
}

TEST(KeyRingTest, ADeadKeyThatStandsThereAgainIsBuriedAgain) {
  KeyRing ring;
  ring.Fold(ErasureRecord("p-1", "e-1"), Kills({"k-a"}));  // as after a compaction
  EXPECT_TRUE(ring.unburied().empty());
  ring.Fold(KeyRecord("p-1", "k-a"), Wrapped("anew"));
  EXPECT_EQ(ring.Find("k-a"), nullptr);
  EXPECT_EQ(ring.unburied(), (std::set<std::string>{KeyRecord("p-1", "k-a")}));
}

TEST(KeyRingTest, AKeyMadeHereAndNotReadYetStandsBehindAnErasureThatDoesNotNameIt) {
  KeyRing ring;
  ring.Landed("k-new", {.owner = "p-1", .wrapped = {}});
  ring.Fold(ErasureRecord("p-1", "e-1"), Kills({"k-a"}));
  EXPECT_EQ(ring.KeysOf("p-1"), Ids{"k-new"});
  ring.Fold(ErasureRecord("p-1", "e-2"), Kills({"k-new"}));
  EXPECT_EQ(ring.KeysOf("p-1"), Ids());
}

TEST(KeyRingTest, WrappedAnewItIsTheSameKey) {
  KeyRing ring;
  ring.Fold(KeyRecord("p-1", "k-a"), Wrapped("old"));
  ring.Fold(KeyRecord("p-1", "k-a"), Wrapped("new"));
  EXPECT_EQ(ring.KeysOf("p-1"), Ids{"k-a"});
  EXPECT_EQ(ring.Find("k-a")->wrapped.wrapped(), "new");
}

TEST(KeyRingTest, PassesOverWhatIsNoRecordOfKeys) {
  KeyRing ring;
  ring.Fold("beat", "1");
  ring.Fold("k/p-1", Wrapped());
  ring.Fold(KeyRecord("p-1", "k-a"), "\xff");
  ring.Fold("x/p-1/k-a", Wrapped());
  EXPECT_TRUE(ring.keys().empty());
}

}  // namespace
}  // namespace civicmesh::intake
