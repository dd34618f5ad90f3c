// The vault's cryptography: what opens, and that nothing else does.
#include <gtest/gtest.h>

#include <cstdlib>

#include "civicmesh/intake/v1/keys.pb.h"
#include "civicmesh/type/v1/type.pb.h"
#include "services/intake/vault/aead.h"
#include "services/intake/vault/city_key.h"
#include "services/intake/vault/master_keys.h"
#include "services/intake/vault/vault.h"

namespace civicmesh::intake {
namespace {

constexpr char kText[] = "联系人13800000058";

AeadKey Filled(unsigned char fill) {
  AeadKey key;
  key.fill(fill);
  return key;
}

TEST(AeadTest, OpensWhatItSealedAndShowsNothingOfIt) {
  const std::string sealed = AeadSeal(Filled(1), "here", kText);
  EXPECT_EQ(sealed.find("13800000058"), std::string::npos);
  EXPECT_EQ(AeadOpen(Filled(1), "here", sealed), kText);
  EXPECT_EQ(AeadOpen(Filled(1), "here", AeadSeal(Filled(1), "here", "")), "");
  EXPECT_NE(AeadSeal(Filled(1), "here", kText), sealed);
}

TEST(AeadTest, NoticesEveryChangeAnotherKeyAndAnotherPlace) {
  const std::string sealed = AeadSeal(Filled(1), "here", kText);
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] ^= 1;
    EXPECT_EQ(AeadOpen(Filled(1), "here", changed), std::nullopt) << i;
  }
  EXPECT_EQ(AeadOpen(Filled(1), "here", sealed.substr(0, 10)), std::nullopt);
  EXPECT_EQ(AeadOpen(Filled(2), "here", sealed), std::nullopt);
  EXPECT_EQ(AeadOpen(Filled(1), "there", sealed), std::nullopt);
}

TEST(AeadTest, AKeyInHexIsWhole) {
  EXPECT_EQ(AeadKeyFromHex(std::string(64, '0')), Filled(0));
  for (const char* wrong : {"", "00", "zz"}) EXPECT_EQ(AeadKeyFromHex(wrong), std::nullopt);
  EXPECT_EQ(AeadKeyFromHex(std::string(63, '0') + "g"), std::nullopt);
  EXPECT_EQ(AeadKeyFromHex(std::string(66, '0')), std::nullopt);
}

TEST(MasterKeysTest, TheFirstWrapsAndEachUnwraps) {
  const MasterKeys old({Filled(1)}), both({Filled(2), Filled(1)}), only_new({Filled(2)});
  const auto wrapped = old.Wrap(Filled(9), "k/p-1/k-a");
  EXPECT_EQ(*old.Unwrap(wrapped, "k/p-1/k-a"), Filled(9));
  EXPECT_EQ(*both.Unwrap(wrapped, "k/p-1/k-a"), Filled(9));
  EXPECT_EQ(only_new.Unwrap(wrapped, "k/p-1/k-a").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(both.Wrap(Filled(9), "x").master_id(), only_new.first_id());
}

TEST(MasterKeysTest, AWrappedKeyOpensOnlyWhereItStands) {
  const MasterKeys masters({Filled(1)});
  const auto wrapped = masters.Wrap(Filled(9), "k/p-1/k-a");
  EXPECT_EQ(masters.Unwrap(wrapped, "k/p-2/k-a").status().code(), absl::StatusCode::kDataLoss);
  auto changed = wrapped;
  changed.mutable_wrapped()->back() ^= 1;
  EXPECT_EQ(masters.Unwrap(changed, "k/p-1/k-a").status().code(), absl::StatusCode::kDataLoss);
}

TEST(MasterKeysTest, ComeFromTheEnvironment) {
  const std::string one(64, '1'), two(64, '2');
  setenv("CIVICMESH_MASTER_KEYS", (one + "," + two).c_str(), 1);
  const auto both = MasterKeys::FromEnvironment();
  ASSERT_TRUE(both.ok());
  EXPECT_EQ((*both)->first_id(), MasterKeys({*AeadKeyFromHex(one)}).first_id());
  const auto wrapped = MasterKeys({*AeadKeyFromHex(two)}).Wrap(Filled(9), "x");
  EXPECT_EQ(*(*both)->Unwrap(wrapped, "x"), Filled(9));
  for (const std::string& wrong : {one + ",", std::string("zzzz"), one + two}) {
    setenv("CIVICMESH_MASTER_KEYS", wrong.c_str(), 1);
    const auto refused = MasterKeys::FromEnvironment();
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument) << wrong;
    EXPECT_EQ(std::string(refused.status().message()).find(wrong), std::string::npos);
  }
  unsetenv("CIVICMESH_MASTER_KEYS");
  EXPECT_TRUE(MasterKeys::FromEnvironment().ok());
}

TEST(CityKeyTest, OpensWhatItOnceSealed) {
  const CityKey city(Filled(1));
  type::v1::Sealed sealed;
  sealed.set_key_id("dev-" + AeadKeyName(Filled(1)));
  sealed.set_ciphertext(AeadSeal(Filled(1), sealed.key_id(), kText));
  EXPECT_TRUE(CityKey::Sealed(sealed.key_id()));
  EXPECT_FALSE(CityKey::Sealed("k-1"));
  EXPECT_EQ(*city.Open(sealed), kText);
  EXPECT_EQ(CityKey(Filled(2)).Open(sealed).status().code(), absl::StatusCode::kFailedPrecondition);
  sealed.mutable_ciphertext()->back() ^= 1;
  EXPECT_EQ(city.Open(sealed).status().code(), absl::StatusCode::kDataLoss);
}

TEST(CityKeyTest, DerivesTheSameOnlyFromTheSame) {
  const CityKey city(Filled(1));
  const std::string secret = city.Derive("tracking", "request 1");
  EXPECT_EQ(secret.size(), 32u);
  EXPECT_EQ(city.Derive("tracking", "request 1"), secret);
  EXPECT_NE(city.Derive("tracking", "request 2"), secret);
  EXPECT_NE(city.Derive("track", "ingrequest 1"), secret);
  EXPECT_NE(CityKey(Filled(2)).Derive("tracking", "request 1"), secret);
}

TEST(CityKeyTest, RefusesWhatIsNoKeyWithoutQuotingIt) {
  setenv("CIVICMESH_DEV_SEAL_KEY", "not-a-key", 1);
  const auto refused = CityKey::FromEnvironment();
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(refused.status().message()).find("not-a-key"), std::string::npos);
  unsetenv("CIVICMESH_DEV_SEAL_KEY");
}

}  // namespace
}  // namespace civicmesh::intake
