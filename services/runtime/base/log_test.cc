#include "services/runtime/base/log.h"

#include <gtest/gtest.h>

namespace civicmesh {
namespace {

TEST(Log, OneLineOfJson) {
  EXPECT_EQ(
      LogLine(Severity::kWarning, "takeover failed", {{"shard", 3}, {"ok", false}, {"why", "two\nlines \"quoted\""}}),
      R"({"severity":"WARNING","event":"takeover failed","shard":3,"ok":false,"why":"two\nlines \"quoted\""})");
}

TEST(Log, TakesBytesThatAreNotText) {
  const std::string line = LogLine(Severity::kInfo, "odd", {{"bytes", std::string("\xff\xfe")}});
  EXPECT_EQ(line, "{\"severity\":\"INFO\",\"event\":\"odd\",\"bytes\":\"\xEF\xBF\xBD\xEF\xBF\xBD\"}");
}

TEST(Log, ShortensWhatIsLong) {
  EXPECT_LT(LogLine(Severity::kInfo, "long", {{"text", std::string(10000, 'x')}}).size(), 600u);
}

}  // namespace
}  // namespace civicmesh
