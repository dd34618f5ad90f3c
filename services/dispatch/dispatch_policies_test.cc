#include "services/dispatch/dispatch_policies.h"

#include "civicmesh/dispatch/v1/dispatch_journal.pb.h"
#include "civicmesh/intake/v1/intake_events.pb.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "services/dispatch/dispatch_geometry.h"
#include "services/runtime/base/names.h"

namespace civicmesh::dispatch {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

template <typename Message>
Message FromText(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

PublicFact Fact(const google::protobuf::Message& event) {
  return {.type = event.GetDescriptor()->full_name(), .subject = "reports/r-1", .bytes = event.SerializeAsString()};
}

const PolicySpec kPolicy = Policies(8)[0];

TEST(DispatchPoliciesTest, AForwardedReportOpensACaseInTheShardOfItsPlace) {
  const auto forwarded = FromText<intake::v1::ReportForwarded>(R"(
      context {report: 'reports/r-1' source: REPORT_SOURCE_CITIZEN_APP reporter_token: 'p-1' reported_at {seconds: 7}
               location {latitude: 30.3 longitude: 119.963}
               category {class_code: 'E0110' proposed_by: 'text:keywords-1' confidence: 83 second_class_code: 'E0112'}}
      masked_text: '垃圾' photos {uri: 'p/1' kind: KIND_NEAR})");
  const auto commands = kPolicy.react(Fact(forwarded));
  ASSERT_TRUE(commands.ok());
  ASSERT_THAT(*commands, SizeIs(1));
  v1::Command command;
  ASSERT_TRUE(command.ParseFromString((*commands)[0].payload));
  const auto expected = FromText<v1::Command>(R"(
      open_case_from_report {report: 'reports/r-1' source: REPORT_SOURCE_CITIZEN_APP reporter_token: 'p-1'
        reported_at {seconds: 7} location {latitude: 30.3 longitude: 119.963} class_code: 'E0110'
        proposed_by: 'text:keywords-1' confidence: 83 masked_text: '垃圾' photos {uri: 'p/1' kind: KIND_NEAR}}
      home_cell: ')" + HomeCell(30.3, 119.963) +
                                              "'");
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(command, expected)) << command.DebugString();
  EXPECT_EQ((*commands)[0].shard, ShardOf(command.home_cell(), 8));
}

TEST(DispatchPoliciesTest, AnythingElseIsLeftAlone) {
  const auto withdrawn = kPolicy.react(Fact(intake::v1::ReportWithdrawn()));
  ASSERT_TRUE(withdrawn.ok());
  EXPECT_THAT(*withdrawn, IsEmpty());
}

TEST(DispatchPoliciesTest, WhatCannotBecomeACaseIsParked) {
  EXPECT_FALSE(kPolicy.react(Fact(intake::v1::ReportForwarded())).ok());
  EXPECT_FALSE(kPolicy.react({.type = "civicmesh.intake.v1.ReportForwarded", .bytes = "\xff"}).ok());
}

}  // namespace
}  // namespace civicmesh::dispatch
