#include "services/runtime/base/uuid_v7.h"

#include <gtest/gtest.h>

#include "services/runtime/base/ids.h"

namespace civicmesh {
namespace {

TEST(UuidV7Test, HasTheLayoutOfTheStandard) {
  // RFC 9562, appendix A.6.
  EXPECT_EQ(UuidV7(0x017f22e279b0, 0x18c4cc3, 0x0c0c0c0c0c0c), "017f22e2-79b0-7cc3-98c4-0c0c0c0c0c0c");
}

TEST(UuidV7Test, ItsTimeIsReadBackWhateverTheBits) {
  for (const uint64_t bits : {uint64_t{0}, ~uint64_t{0}})
    EXPECT_EQ(UuidV7Time(UuidV7(1'764'460'800'123, bits, bits)), 1'764'460'800'123);
}

}  // namespace
}  // namespace civicmesh
