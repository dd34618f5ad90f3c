#include "services/webhooks/subscriptions.h"

#include <gmock/gmock.h>

namespace civicmesh::webhooks {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kGood[] = R"({"id": "water", "url": "https://x.test/h", "secret_file": "/s",
  "events": ["civicmesh.dispatch.v1.CaseClosed", "civicmesh.intake.v1.ReporterNotified"], "units": ["w"], "paused": true,
  "replay": {"name": "r1", "from": "2026-11-20T00:00:00+08:00"}})";

std::string Listed(const std::string& one) { return "{\"subscriptions\": [" + one + "]}"; }

TEST(SubscriptionsTest, ReadsAWholeOne) {
  const auto all = ParseSubscriptions(Listed(kGood));
  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_EQ(all->size(), 1u);
  const Subscription& one = all->front();
  EXPECT_EQ(one.id, "water");
  EXPECT_TRUE(one.paused);
  EXPECT_THAT(one.units, ElementsAre("w"));
  EXPECT_THAT(one.domains(), ElementsAre("dispatch", "intake"));
  EXPECT_EQ(one.replay->name, "r1");
  EXPECT_EQ(absl::ToUnixSeconds(one.replay->from.time), 1795104000);
}

TEST(SubscriptionsTest, NoneAtAllIsFine) { EXPECT_TRUE(ParseSubscriptions(Listed(""))->empty()); }

TEST(SubscriptionsTest, SaysWhatIsWrongWithWhich) {
  const struct {
    const char* from;
    const char* to;
    const char* says;
  } kRows[] = {{"\"id\": \"water\"", "\"id\": \"Water\"", "id is 1 to 40"},
               {"https://x.test/h", "http://x.test/h", "water: url is https"},
               {"https://x.test/h", "file:///etc/passwd", "water: url is https"},
               {"\"secret_file\": \"/s\"", "\"secret_file\": 1", "water: secret_file is missing"},
               {"\"events\": [", "\"events\": [1, ", "water: events are names"},
               {"civicmesh.dispatch.v1.CaseClosed", "CaseClosed", "CaseClosed is no event of ours"},
               {"\"units\": [\"w\"]", "\"units\": \"w\"", "water: units are names"},
               {"\"paused\": true", "\"paused\": 1", "water: paused is true or false"},
               {"\"paused\": true", "\"pause\": true", "water: there is no field pause"},
               {"\"name\": \"r1\"", "\"name\": \"\"", "water: replay needs a name"},
               {"2026-11-20T00:00:00+08:00", "yesterday", "water: replay.from is an event's id"}};
  for (const auto& row : kRows) {
    std::string text = kGood;
    text.replace(text.find(row.from), std::string_view(row.from).size(), row.to);
    const auto refused = ParseSubscriptions(Listed(text));
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument) << row.to;
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr(row.says));
  }
  for (const char* text : {"", "{", "[]", "{\"subscriptions\": {}}", "{\"subscriptions\": [1]}"})
    EXPECT_FALSE(ParseSubscriptions(text).ok()) << text;
  EXPECT_THAT(std::string(ParseSubscriptions(Listed(std::string(kGood) + "," + kGood)).status().message()),
              HasSubstr("twice"));
}

}  // namespace
}  // namespace civicmesh::webhooks
