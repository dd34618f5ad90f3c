#include "services/dispatch/dispatch_policies.h"

#include <cmath>
#include <set>

#include "civicmesh/dispatch/v1/dispatch_journal.pb.h"
#include "civicmesh/intake/v1/intake_events.pb.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "services/dispatch/dispatch_geometry.h"
#include "services/runtime/base/ids.h"
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

// Each command of the policy that merges across shards, as "shard: text".
std::vector<std::string> Across(const google::protobuf::Message& event, int source_shard = 0) {
  PublicFact fact = Fact(event);
  fact.source_shard = source_shard;
  const auto commands = Policies(8)[1].react(fact);
  EXPECT_TRUE(commands.ok()) << commands.status();
  std::vector<std::string> out;
  for (const auto& one : *commands) {
    v1::Command command;
    EXPECT_TRUE(command.ParseFromString(one.payload));
    google::protobuf::TextFormat::Printer printer;
    printer.SetSingleLineMode(true);
    std::string text;
    printer.PrintToString(command, &text);
    out.push_back(std::to_string(one.shard) + ": " + text);
  }
  return out;
}

const std::string kThree = "cases/" + MakeId("c", 3, "x"), kFive = "cases/" + MakeId("c", 5, "y");

TEST(DispatchPoliciesTest, AnOpeningNearABorderIsToldBeyondIt) {
  const std::string context = "context {case: '" + kThree +
                              "' class_code: 'E0110' location {latitude: 30.3 longitude: 119.9} reported_at {seconds: "
                              "7} opened_at {seconds: 9}}";
  const std::string look = "look_for_similar { asking { case: \"" + kThree +
                           "\" class_code: \"E0110\" location { latitude: 30.3 longitude: 119.9 } reported_at { "
                           "seconds: 7 } opened_at { seconds: 9 } } asking_shard: 3 } ";
  EXPECT_THAT(Across(FromText<v1::CaseOpened>(context + " near_shards: 5 near_shards: 6"), 3),
              testing::ElementsAre("5: " + look, "6: " + look));
  EXPECT_THAT(Across(FromText<v1::CaseOpened>(context), 3), IsEmpty());
}

TEST(DispatchPoliciesTest, WhatIsSaidOfMergingGoesToTheCaseConcerned) {
  EXPECT_THAT(Across(FromText<v1::NeighbourLooked>("asking_case: '" + kThree + "' shard: 5")),
              testing::ElementsAre("3: hear_neighbour { asking_case: \"" + kThree + "\" shard: 5 } "));
  EXPECT_THAT(Across(FromText<v1::CaseMergeAsked>("context {case: '" + kThree + "'} into {case: '" + kFive +
                                                  "'} reports {report: 'reports/r-1'}")),
              testing::ElementsAre(testing::AllOf(
                  testing::StartsWith("5: take_reports {"), testing::HasSubstr("asking { case: \"" + kThree),
                  testing::HasSubstr("into: \"" + kFive), testing::HasSubstr("reports { report: \"reports/r-1\" }"))));
  EXPECT_THAT(Across(FromText<v1::CaseMergeAnswered>(
                  "context {case: '" + kFive + "'} asking_case: '" + kThree +
                  "' reports: 'reports/r-1' refusal: MERGE_REFUSAL_MERGED successor: 'cases/c-z' distance_metres: 4 "
                  "apart_ms: 5")),
              testing::ElementsAre("3: settle_merge { asking_case: \"" + kThree + "\" into: \"" + kFive +
                                   "\" refusal: MERGE_REFUSAL_MERGED reports: \"reports/r-1\" successor: "
                                   "\"cases/c-z\" distance_metres: 4 apart_ms: 5 } "));
  EXPECT_THAT(Across(v1::CaseMerged()), IsEmpty());
}

TEST(DispatchPoliciesTest, ParksWhatNamesNoCase) {
  EXPECT_FALSE(Policies(8)[1].react(Fact(FromText<v1::NeighbourLooked>("asking_case: 'cases/r-1'"))).ok());
  EXPECT_FALSE(Policies(8)[1].react({.type = "civicmesh.dispatch.v1.CaseOpened", .bytes = "\xff"}).ok());
}

// As a walk around the place finds them.
TEST(DispatchPoliciesTest, TheShardsNearAPlaceAreThoseOfTheCellsAroundIt) {
  int borders = 0;
  for (double latitude = 30.27; latitude < 30.3; latitude += 0.0021) {
    for (double longitude = 119.95; longitude < 120; longitude += 0.0007) {
      const int home = ShardOf(HomeCell(latitude, longitude), 8);
      const auto around = [&](double metres) {
        std::set<int> shards;
        for (int degrees = 0; degrees < 360; degrees += 2) {
          const double angle = degrees * 3.14159265 / 180;
          shards.insert(
              ShardOf(HomeCell(latitude + metres * std::sin(angle) / 111195,
                               longitude + metres * std::cos(angle) / (111195 * std::cos(latitude / 57.2958))),
                      8));
        }
        shards.erase(home);
        return std::vector<int>(shards.begin(), shards.end());
      };
      const auto near = NearShards(latitude, longitude, 8);
      // Within a metre of the distance either is right.
      if (around(49) != around(51)) continue;
      EXPECT_EQ(near, around(50)) << latitude << " " << longitude;
      borders += !near.empty();
    }
  }
  EXPECT_GT(borders, 10);
}

}  // namespace
}  // namespace civicmesh::dispatch
