// What a receipt is answered with, by what hot state says.
#include "services/intake/received.h"

#include <gtest/gtest.h>

#include "services/intake/domain/reports.h"
#include "services/intake/receipt.h"
#include "services/runtime/base/person_tokens.h"
#include "services/runtime/decider/posts_for_tests.h"
#include "services/runtime/rpc/command_door.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/fake_reads.h"
#include "services/runtime/rpc/outcomes.h"
#include "services/runtime/rpc/service_context.h"

namespace civicmesh::intake {
namespace {

constexpr int kShard = 3;
constexpr int64_t kOffset = 17;
const ActorView kCitizen{.subject = "u1", .posts = Posts({"CITIZEN"})};
const ActorView kOther{.subject = "u2", .posts = Posts({"CITIZEN"})};
const ActorView kStaff{.subject = "s1", .posts = Posts({"REGISTRAR"})};
const ActorView kNobody;

class ReceivedTest : public testing::Test {
 protected:
  ReceivedTest() { Decided(kOffset - 1); }
  void Decided(int64_t inbox_offset) {
    log::v1::HotPoint point;
    point.mutable_inbox()->set_offset(inbox_offset);
    reads_.blob = point.SerializeAsString();
    reads_.point = "100";
  }
  void PutOutcome(const char* refusal, const std::string& body_hash = "body", int64_t offset = 50) {
    log::v1::OutcomeValue outcome;
    outcome.set_offset(offset);
    outcome.set_body_hash(body_hash);
    outcome.set_resource(id_);
    if (*refusal) {
      outcome.mutable_refused()->set_reason(refusal);
      outcome.mutable_refused()->set_domain("intake");
      outcome.mutable_refused()->set_code(3);
    }
    reads_.tables[{kShard, HotTable::kOutcomes}][landed_.command_id] = outcome.SerializeAsString();
  }
  std::string Receipt(const std::string& tracking_hash = "") {
    v1::Report report;
    reports_.Give(kShard, landed_, tracking_hash, {persons_.Of("u1"), ""}, &report);
    EXPECT_EQ(report.name(), "reports/" + id_);
    EXPECT_EQ(report.status(), v1::REPORT_STATUS_RECEIVED);
    EXPECT_EQ(report.anonymous(), !tracking_hash.empty());
    return report.receipt();
  }
  // "RECEIVED", "the report", or the reason of the error.
  std::string Ask(const std::string& receipt, const ActorView& actor = kCitizen, const std::string& tracking_hash = "",
                  const std::string& id = "") {
    std::string said;
    v1::Report report;
    reports_.Ask(
        receipt, id.empty() ? id_ : id, actor, tracking_hash, &report,
        [&](const grpc::Status& status) {
          EXPECT_EQ(said, "");
          said = !status.ok() ? ReasonOf(status) : report.receipt() == receipt ? "RECEIVED" : "the report";
        },
        [&](const Finish& finish) { finish(read_); });
    return said;
  }

  FakeReads reads_;
  const PersonTokens persons_{"key"};
  const ServiceContext service_{.reads = &reads_, .persons = &persons_};
  const ReceiptKeys keys_{{std::string(32, 'k')}};
  ReceivedReports reports_{service_, keys_};
  const Received landed_{kOffset, std::string(32, 'c'), "body"};
  const std::string id_ = ReportIdOf(kShard, landed_.command_id);
  grpc::Status read_;  // what reading the report answers
};

TEST_F(ReceivedTest, WaitsUntilItsTurnHasCome) {
  EXPECT_EQ(Ask(Receipt()), "RECEIVED");
  PutOutcome("", "body", /*offset=*/100);  // not covered yet
  EXPECT_EQ(Ask(Receipt()), "RECEIVED");
}

TEST_F(ReceivedTest, DecidedItIsTheReportOrItsRefusal) {
  PutOutcome("");
  EXPECT_EQ(Ask(Receipt()), "the report");
  PutOutcome("REASON_AHEAD_OF_TIME");
  EXPECT_EQ(Ask(Receipt()), "REASON_AHEAD_OF_TIME");
}

TEST_F(ReceivedTest, AnOutcomeOfAnotherBodyUnderTheSameRequestIdIsNotThisOnes) {
  PutOutcome("", "another body");
  EXPECT_EQ(Ask(Receipt()), "REASON_ALREADY_EXISTS");
}

TEST_F(ReceivedTest, WithoutAnOutcomeAnymoreOnlyTheReportTells) {
  Decided(kOffset);
  EXPECT_EQ(Ask(Receipt()), "the report");
  read_ = RuntimeError("REASON_NOT_FOUND");
  EXPECT_EQ(Ask(Receipt()), "REASON_RECEIPT_EXPIRED");
  read_ = RuntimeError("REASON_RECOVERING");
  EXPECT_EQ(Ask(Receipt()), "REASON_RECOVERING");
}

TEST_F(ReceivedTest, WhileHotStateIsAwayItIsReceivedButNeverAgainOnceSeenDecided) {
  reads_.verified = false;
  EXPECT_EQ(Ask(Receipt()), "RECEIVED");
  reads_.failure = absl::UnavailableError("away");
  EXPECT_EQ(Ask(Receipt()), "RECEIVED");
  reads_.verified = true;
  reads_.failure = absl::OkStatus();
  // By its outcome alone: a repeated command's turn may not have come.
  PutOutcome("");
  EXPECT_EQ(Ask(Receipt()), "the report");
  reads_.verified = false;
  EXPECT_EQ(Ask(Receipt()), "REASON_RECOVERING");
}

TEST_F(ReceivedTest, OnlyWhoReportedAndStaffMayShowIt) {
  EXPECT_EQ(Ask(Receipt(), kStaff), "RECEIVED");
  for (const ActorView& actor : {kOther, kNobody}) EXPECT_EQ(Ask(Receipt(), actor), "REASON_RECEIPT_NOT_YOURS");
  const std::string anonymous = Receipt("hash");
  EXPECT_EQ(Ask(anonymous, kNobody, "hash"), "RECEIVED");
  EXPECT_EQ(Ask(anonymous, kNobody, "other"), "REASON_RECEIPT_NOT_YOURS");
  EXPECT_EQ(Ask(anonymous, kNobody), "REASON_RECEIPT_NOT_YOURS");
  EXPECT_EQ(Ask(Receipt(), kCitizen, "", ReportIdOf(kShard, "another")), "REASON_RECEIPT_NOT_YOURS");
}

TEST_F(ReceivedTest, WhatIsNoReceiptOfOursIsSaidToBeNone) {
  EXPECT_EQ(Ask("x"), "REASON_RECEIPT_INVALID");
  v1::Report foreign;
  ReceiptKeys keys({std::string(32, 'f')});
  ReceivedReports(service_, keys).Give(kShard, landed_, "", {persons_.Of("u1")}, &foreign);
  EXPECT_EQ(Ask(foreign.receipt()), "REASON_RECEIPT_INVALID");
}

}  // namespace
}  // namespace civicmesh::intake
