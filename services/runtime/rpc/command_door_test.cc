#include "services/runtime/rpc/command_door.h"

#include <gtest/gtest.h>

#include <limits>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/synchronization/notification.h"

#include "civicmesh/log/v1/log.pb.h"
#include "civicmesh/runtime/v1/control_service.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/decider/posts_for_tests.h"
#include "services/runtime/journal/memory_journal.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/fake_reads.h"

namespace civicmesh {
namespace {

constexpr char kRequestId[] = "0197a1b2-c3d4-7abc-8def-001122334455";
constexpr int64_t kLater = 10 * 1000;
const PersonTokens kPersons("person-key");

// The domain's owner, as far as a door can see: what landed in the inbox, and answers to it.
class DoorTest : public testing::Test {
 protected:
  void SetUp() override { MakeDoor({.persons = kPersons}); }
  void MakeDoor(DoorOptions options) {
    options.reply_to = "replies-1";
    options.body_key = "key";
    door_ = std::make_unique<CommandDoor>(
        options, [this] { return NewAppender(); }, &reads_, &clock_);
  }
  std::unique_ptr<LogAppender> NewAppender() {
    ++sessions_;
    return journal_.NewAppender();
  }

  struct Asked {
    int answers = 0;
    CommandResult result;
    std::string reason() const { return ReasonOf(result.status); }
  };
  std::shared_ptr<Asked> Submit(const std::string& request_id = kRequestId, const std::string& body = "intake",
                                int shard = 3, const std::string& subject = "c-1") {
    auto asked = std::make_shared<Asked>();
    runtime::v1::QuiesceRequest request;
    request.set_service(body);
    Call call{.actor = {.subject = subject, .posts = Posts(posts_, "u")},
              .method = "a.B/C",
              .traceparent = "00-t",
              .deadline_steady_ms = deadline_};
    door_->Submit(call,
                  {.shard = shard,
                   .routing_key = "k",
                   .request_id = request_id,
                   .body = &request,
                   .payload = "do",
                   .receipt_wait_ms = receipt_wait_},
                  [asked](CommandResult result) {
                    ++asked->answers;
                    asked->result = std::move(result);
                  });
    return asked;
  }
  static std::string RequestId(int n) {
    std::string id = kRequestId;
    const std::string digits = std::to_string(n);
    return id.replace(id.size() - digits.size(), digits.size(), digits);
  }
  std::vector<log::v1::Command> Inbox(int shard = 3) {
    std::vector<log::v1::Command> commands;
    for (const auto& record : log_.records({Topic::kInbox, shard})) {
      auto bytes = Unframe(record.value);
      EXPECT_TRUE(bytes.ok());
      EXPECT_TRUE(commands.emplace_back().ParseFromString(std::string(*bytes)));
    }
    return commands;
  }
  log::v1::Reply ReplyTo(const log::v1::Command& command, const std::string& resource = "r-1",
                         const std::string& state = "s") {
    log::v1::Reply reply;
    reply.set_command_id(command.command_id());
    reply.mutable_outcome()->set_body_hash(command.body_hash());
    reply.mutable_outcome()->set_offset(5);
    reply.mutable_outcome()->set_resource(resource);
    reply.set_state(state);
    return reply;
  }
  void PutStream(const std::string& stream, const std::string& state) {
    log::v1::StreamValue value;
    value.set_state(state);
    reads_.tables[{3, HotTable::kStreams}][stream] = value.SerializeAsString();
  }
  void PutOutcome(const log::v1::Reply& reply) {
    reads_.tables[{3, HotTable::kOutcomes}][reply.command_id()] = reply.outcome().SerializeAsString();
  }
  // Hot state covers the decisions up to this inbox record.
  void Decided(int64_t inbox_offset) {
    log::v1::HotPoint point;
    point.mutable_inbox()->set_offset(inbox_offset);
    reads_.blob = point.SerializeAsString();
  }
  void After(int64_t ms) {
    clock_.Advance(ms);
    door_->RunDue();
  }

  FakeClock clock_;
  MemoryLog log_{8, [this] { return clock_.wall_ms(); }};
  MemoryJournal journal_{&log_};
  FakeReads reads_;
  int sessions_ = 0;
  int64_t deadline_ = std::numeric_limits<int64_t>::max();
  int64_t receipt_wait_ = 0;
  std::vector<std::string> posts_{"CITIZEN"};
  std::unique_ptr<CommandDoor> door_;
};

TEST_F(DoorTest, WritesTheCommandAndPassesTheAnswerOn) {
  auto asked = Submit();
  ASSERT_EQ(Inbox().size(), 1u);
  const log::v1::Command command = Inbox()[0];
  EXPECT_EQ(command.kind(), log::v1::Command::KIND_REQUEST);
  EXPECT_EQ(command.command_id(), CommandId("c-1", "a.B/C", "k", kRequestId));
  EXPECT_EQ(command.issued_at_ms(), *UuidV7Time(kRequestId));
  EXPECT_EQ(command.body_hash().size(), 16u);
  EXPECT_EQ(command.actor().subject(), kPersons.Of("c-1"));
  ASSERT_EQ(command.actor().posts_size(), 1);
  EXPECT_EQ(command.actor().posts(0).role(), "CITIZEN");
  EXPECT_EQ(command.actor().posts(0).scope(), options::v1::SCOPE_OWN);
  EXPECT_EQ(command.payload(), "do");
  EXPECT_EQ(command.reply_to(), "replies-1");
  EXPECT_EQ(command.traceparent(), "00-t");

  door_->Deliver(ReplyTo(command));
  EXPECT_EQ(asked->answers, 0);
  door_->RunDue();
  ASSERT_EQ(asked->answers, 1);
  EXPECT_TRUE(asked->result.status.ok());
  EXPECT_EQ(asked->result.resource, "r-1");
  EXPECT_EQ(asked->result.state, "s");
  EXPECT_EQ(door_->in_flight(), 0);
  door_->Deliver(ReplyTo(command));
  After(kLater);
  EXPECT_EQ(asked->answers, 1);
}

TEST_F(DoorTest, TheLogNamesWhoHoldsAPostAndNobodyElse) {
  Submit(RequestId(1), "intake", 3, "citizen-li");
  posts_ = {"REGISTRAR"};
  Submit(RequestId(2), "intake", 3, "registrar-wang");
  ASSERT_EQ(Inbox().size(), 2u);
  EXPECT_FALSE(absl::StrContains(log_.records({Topic::kInbox, 3})[0].value, "citizen-li"));
  EXPECT_EQ(Inbox()[1].actor().subject(), "registrar-wang");
  // Another name, and the same command as before to whoever sends it again.
  EXPECT_EQ(Inbox()[0].command_id(), CommandId("citizen-li", "a.B/C", "k", RequestId(1)));
}

TEST_F(DoorTest, RefusesABadRequestIdBeforeAnythingIsWritten) {
  for (const char* id : {"", "1", "0197a1b2-c3d4-4abc-8def-001122334455"}) {
    auto asked = Submit(id);
    ASSERT_EQ(asked->answers, 1);
    EXPECT_EQ(asked->result.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(asked->reason(), "REASON_BAD_REQUEST_ID");
  }
  EXPECT_TRUE(Inbox().empty());
}

TEST_F(DoorTest, PassesARecordedRefusalOn) {
  auto asked = Submit();
  log::v1::Reply reply = ReplyTo(Inbox()[0], "", "");
  reply.mutable_outcome()->mutable_refused()->set_reason("REASON_STALE");
  reply.mutable_outcome()->mutable_refused()->set_domain("runtime");
  reply.mutable_outcome()->mutable_refused()->set_code(9);
  door_->Deliver(reply);
  door_->RunDue();
  EXPECT_EQ(asked->result.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(asked->reason(), "REASON_STALE");
}

TEST_F(DoorTest, ARepeatedCommandGetsTheResourceAsItIsNow) {
  auto asked = Submit();
  PutStream("r-1", "newer");
  door_->Deliver(ReplyTo(Inbox()[0], "r-1", ""));
  door_->RunDue();
  ASSERT_EQ(asked->answers, 1);
  EXPECT_EQ(asked->result.state, "newer");

  asked = Submit();
  reads_.verified = false;
  PutOutcome(ReplyTo(Inbox()[0]));
  reads_.point = "6";
  door_->Deliver(ReplyTo(Inbox()[0], "r-1", ""));
  door_->RunDue();
  EXPECT_EQ(asked->answers, 0);
  reads_.verified = true;
  After(50);
  ASSERT_EQ(asked->answers, 1);
  EXPECT_EQ(asked->result.state, "newer");

  asked = Submit();
  reads_.verified = false;
  door_->Deliver(ReplyTo(Inbox()[0], "r-1", ""));
  After(5000);
  ASSERT_EQ(asked->answers, 1);
  EXPECT_EQ(asked->reason(), "REASON_UNKNOWN_OUTCOME");
}

TEST_F(DoorTest, HearingNothingItLooksTheOutcomeUp) {
  auto asked = Submit();
  PutOutcome(ReplyTo(Inbox()[0]));
  PutStream("r-1", "found");
  reads_.point = "5";  // the outcome's record stands at 5: not covered yet
  After(49);
  EXPECT_EQ(reads_.reads, 0);
  After(1);
  EXPECT_EQ(reads_.reads, 1);
  EXPECT_EQ(asked->answers, 0);
  reads_.point = "6";
  reads_.verified = false;
  After(150);
  EXPECT_EQ(reads_.reads, 2);
  EXPECT_EQ(asked->answers, 0);
  reads_.verified = true;
  After(599);
  EXPECT_EQ(reads_.reads, 2);
  After(1);
  ASSERT_EQ(asked->answers, 1);
  EXPECT_EQ(asked->result.state, "found");
}

TEST_F(DoorTest, GivesUpAtTheDeadlineAsUnknown) {
  auto asked = Submit();
  After(4999);
  EXPECT_EQ(asked->answers, 0);
  After(1);
  ASSERT_EQ(asked->answers, 1);
  EXPECT_EQ(asked->result.status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(asked->result.status.error_message(), "unknown: retry with the same request_id");

  deadline_ = clock_.steady_ms() + 120;
  asked = Submit();
  After(100);
  ASSERT_EQ(asked->answers, 1);
  EXPECT_EQ(asked->reason(), "REASON_UNKNOWN_OUTCOME");
  EXPECT_EQ(door_->in_flight(), 0);
}

TEST_F(DoorTest, OnceLandedTheWaitIsShorterAndTheResultSaysWhereItStands) {
  receipt_wait_ = 2000;
  Submit(RequestId(1));
  auto asked = Submit(RequestId(2));
  After(1999);
  EXPECT_EQ(asked->answers, 0);
  After(1);
  ASSERT_EQ(asked->answers, 1);
  EXPECT_EQ(asked->reason(), "REASON_UNKNOWN_OUTCOME");
  ASSERT_TRUE(asked->result.received);
  EXPECT_EQ(asked->result.received->inbox_offset, 1);
  EXPECT_EQ(asked->result.received->command_id, Inbox()[1].command_id());
  EXPECT_EQ(asked->result.received->body_hash, Inbox()[1].body_hash());
}

TEST_F(DoorTest, TheCallersOwnDeadlineEndsTheWaitEarlier) {
  receipt_wait_ = 2000;
  deadline_ = clock_.steady_ms() + 500;
  auto asked = Submit();
  After(480);
  ASSERT_EQ(asked->answers, 1);
  EXPECT_TRUE(asked->result.received);
}

TEST_F(DoorTest, AnOutcomeWithinTheWaitIsTheAnswer) {
  receipt_wait_ = 2000;
  auto asked = Submit();
  After(1500);
  door_->Deliver(ReplyTo(Inbox()[0]));
  door_->RunDue();
  ASSERT_EQ(asked->answers, 1);
  EXPECT_TRUE(asked->result.status.ok());
  EXPECT_FALSE(asked->result.received);
}

// What is not acknowledged may never land: nobody is told that it was received.
TEST_F(DoorTest, AnUnknownAppendIsNeverReceived) {
  receipt_wait_ = 2000;
  log_.manual = true;
  auto lost = Submit(RequestId(1)), late = Submit(RequestId(2));
  After(4999);
  EXPECT_EQ(late->answers, 0);
  log_.Lose(*log_.sessions().back());
  for (const auto& asked : {lost, late}) {
    ASSERT_EQ(asked->answers, 1);
    EXPECT_EQ(asked->reason(), "REASON_UNKNOWN_OUTCOME");
    EXPECT_FALSE(asked->result.received);
  }
  auto given_up = Submit(RequestId(3));
  After(5000);
  ASSERT_EQ(given_up->answers, 1);
  EXPECT_FALSE(given_up->result.received);
  EXPECT_EQ(door_->unheard(), 0);
  log_.Land(*log_.sessions().back());
  EXPECT_EQ(given_up->answers, 1);
  EXPECT_EQ(door_->unheard(), 1);
}

TEST_F(DoorTest, WhatLandedAndWasNotHeardOfKeepsItsPlaceUntilItIsDecided) {
  MakeDoor({.persons = kPersons, .max_per_shard = 3});
  receipt_wait_ = 2000;
  for (int i = 1; i <= 3; ++i) Submit(RequestId(i));
  After(2000);
  EXPECT_EQ(door_->in_flight(), 0);
  EXPECT_EQ(door_->unheard(), 3);
  const auto full = [&] {
    auto asked = Submit(RequestId(9));
    const bool refused = asked->answers == 1;
    if (refused) {
      EXPECT_EQ(asked->result.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    }
    return refused;
  };
  EXPECT_TRUE(full());
  EXPECT_EQ(Inbox().size(), 3u);
  EXPECT_EQ(Submit(RequestId(8), "b", 4)->answers, 0);  // another shard has room
  door_->Deliver(ReplyTo(Inbox(4)[0], "", ""));

  // Hot state that cannot be trusted frees nothing.
  reads_.verified = false;
  Decided(1);
  After(1000);
  EXPECT_TRUE(full());
  // The first two by their turn; the third is a repetition of something decided long ago, which leaves no record.
  reads_.verified = true;
  After(1000);
  EXPECT_EQ(door_->unheard(), 1);
  reads_.point = "6";
  PutOutcome(ReplyTo(Inbox()[2]));
  After(1000);
  EXPECT_EQ(door_->unheard(), 0);
  EXPECT_FALSE(full());
}

TEST_F(DoorTest, AnotherBodyUnderTheSameIdIsRefusedWhicheverAnswerComesFirst) {
  auto first = Submit(kRequestId, "intake"), second = Submit(kRequestId, "dispatch");
  const auto inbox = Inbox();
  ASSERT_EQ(inbox.size(), 2u);
  ASSERT_EQ(inbox[0].command_id(), inbox[1].command_id());
  ASSERT_NE(inbox[0].body_hash(), inbox[1].body_hash());
  // The owner's refusal of the second names the first one's body.
  log::v1::Reply refusal = ReplyTo(inbox[0], "", "");
  refusal.mutable_outcome()->mutable_refused()->set_reason("REASON_ALREADY_EXISTS");
  refusal.mutable_outcome()->mutable_refused()->set_domain("runtime");
  refusal.mutable_outcome()->mutable_refused()->set_code(6);
  door_->Deliver(refusal);
  door_->RunDue();
  EXPECT_EQ(first->answers, 0);
  ASSERT_EQ(second->answers, 1);
  EXPECT_EQ(second->result.status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  door_->Deliver(ReplyTo(inbox[0]));
  door_->RunDue();
  ASSERT_EQ(first->answers, 1);
  EXPECT_TRUE(first->result.status.ok());
}

TEST_F(DoorTest, TheSameCommandTwiceAtOnceAnswersBoth) {
  auto first = Submit(), second = Submit();
  door_->Deliver(ReplyTo(Inbox()[0]));
  door_->RunDue();
  EXPECT_TRUE(first->answers == 1 && first->result.status.ok());
  EXPECT_TRUE(second->answers == 1 && second->result.status.ok());
}

TEST_F(DoorTest, AFailedAppendIsUnknownAndTheNextOneGetsANewSession) {
  log_.manual = true;
  auto asked = Submit();
  log_.Lose(*log_.sessions().back());
  ASSERT_EQ(asked->answers, 1);
  EXPECT_EQ(asked->reason(), "REASON_UNKNOWN_OUTCOME");
  EXPECT_FALSE(door_->can_append());
  log_.manual = false;
  asked = Submit(RequestId(7));
  EXPECT_EQ(sessions_, 2);
  EXPECT_EQ(Inbox().size(), 1u);
  EXPECT_TRUE(door_->can_append());
}

// A log that takes nothing.
class FullAppender : public LogAppender {
 public:
  explicit FullAppender(absl::Status answer) : answer_(std::move(answer)) {}
  absl::Status Append(Partition, std::string, Headers) override { return answer_; }
  absl::Status Append(Partition, std::string, Headers, Done) override { return answer_; }
  absl::Status Health() override { return absl::OkStatus(); }

 private:
  const absl::Status answer_;
};

TEST_F(DoorTest, WhatTheLogDidNotTakeIsRefused) {
  const std::pair<absl::Status, grpc::StatusCode> cases[] = {
      {absl::ResourceExhaustedError("full"), grpc::StatusCode::RESOURCE_EXHAUSTED},
      {absl::InvalidArgumentError("large"), grpc::StatusCode::INVALID_ARGUMENT},
      {absl::UnavailableError("over"), grpc::StatusCode::UNAVAILABLE}};
  for (const auto& [answer, code] : cases) {
    door_ = std::make_unique<CommandDoor>(
        DoorOptions{.reply_to = "r", .body_key = "k", .persons = kPersons},
        [&] { return std::make_unique<FullAppender>(answer); }, &reads_, &clock_);
    auto asked = Submit();
    ASSERT_EQ(asked->answers, 1);
    EXPECT_EQ(asked->result.status.error_code(), code);
    EXPECT_EQ(door_->in_flight(), 0);
  }
}

// A log with one lock, which it holds while it answers: who asks it something waits until it has answered others.
class OneLockAppender : public LogAppender {
 public:
  explicit OneLockAppender(bool* answered) : answered_(answered) {}
  absl::Status Append(Partition, std::string, Headers) override { return absl::OkStatus(); }
  absl::Status Append(Partition, std::string, Headers, Done done) override {
    done_ = std::move(done);
    return absl::OkStatus();
  }
  absl::Status Health() override {
    auto answered = std::make_shared<absl::Notification>();
    std::thread([answered, done = std::exchange(done_, nullptr)] {
      done(7);
      answered->Notify();
    }).detach();
    *answered_ = answered->WaitForNotificationWithTimeout(absl::Seconds(10));
    return absl::OkStatus();
  }

 private:
  bool* const answered_;
  Done done_;
};

TEST_F(DoorTest, TheLogAnswersOneWhileAnotherAsksIt) {
  bool answered = false;
  door_ = std::make_unique<CommandDoor>(
      DoorOptions{.persons = kPersons}, [&] { return std::make_unique<OneLockAppender>(&answered); }, &reads_, &clock_);
  Submit();
  Submit(RequestId(2));
  EXPECT_TRUE(answered);
}

TEST_F(DoorTest, AdmitsNoMoreThanItsBounds) {
  struct Case {
    DoorOptions options;
    int other_shard;
    std::string other_subject;
  };
  // The third of three is over the bound, unless it goes elsewhere.
  const Case cases[] = {
      {.options = {.persons = kPersons, .max_in_flight = 2}, .other_shard = -1, .other_subject = ""},
      {.options = {.persons = kPersons, .max_per_shard = 2}, .other_shard = 4, .other_subject = ""},
      {.options = {.persons = kPersons, .max_per_actor = 2}, .other_shard = -1, .other_subject = "c-2"}};
  for (const Case& one : cases) {
    MakeDoor(one.options);
    const size_t before = Inbox().size();
    Submit(RequestId(1));
    Submit(RequestId(2));
    auto refused = Submit(RequestId(3));
    ASSERT_EQ(refused->answers, 1);
    EXPECT_EQ(refused->result.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    google::rpc::Status rich;
    ASSERT_TRUE(rich.ParseFromString(refused->result.status.error_details()));
    bool retry = false;
    for (const auto& detail : rich.details()) retry |= detail.Is<google::rpc::RetryInfo>();
    EXPECT_TRUE(retry);
    EXPECT_EQ(Inbox().size(), before + 2);
    if (one.other_shard >= 0) {
      EXPECT_EQ(Submit(RequestId(4), "b", one.other_shard)->answers, 0);
    }
    if (!one.other_subject.empty()) {
      EXPECT_EQ(Submit(RequestId(4), "b", 3, one.other_subject)->answers, 0);
    }
    After(kLater);  // those given up make room, in their shard once they are decided
    Decided(Inbox().size());
    After(kLater);
    EXPECT_EQ(door_->in_flight(), 0);
    EXPECT_EQ(Submit(RequestId(5))->answers, 0);
  }
}

TEST_F(DoorTest, AProbeTellsWhetherAppendsLand) {
  EXPECT_FALSE(door_->can_append());
  door_->Probe(2);
  EXPECT_TRUE(door_->can_append());
  ASSERT_EQ(Inbox(2).size(), 1u);
  EXPECT_EQ(Inbox(2)[0].kind(), log::v1::Command::KIND_TICK);
  log_.manual = true;
  door_->Probe(2);
  log_.Lose(*log_.sessions().back());
  EXPECT_FALSE(door_->can_append());
}

TEST_F(DoorTest, StopAnswersWhoStillWaits) {
  auto asked = Submit();
  door_->Stop();
  ASSERT_EQ(asked->answers, 1);
  EXPECT_EQ(asked->reason(), "REASON_UNKNOWN_OUTCOME");
  asked = Submit(RequestId(2));
  ASSERT_EQ(asked->answers, 1);
  EXPECT_EQ(asked->result.status.error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(DoorTest, ItsOwnThreadAnswersToo) {
  door_->Start();
  absl::Notification answered;
  runtime::v1::QuiesceRequest request;
  door_->Submit({.actor = {.subject = "c", .posts = {}}, .method = "a.B/C", .deadline_steady_ms = deadline_},
                {.shard = 3, .routing_key = "k", .request_id = kRequestId, .body = &request, .payload = ""},
                [&](CommandResult) { answered.Notify(); });
  door_->Deliver(ReplyTo(Inbox()[0]));
  EXPECT_TRUE(answered.WaitForNotificationWithTimeout(absl::Seconds(20)));
  door_->Stop();
}

}  // namespace
}  // namespace civicmesh
