#include "services/runtime/base/person_tokens.h"

#include <gtest/gtest.h>

namespace civicmesh {
namespace {

TEST(PersonTokensTest, AreTheSameForTheSamePersonUnderTheSameKey) {
  const PersonTokens tokens("key");
  EXPECT_EQ(tokens.Of("citizen-1"), PersonTokens("key").Of("citizen-1"));
  EXPECT_NE(tokens.Of("citizen-1"), tokens.Of("citizen-2"));
  EXPECT_NE(tokens.Of("citizen-1"), PersonTokens("another key").Of("citizen-1"));
  EXPECT_EQ(tokens.Of(""), "");
}

// Written into events that are kept for ever: Python's hmac.new(b"key", b"citizen-1", "sha256") gives these.
TEST(PersonTokensTest, StayWhatTheyAre) { EXPECT_EQ(PersonTokens("key").Of("citizen-1"), "p-pw100dv4504w96e9"); }

}  // namespace
}  // namespace civicmesh
