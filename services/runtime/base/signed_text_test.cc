#include "services/runtime/base/signed_text.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace civicmesh {
namespace {

constexpr char kVariable[] = "CIVICMESH_SIGNED_TEXT_TEST_KEYS";
const std::string kKey(32, 'k');

// How receipts are opened, forged and changed over to new keys is tried in services/intake/receipt_test.cc.
TEST(SignedText, WhatWasSignedForOnePurposeIsNotTakenForAnother) {
  const SigningKeys claims({kKey}, "claim"), tickets({kKey}, "ticket"), any({kKey}, "");
  EXPECT_EQ(claims.Open(claims.Sign("words")), "words");
  EXPECT_FALSE(tickets.Open(claims.Sign("words")));
  EXPECT_FALSE(any.Open(claims.Sign("words")));
  EXPECT_FALSE(claims.Open(any.Sign("words")));
}

TEST(SignedText, AllBytesComeBack) {
  std::string bytes;
  for (int c = 0; c < 256; ++c) bytes.push_back(static_cast<char>(c));
  const SigningKeys keys({kKey}, "claim");
  EXPECT_EQ(keys.Open(keys.Sign(bytes)), bytes);
  EXPECT_EQ(keys.Open(keys.Sign("")), "");
}

TEST(SignedText, WithoutKeysNothingIsOpened) {
  unsetenv(kVariable);
  const auto none = SigningKeys::FromEnvironment(kVariable, "claim");
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->empty());
  EXPECT_FALSE(none->Open(SigningKeys({kKey}, "claim").Sign("words")));
}

}  // namespace
}  // namespace civicmesh
