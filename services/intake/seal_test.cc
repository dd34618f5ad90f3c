#include "services/intake/seal.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "civicmesh/type/v1/type.pb.h"

namespace civicmesh::intake {
namespace {

constexpr char kText[] = "联系人13800000058";

Sealer::Key KeyOf(unsigned char fill) {
  Sealer::Key key;
  key.fill(fill);
  return key;
}

TEST(SealTest, OpensWhatItSealedAndShowsNothingOfIt) {
  const Sealer sealer(KeyOf(1), "k1");
  const auto sealed = sealer.Seal(kText);
  EXPECT_EQ(sealed.key_id(), "k1");
  EXPECT_EQ(sealed.ciphertext().find("13800000058"), std::string::npos);
  EXPECT_EQ(*sealer.Open(sealed), kText);
  EXPECT_EQ(*sealer.Open(sealer.Seal("")), "");
}

TEST(SealTest, TheSameTextIsNeverSealedAlike) {
  const Sealer sealer(KeyOf(1), "k1");
  EXPECT_NE(sealer.Seal(kText).ciphertext(), sealer.Seal(kText).ciphertext());
}

TEST(SealTest, NoticesEveryChange) {
  const Sealer sealer(KeyOf(1), "k1");
  const auto sealed = sealer.Seal(kText);
  for (size_t i = 0; i < sealed.ciphertext().size(); ++i) {
    auto changed = sealed;
    (*changed.mutable_ciphertext())[i] ^= 1;
    EXPECT_EQ(sealer.Open(changed).status().code(), absl::StatusCode::kDataLoss) << i;
  }
  auto cut = sealed;
  cut.mutable_ciphertext()->resize(10);
  EXPECT_EQ(sealer.Open(cut).status().code(), absl::StatusCode::kDataLoss);
}

TEST(SealTest, OpensNothingOfAnotherKey) {
  const auto sealed = Sealer(KeyOf(1), "k1").Seal(kText);
  EXPECT_EQ(Sealer(KeyOf(2), "k2").Open(sealed).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Sealer(KeyOf(2), "k1").Open(sealed).status().code(), absl::StatusCode::kDataLoss);
  auto renamed = sealed;
  renamed.set_key_id("k2");
  EXPECT_EQ(Sealer(KeyOf(1), "k2").Open(renamed).status().code(), absl::StatusCode::kDataLoss);
}

TEST(SealTest, DerivesTheSameOnlyFromTheSame) {
  const Sealer sealer(KeyOf(1), "k1");
  const std::string secret = sealer.Derive("tracking", "request 1");
  EXPECT_EQ(secret.size(), 32u);
  EXPECT_EQ(sealer.Derive("tracking", "request 1"), secret);
  EXPECT_NE(sealer.Derive("tracking", "request 2"), secret);
  EXPECT_NE(sealer.Derive("trackingr", "equest 1"), secret);
  EXPECT_NE(Sealer(KeyOf(2), "k1").Derive("tracking", "request 1"), secret);
}

TEST(SealTest, TakesItsKeyFromTheEnvironment) {
  const std::string a(64, 'a'), b(64, 'b');
  setenv("CIVICMESH_DEV_SEAL_KEY", a.c_str(), 1);
  auto first = Sealer::FromEnvironment();
  auto again = Sealer::FromEnvironment();
  setenv("CIVICMESH_DEV_SEAL_KEY", b.c_str(), 1);
  auto other = Sealer::FromEnvironment();
  setenv("CIVICMESH_DEV_SEAL_KEY", "abc", 1);
  const auto wrong = Sealer::FromEnvironment().status();
  setenv("CIVICMESH_DEV_SEAL_KEY", std::string(64, 'x').c_str(), 1);
  EXPECT_EQ(Sealer::FromEnvironment().status().code(), absl::StatusCode::kInvalidArgument);
  unsetenv("CIVICMESH_DEV_SEAL_KEY");
  auto built_in = Sealer::FromEnvironment();
  ASSERT_TRUE(first.ok() && again.ok() && other.ok() && built_in.ok());
  const auto sealed = (*first)->Seal(kText);
  EXPECT_EQ(*(*again)->Open(sealed), kText);
  EXPECT_FALSE((*other)->Open(sealed).ok());
  EXPECT_FALSE((*built_in)->Open(sealed).ok());
  EXPECT_EQ(wrong.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(wrong.message().find("abc"), std::string::npos);
}

}  // namespace
}  // namespace civicmesh::intake
