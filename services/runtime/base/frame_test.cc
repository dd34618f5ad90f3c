#include "services/runtime/base/frame.h"

#include "gtest/gtest.h"

namespace civicmesh {
namespace {

TEST(Frame, ComesBack) {
  for (std::string bytes : {std::string(), std::string("a\0b", 3), std::string(100000, 'x')}) {
    std::string framed = Frame(bytes);
    ASSERT_TRUE(Unframe(framed).ok());
    EXPECT_EQ(*Unframe(framed), bytes);
  }
}

TEST(Frame, IsFrozen) {
  EXPECT_EQ(Frame("123456789"), std::string("\x01\xcb\xf4\x39\x26"
                                            "123456789",
                                            14));
}

TEST(Frame, EveryFlippedBitIsNoticed) {
  const std::string framed = Frame("some record");
  for (size_t i = 0; i < framed.size() * 8; ++i) {
    std::string bad = framed;
    bad[i / 8] ^= static_cast<char>(1 << (i % 8));
    EXPECT_EQ(Unframe(bad).status().code(), absl::StatusCode::kDataLoss) << i;
  }
  EXPECT_FALSE(Unframe("").ok());
}

}  // namespace
}  // namespace civicmesh
