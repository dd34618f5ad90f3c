#include "services/runtime/journal/event_id.h"

#include <gtest/gtest.h>

namespace civicmesh {
namespace {

TEST(EventId, SaysWhereTheEventWasDecided) {
  const auto id = ParseEventId("dispatch/3/120/1");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->domain, "dispatch");
  EXPECT_EQ(id->shard, 3);
  EXPECT_EQ(id->journal_offset, 120);
  EXPECT_EQ(id->index, 1);
}

TEST(EventId, OthersAreNone) {
  for (const char* none : {"", "dispatch", "dispatch/3/120", "dispatch/3/120/0/0", "/3/120/0", "dispatch/x/120/0",
                           "dispatch/-1/120/0", "dispatch/3/-120/0", "dispatch/3/120/-1", "dispatch/3/120/"})
    EXPECT_FALSE(ParseEventId(none)) << none;
}

TEST(HeaderOf, TheFirstOfThatNameCounts) {
  const LogRecord record{.headers = {{"a", "1"}, {"b", "2"}, {"a", "3"}}};
  EXPECT_EQ(HeaderOf(record, "a"), "1");
  EXPECT_EQ(HeaderOf(record, "c"), "");
}

}  // namespace
}  // namespace civicmesh
