#include "services/civicctl/record_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_join.h"
#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "civicmesh/dispatch/v1/dispatch_journal.pb.h"
#include "civicmesh/intake/v1/intake_journal.pb.h"

namespace civicmesh::civicctl {
namespace {

using log::v1::Record;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr int64_t kHalfPastFourMs = 1790757000000;  // 2026-09-30 16:30, Asia/Shanghai

const Domain& Dispatch() { return Domains()[1]; }

Record Decision() {
  Record record;
  record.set_kind(Record::KIND_COMMAND);
  record.set_epoch(3);
  record.set_seq(7);
  record.set_now_ms(kHalfPastFourMs);
  record.set_method("civicmesh.dispatch.v1.DispatchService/UrgeCase");
  record.mutable_actor()->set_subject("clerk-1");
  auto* post = record.mutable_actor()->add_posts();
  post->set_role("UNIT_WORKER");
  post->set_unit("u-3");
  post->set_area("990101001");
  return record;
}

TEST(RecordTextTest, AnAcceptedDecisionNamesStreamsVersionsTimersAndReferences) {
  ASSERT_EQ(Dispatch().name, "dispatch");
  Record record = Decision();
  dispatch::v1::JournalEvent event;
  event.mutable_case_urged();
  event.set_note("请尽快处理");
  auto* change = record.mutable_accepted()->add_streams();
  change->set_stream("c-1");
  change->set_first_version(4);
  change->add_events(event.SerializeAsString());
  auto* timer = record.mutable_accepted()->add_timers();
  timer->set_stream("c-1");
  timer->set_kind("overdue");
  timer->set_due_ms(kHalfPastFourMs);
  auto* use = record.add_references();
  use->set_kind("standard");
  use->set_version("2026-1");
  EXPECT_THAT(
      RecordLines(record, 41, true, Dispatch()),
      ElementsAre("41  2026-09-30 16:30:00  effective  COMMAND  epoch 3/7  DispatchService/UrgeCase  by clerk-1 "
                  "(UNIT_WORKER of u-3 in 990101001)",
                  "      c-1 v4 {\"case_urged\":{},\"note\":\"请尽快处理\"}",
                  "      timer overdue of c-1 due 2026-09-30 16:30:00", "      decided by standard 2026-1"));
}

TEST(RecordTextTest, RefusalsParkedAndVoidRecordsSayWhy) {
  Record refused = Decision();
  refused.mutable_refused()->set_reason("REASON_WRONG_STATUS");
  refused.mutable_refused()->set_domain("dispatch");
  refused.mutable_refused()->set_field("name");
  const Lines lines = RecordLines(refused, 5, false, Dispatch());
  EXPECT_THAT(lines[0], HasSubstr("  void  "));
  EXPECT_EQ(lines[1], "      refused: REASON_WRONG_STATUS (dispatch), field name");
  Record parked = Decision();
  parked.mutable_parked()->set_error("command does not parse");
  parked.mutable_parked()->set_original("abc");
  EXPECT_EQ(RecordLines(parked, 6, true, Dispatch())[1], "      parked: command does not parse (3 bytes)");
}

TEST(RecordTextTest, WhatMadeARecordIsSaid) {
  Record record;
  record.set_kind(Record::KIND_POLICY);
  record.mutable_origin()->set_policy("open_case");
  record.mutable_origin()->set_source_domain("intake");
  record.mutable_origin()->set_source_shard(3);
  record.mutable_origin()->mutable_event()->set_journal_offset(412);
  EXPECT_EQ(RecordLines(record, 1, true, Dispatch())[1], "      policy open_case on intake/3/412/0");
  record.Clear();
  record.set_kind(Record::KIND_BARRIER);
  record.set_owner(255);
  EXPECT_EQ(RecordLines(record, 1, true, Dispatch())[1], "      owner ff takes the shard over");
}

TEST(RecordTextTest, SealedStaysSealed) {
  type::v1::Sealed sealed;
  sealed.set_ciphertext("secret bytes");
  sealed.set_key_id("dev-1");
  log::v1::Command command;
  intake::v1::Command asked;
  *asked.mutable_submit_report()->mutable_text()->mutable_sealed() = sealed;
  command.set_payload(asked.SerializeAsString());
  const std::string text = absl::StrJoin(CommandLines(command, Domains()[0]), "\n");
  EXPECT_THAT(text, HasSubstr("(sealed under dev-1)"));
  EXPECT_THAT(text, Not(HasSubstr("ciphertext")));
}

TEST(RecordTextTest, AnEventReadsByItsHeaders) {
  dispatch::v1::CaseUrged fact;
  LogRecord record{.offset = 9,
                   .time_ms = 1,
                   .value = fact.SerializeAsString(),
                   .headers = {{"ce_id", "dispatch/3/41/0"},
                               {"ce_type", "civicmesh.dispatch.v1.CaseUrged"},
                               {"ce_subject", "cases/c-1"},
                               {"ce_time", "2026-09-30T08:30:00+00:00"}}};
  EXPECT_THAT(EventLines(record),
              ElementsAre("dispatch/3/41/0  2026-09-30 16:30:00  CaseUrged  cases/c-1", "      {}"));
  record.headers = {{"ce_type", "civicmesh.nobody.v1.Knows"}};
  EXPECT_THAT(EventLines(record)[1], HasSubstr("?("));
}

TEST(RecordTextTest, BytesThatAreNoMessageAreCounted) {
  EXPECT_EQ(JsonText(dispatch::v1::JournalEvent::descriptor(), "\xff\xff"), "?(2 bytes)");
}

}  // namespace
}  // namespace civicmesh::civicctl
