// The harness itself, over a till that is shut a minute after it was opened. Its commands and events are log.v1.TimerId
// (what has happened) only because some message is needed.
#include "services/runtime/decider/given_when_then.h"

#include "civicmesh/log/v1/log.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace civicmesh::gwt {
namespace {

using ::testing::HasSubstr;
using Word = log::v1::TimerId;

enum { kMinuteMs = 60000 };

class Till : public Machine {
 public:
  absl::StatusOr<Decision<Bytes>> Decide(std::string_view payload, const Context& ctx) const override {
    Word word;
    word.ParseFromArray(payload.data(), static_cast<int>(payload.size()));
    if (open_ == (word.kind() == "open")) return Refusal{.reason = "WRONG", .domain = "till"};
    Decided<Bytes> d{.events = {}, .timers = {}, .resource = ctx.NewId("t")};
    d.Add("till", std::string(payload));
    d.Arm("till", "shut", word.kind() == "open" ? ctx.now_ms + kMinuteMs : 0);
    return d;
  }
  absl::StatusOr<Decision<Bytes>> Fire(const FiredTimer& timer, const Context& ctx) const override {
    Word word;
    word.set_kind(timer.kind);
    word.set_due_ms(ctx.now_ms);
    Decided<Bytes> d;
    d.Add("till", word.SerializeAsString());
    return d;
  }
  absl::Status Evolve(const EventMeta&, std::string_view event) override {
    Word word;
    word.ParseFromArray(event.data(), static_cast<int>(event.size()));
    open_ = word.kind() == "open";
    return absl::OkStatus();
  }
  Bytes Save(std::string_view) const override { return open_ ? "1" : ""; }
  absl::Status Load(std::string_view, std::string_view state) override {
    open_ = !state.empty();
    return absl::OkStatus();
  }
  std::vector<std::string> Rows(std::string_view) const override { return {}; }
  absl::StatusOr<std::vector<PublicEvent>> Publish(const EventMeta&, std::string_view) const override {
    return std::vector<PublicEvent>();
  }

 private:
  bool open_ = false;
};

std::string CheckRow(const Row& row) {
  References references;
  Shard shard(std::make_unique<Till>(), Word::default_instance(), Word::default_instance(), &references);
  return Check(row, shard);
}

const Step kOpened = Did("kind: 'open' stream: 'x'", "10:00");
const Expected kWrong{.events = {}, .reason = "WRONG"};

TEST(GivenWhenThenTest, HoldsWhereTheDomainDoes) {
  EXPECT_EQ(CheckRow({"", Given(), When("kind: 'open' stream: 'x'", "10:00"), Then("kind: 'open'")}), "");
  EXPECT_EQ(CheckRow({"", Given(kOpened), When("kind: 'open'", "10:00:59"), kWrong}), "");
  EXPECT_EQ(CheckRow({"", Given(kOpened), WhenTimePasses("10:01"), Then("kind: 'shut' due_ms: 1794967260000")}), "");
  EXPECT_EQ(CheckRow({"", Given(kOpened), WhenTimePasses("10:00:59"), ThenNothing()}), "");
}

TEST(GivenWhenThenTest, TimersFireBeforeTheCommandThatReachesThem) {
  EXPECT_EQ(CheckRow({"", Given(kOpened), When("kind: 'open'", "10:01"), Then("kind: 'open'")}), "");
}

TEST(GivenWhenThenTest, NamesWhatACommandMade) {
  EXPECT_EQ(CheckRow({"", Given(kOpened), When("kind: 'close' stream: '$1'", "10:00:30"), Then("stream: '$1'")}), "");
  EXPECT_THAT(CheckRow({"", Given(kOpened), When("kind: 'close' stream: '$1'", "10:00:30"), Then("stream: '$2'")}),
              HasSubstr("expected stream"));
}

TEST(GivenWhenThenTest, SaysWhatCameInstead) {
  EXPECT_THAT(CheckRow({"", Given(), When("kind: 'open'", "10:00"), kWrong}), HasSubstr("expected WRONG"));
  EXPECT_THAT(CheckRow({"", Given(), When("kind: 'open'", "10:00"), Then("kind: 'shut'")}),
              HasSubstr("kind: \"open\""));
  EXPECT_THAT(CheckRow({"", Given(), When("kind: 'open'", "10:00"), ThenNothing()}), HasSubstr("expected 0 events"));
  EXPECT_THAT(CheckRow({"", Given(kOpened, kOpened), When("kind: 'open'", "10:05"), kWrong}),
              HasSubstr("step 2 was refused"));
  EXPECT_THAT(CheckRow({"", Given(kOpened), When("nonsense", "10:05"), kWrong}), HasSubstr("does not parse"));
  EXPECT_THAT(CheckRow({"", Given(kOpened), When("kind: 'open'", "09:59"), kWrong}), HasSubstr("before the last"));
}

}  // namespace
}  // namespace civicmesh::gwt
