// Deliveries over the in-memory log, to a receiver that does what the test says.
#include "services/webhooks/delivery.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/time_util.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "civicmesh/intake/v1/intake_events.pb.h"
#include "services/runtime/journal/memory_journal.h"
#include "services/webhooks/cloud_event.h"

namespace civicmesh::webhooks {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int kShards = 2;
constexpr char kNotified[] = "civicmesh.intake.v1.ReporterNotified";

class DeliveryTest : public testing::Test {
 protected:
  DeliveryTest() {
    subscription_ = {
        .id = "water", .url = "https://x.test", .types = {"civicmesh.dispatch.v1.CaseClosed"}, .units = {}};
  }

  // Another event of `shard`; its id says its place.
  std::string Happens(int shard, const std::string& unit = "water",
                      const std::string& type = "civicmesh.dispatch.v1.CaseClosed") {
    dispatch::v1::CaseClosed closed;
    closed.mutable_context()->set_case_(absl::StrCat("cases/c-", shard, "-", made_));
    closed.mutable_context()->set_unit(unit);
    return Appends(shard, type, closed.context().case_(), closed.SerializeAsString());
  }
  // A notice with which nobody is to be disturbed for so long; -1: it says nothing of that.
  std::string Notifies(int shard, int64_t quiet_ms) {
    intake::v1::ReporterNotified notice;
    if (quiet_ms >= 0)
      *notice.mutable_push_not_before() =
          google::protobuf::util::TimeUtil::MillisecondsToTimestamp(clock_.wall_ms() + quiet_ms);
    return Appends(shard, kNotified, "reports/r-1", notice.SerializeAsString());
  }
  std::string Appends(int shard, const std::string& type, const std::string& subject, const std::string& bytes) {
    const std::string id = absl::StrCat("dispatch/", shard, "/", 100 + made_, "/0");
    const absl::Time time = absl::FromUnixSeconds(1'795'000'000 + 60 * made_++);
    const absl::Status appended =
        journal_.NewAppender()->Append({Topic::kEvents, shard}, bytes,
                                       {{"ce_specversion", "1.0"},
                                        {"ce_id", id},
                                        {"ce_type", type},
                                        {"ce_subject", subject},
                                        {"ce_time", absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone())}});
    EXPECT_TRUE(appended.ok()) << appended;
    return id;
  }
  std::unique_ptr<Delivery> Start() {
    return std::make_unique<Delivery>(
        subscription_, progress_,
        DeliveryParts{.domains = {{"dispatch", &journal_}},
                      .remember = [this](const std::string& key, const std::string& value) { progress_[key] = value; },
                      .post = [this](const Attempt& attempt) { return Receive(attempt); },
                      .clock = &clock_,
                      .secret = "a secret of this test"});
  }
  int Receive(const Attempt& attempt) {
    ++attempts_;
    if (status_ == 200) {
      received_.push_back(attempt.id);
      last_ = attempt;
    }
    return status_;
  }
  // As often as something may be due.
  void Turns(Delivery& delivery) {
    for (int i = 0; i < 4; ++i) delivery.Turn(0);
  }

  FakeClock clock_;
  MemoryLog log_{kShards, [this] { return clock_.wall_ms(); }};
  MemoryJournal journal_{&log_};
  Subscription subscription_;
  Progress progress_;
  std::vector<std::string> received_;
  Attempt last_;
  int status_ = 200, made_ = 0, attempts_ = 0;
};

TEST_F(DeliveryTest, ANewSubscriptionHearsWhatComesFromThenOnAndOnlyWhatItNames) {
  Happens(0);
  auto delivery = Start();
  Turns(*delivery);
  EXPECT_THAT(received_, IsEmpty());
  const std::string one = Happens(0);
  Happens(0, "water", "civicmesh.dispatch.v1.CaseOpened");
  const std::string two = Happens(0, "roads"), three = Happens(1);
  Turns(*delivery);
  EXPECT_THAT(received_, testing::UnorderedElementsAre(one, two, three));
  EXPECT_EQ(delivery->figures().delivered, 3);
}

TEST_F(DeliveryTest, OfOtherUnitsItHearsNothing) {
  subscription_.units = {"water"};
  auto delivery = Start();
  Turns(*delivery);
  Happens(0, "roads");
  const std::string ours = Happens(0, "water");
  Happens(1, "");
  Turns(*delivery);
  EXPECT_THAT(received_, ElementsAre(ours));
}

TEST_F(DeliveryTest, ItIsACloudEventThatTheSecretSigns) {
  auto delivery = Start();
  Turns(*delivery);
  const std::string id = Happens(1);
  Turns(*delivery);
  const auto json = nlohmann::json::parse(last_.body);
  EXPECT_EQ(json["specversion"], "1.0");
  EXPECT_EQ(json["id"], id);
  EXPECT_EQ(json["type"], "civicmesh.dispatch.v1.CaseClosed");
  EXPECT_EQ(json["subject"], "cases/c-1-0");
  EXPECT_EQ(json["data"]["context"]["case"], "cases/c-1-0");
  EXPECT_EQ(last_.seconds, clock_.wall_ms() / 1000);
  EXPECT_EQ(last_.signature, SignatureOf("a secret of this test", id, last_.seconds, last_.body));
}

// Computed apart, with Python's hmac.
TEST(SignatureTest, IsHmacSha256InBase64) {
  EXPECT_EQ(SignatureOf("Jefe", "id", 1, "body"), "v1,xHJRBnAqpZnawf1e2kcCMtpgnm5Q5XtH5s9rQvRI2J4=");
}

TEST_F(DeliveryTest, WhatIsNotTakenIsTriedAgainFurtherApartAndNothingOvertakesIt) {
  auto delivery = Start();
  Turns(*delivery);
  status_ = 503;
  const std::string one = Happens(0), two = Happens(0);
  Turns(*delivery);
  EXPECT_EQ(attempts_, 1);
  EXPECT_EQ(delivery->figures().next_id, one);
  EXPECT_NE(delivery->figures().failing_since_ms, 0);
  for (int64_t wait_ms : {1000, 2000, 4000}) {
    clock_.Advance(wait_ms - 1);
    const int before = attempts_;
    Turns(*delivery);
    EXPECT_EQ(attempts_, before);
    clock_.Advance(1);
    Turns(*delivery);
    EXPECT_EQ(attempts_, before + 1);
  }
  for (int i = 0; i < 20; ++i) {
    clock_.Advance(Delivery::kLongestWaitMs);
    const int before = attempts_;
    Turns(*delivery);
    EXPECT_EQ(attempts_, before + 1);
  }
  status_ = 200;
  clock_.Advance(Delivery::kLongestWaitMs);
  Turns(*delivery);
  EXPECT_THAT(received_, ElementsAre(one, two));
  EXPECT_EQ(delivery->figures().failing_since_ms, 0);
}

TEST_F(DeliveryTest, AnotherProcessGoesOnWhereItStopped) {
  auto delivery = Start();
  Turns(*delivery);
  const std::string one = Happens(0);
  Turns(*delivery);
  status_ = 0;  // nothing was heard
  const std::string two = Happens(0);
  Turns(*delivery);
  delivery = Start();
  status_ = 200;
  const std::string three = Happens(1);
  Turns(*delivery);
  EXPECT_THAT(received_, testing::UnorderedElementsAre(one, two, three));
}

TEST_F(DeliveryTest, PausedItSendsNothingAndLosesNothing) {
  Turns(*Start());
  subscription_.paused = true;
  const std::string one = Happens(0);
  Turns(*Start());
  EXPECT_THAT(received_, IsEmpty());
  subscription_.paused = false;
  Turns(*Start());
  EXPECT_THAT(received_, ElementsAre(one));
}

TEST_F(DeliveryTest, GoneMeansGone) {
  auto delivery = Start();
  Turns(*delivery);
  status_ = 410;
  Happens(0);
  Turns(*delivery);
  clock_.Advance(10 * Delivery::kLongestWaitMs);
  Turns(*delivery);
  EXPECT_EQ(attempts_, 1);
  EXPECT_TRUE(delivery->figures().gone);
}

TEST_F(DeliveryTest, AReplayGoesBackToAnEventInItsShardOnce) {
  Turns(*Start());
  Happens(0);
  const std::string one = Happens(0), two = Happens(0), other = Happens(1);
  Turns(*Start());
  received_.clear();
  subscription_.replay = Replay{.name = "r1", .from = {.id = one}};
  Turns(*Start());
  EXPECT_THAT(received_, ElementsAre(one, two));
  received_.clear();
  Turns(*Start());
  EXPECT_THAT(received_, IsEmpty());
  subscription_.replay->name = "r2";
  Turns(*Start());
  EXPECT_THAT(received_, ElementsAre(one, two));
}

TEST_F(DeliveryTest, AReplayFromATimeGoesBackInAllShards) {
  Turns(*Start());
  Happens(0);
  const std::string one = Happens(1), two = Happens(0);
  Turns(*Start());
  received_.clear();
  subscription_.replay = Replay{.name = "r1", .from = {.time = absl::FromUnixSeconds(1'795'000'000 + 60)}};
  Turns(*Start());
  EXPECT_THAT(received_, testing::UnorderedElementsAre(one, two));
}

TEST_F(DeliveryTest, AReplayNeverSkipsWhatWasNotSentYet) {
  Turns(*Start());
  status_ = 500;
  const std::string one = Happens(0), two = Happens(0);
  Turns(*Start());
  status_ = 200;
  subscription_.replay = Replay{.name = "r1", .from = {.id = two}};
  Turns(*Start());
  EXPECT_THAT(received_, ElementsAre(one, two));
}

class QuietDeliveryTest : public DeliveryTest {
 protected:
  // The notices stand in the log that serves dispatch too.
  QuietDeliveryTest() { subscription_.types.insert(kNotified); }
  std::unique_ptr<Delivery> Start() {
    return std::make_unique<Delivery>(
        subscription_, progress_,
        DeliveryParts{.domains = {{"dispatch", &journal_}, {"intake", &nothing_}},
                      .remember = [this](const std::string& key, const std::string& value) { progress_[key] = value; },
                      .post = [this](const Attempt& attempt) { return Receive(attempt); },
                      .clock = &clock_,
                      .secret = "a secret of this test"});
  }
  MemoryLog none_{kShards, [this] { return clock_.wall_ms(); }};
  MemoryJournal nothing_{&none_};
};

TEST_F(QuietDeliveryTest, WhatMayNotDisturbYetWaitsAndWhatStandsBehindItInItsShard) {
  auto delivery = Start();
  Turns(*delivery);
  const std::string before = Happens(0), notice = Notifies(0, 5000), behind = Happens(0), other = Happens(1);
  Turns(*delivery);
  EXPECT_THAT(received_, testing::UnorderedElementsAre(before, other));
  EXPECT_EQ(delivery->figures().held, 1);
  const std::string later = Happens(0), elsewhere = Happens(1);
  clock_.Advance(4999);
  Turns(*delivery);
  EXPECT_THAT(received_, testing::UnorderedElementsAre(before, other, elsewhere));
  received_.clear();
  clock_.Advance(1);
  Turns(*delivery);
  EXPECT_THAT(received_, ElementsAre(notice, behind, later));
  EXPECT_EQ(delivery->figures().held, 0);
  EXPECT_EQ(delivery->figures().failed, 0);
}

TEST_F(QuietDeliveryTest, WhatMayDisturbGoesOutAtOnce) {
  auto delivery = Start();
  Turns(*delivery);
  const std::string one = Notifies(0, -1), two = Notifies(0, 0);
  Turns(*delivery);
  EXPECT_THAT(received_, ElementsAre(one, two));
}

TEST_F(QuietDeliveryTest, AnotherProcessHoldsItToo) {
  auto delivery = Start();
  Turns(*delivery);
  const std::string notice = Notifies(1, 5000), behind = Happens(1);
  Turns(*delivery);
  delivery = Start();
  Turns(*delivery);
  EXPECT_THAT(received_, IsEmpty());
  clock_.Advance(5000);
  Turns(*delivery);
  EXPECT_THAT(received_, ElementsAre(notice, behind));
}

TEST_F(QuietDeliveryTest, WhoDoesNotHearNoticesWaitsForNone) {
  subscription_.types.erase(kNotified);
  auto delivery = Start();
  Turns(*delivery);
  Notifies(0, 5000);
  const std::string one = Happens(0);
  Turns(*delivery);
  EXPECT_THAT(received_, ElementsAre(one));
}

TEST_F(DeliveryTest, SinceWhenTheOldestWaitsIsKnown) {
  auto delivery = Start();
  Turns(*delivery);
  EXPECT_EQ(delivery->figures().waiting_since_ms, 0);
  status_ = 503;
  const int64_t first_ms = clock_.wall_ms();
  Happens(0, "water", "civicmesh.dispatch.v1.CaseOpened");
  clock_.Advance(60'000);
  Happens(1);
  clock_.Advance(60'000);
  Happens(0);
  Turns(*delivery);
  EXPECT_EQ(delivery->figures().waiting_since_ms, first_ms + 60'000) << "nobody wants the first";
  status_ = 200;
  clock_.Advance(60'000);
  Turns(*delivery);
  EXPECT_EQ(delivery->figures().waiting_since_ms, 0);
}

TEST_F(DeliveryTest, AnEventThatThisReleaseCannotReadIsCountedAndPassed) {
  subscription_.types = {"civicmesh.dispatch.v1.CaseClosed", "civicmesh.dispatch.v1.CaseTeleported"};
  auto delivery = Start();
  Turns(*delivery);
  Happens(0, "water", "civicmesh.dispatch.v1.CaseTeleported");
  const std::string one = Happens(0);
  Turns(*delivery);
  EXPECT_THAT(received_, ElementsAre(one));
  EXPECT_EQ(delivery->figures().unknown, 1);
}

}  // namespace
}  // namespace civicmesh::webhooks
