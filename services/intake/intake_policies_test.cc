#include "services/intake/intake_policies.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "absl/strings/str_join.h"
#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "civicmesh/intake/v1/intake_journal.pb.h"
#include "civicmesh/points/v1/points_events.pb.h"
#include "services/runtime/base/ids.h"

namespace civicmesh::intake {
namespace {

const std::string kFirst = "reports/" + MakeId("r", 3, "1"), kSecond = "reports/" + MakeId("r", 5, "2");

template <typename Fact>
PublicFact FactOf(const std::string& rest) {
  Fact fact;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(rest, &fact)) << rest;
  fact.mutable_context()->set_case_("cases/c-1");
  fact.mutable_context()->mutable_occurred_at()->set_seconds(7);
  if (fact.context().reports().empty()) {
    fact.mutable_context()->add_reports(kFirst);
    fact.mutable_context()->add_reports(kSecond);
  }
  return {.type = Fact::descriptor()->full_name(), .subject = "cases/c-1", .bytes = fact.SerializeAsString()};
}

// "shard kind status due (limit) ground" of each command.
std::vector<std::string> Told(const PublicFact& fact) {
  std::vector<std::string> out;
  const auto commands = FollowCase(fact);
  EXPECT_TRUE(commands.ok()) << commands.status();
  for (const auto& one : *commands) {
    v1::Command command;
    EXPECT_TRUE(command.ParseFromString(one.payload));
    const auto& progress = command.record_case_progress();
    EXPECT_EQ(progress.case_(), "cases/c-1");
    EXPECT_EQ(progress.case_moved_at().seconds(), 7);
    EXPECT_EQ(progress.report(), one.shard == 3 ? kFirst : kSecond);
    out.push_back(std::to_string(one.shard) + " " + v1::NoticeKind_Name(progress.kind()).substr(12) + " " +
                  v1::ReportStatus_Name(progress.status()).substr(14) +
                  (progress.has_disposal_due_at() ? " " + std::to_string(progress.disposal_due_at().seconds()) : "") +
                  (progress.disposal_limit().empty() ? "" : " (" + progress.disposal_limit() + ")") +
                  (progress.decline_ground().empty() ? "" : " " + progress.decline_ground()));
  }
  return out;
}

using Lines = std::vector<std::string>;
using namespace dispatch::v1;

TEST(FollowCaseTest, TellsEveryReportOfTheCase) {
  EXPECT_EQ(Told(FactOf<CaseOpened>("context {status: CASE_STATUS_REPORTED}")),
            (Lines{"3 CASE_OPENED IN_CASE", "5 CASE_OPENED IN_CASE"}));
  EXPECT_EQ(Told(FactOf<CaseRegistered>("context {status: CASE_STATUS_REGISTERED}")),
            (Lines{"3 REGISTERED REGISTERED", "5 REGISTERED REGISTERED"}));
  EXPECT_EQ(Told(FactOf<CaseSigned>("context {status: CASE_STATUS_SIGNED disposal_due_at {seconds: 9}}")),
            (Lines{"3 SIGNED IN_DISPOSAL 9", "5 SIGNED IN_DISPOSAL 9"}));
  EXPECT_EQ(Told(FactOf<CasePostponed>("context {status: CASE_STATUS_POSTPONED disposal_due_at {seconds: 9}}")),
            (Lines{"3 POSTPONED IN_DISPOSAL", "5 POSTPONED IN_DISPOSAL"}));
  EXPECT_EQ(Told(FactOf<CaseClosed>("context {status: CASE_STATUS_CLOSED}")),
            (Lines{"3 CLOSED CLOSED", "5 CLOSED CLOSED"}));
  EXPECT_EQ(Told(FactOf<CaseDeclined>("context {status: CASE_STATUS_NOT_REGISTERED} ground: DECLINE_GROUND_DUPLICATE")),
            (Lines{"3 DECLINED DECLINED DECLINE_GROUND_DUPLICATE", "5 DECLINED DECLINED DECLINE_GROUND_DUPLICATE"}));
}

TEST(FollowCaseTest, TellsOfTheFirstDispatchOnly) {
  EXPECT_EQ(
      Told(FactOf<CaseDispatched>("context {status: CASE_STATUS_DISPATCHED disposal_due_at {seconds: 9}} first: true")),
      (Lines{"3 DISPATCHED REGISTERED 9", "5 DISPATCHED REGISTERED 9"}));
  EXPECT_EQ(Told(FactOf<CaseDispatched>("context {status: CASE_STATUS_DISPATCHED}")), Lines{});
}

TEST(FollowCaseTest, ADeadlineComesWithItsLimit) {
  const std::string clocks =
      "clocks {kind: CLOCK_KIND_INSPECTION limit_text: '1工作日'} clocks {kind: CLOCK_KIND_DISPOSAL limit_text: "
      "'4工作时'} ";
  EXPECT_EQ(Told(FactOf<CaseDispatched>(clocks + "context {disposal_due_at {seconds: 9}} first: true")),
            (Lines{"3 DISPATCHED IN_CASE 9 (4工作时)", "5 DISPATCHED IN_CASE 9 (4工作时)"}));
  EXPECT_EQ(Told(FactOf<CaseSigned>(clocks + "context {disposal_due_at {seconds: 9}}"))[0],
            "3 SIGNED IN_CASE 9 (4工作时)");
  // Not where no deadline is told, nor where it was extended.
  EXPECT_EQ(Told(FactOf<CaseClosed>(clocks + "context {disposal_due_at {seconds: 9}}"))[0], "3 CLOSED IN_CASE");
  EXPECT_EQ(Told(FactOf<CaseSigned>(clocks + "context {disposal_due_at {seconds: 9} extension_count: 1}"))[0],
            "3 SIGNED IN_CASE 9");
}

TEST(FollowCaseTest, TellsOfAMergerOnlyTheReportMerged) {
  EXPECT_EQ(Told(FactOf<CaseReportMerged>("context {status: CASE_STATUS_REPORTED} report {report: '" + kSecond + "'}")),
            (Lines{"5 MERGED IN_CASE"}));
  // Into a case that is under way already: the report is as far as it.
  EXPECT_EQ(Told(FactOf<CaseReportMerged>("context {status: CASE_STATUS_REWORK disposal_due_at {seconds: 9}} report "
                                          "{report: '" +
                                          kSecond + "'}")),
            (Lines{"5 MERGED IN_DISPOSAL 9"}));
  EXPECT_EQ(Told(FactOf<CaseReportMerged>("context {status: CASE_STATUS_RETURNED} report {report: '" + kSecond + "'}")),
            (Lines{"5 MERGED REGISTERED"}));
}

TEST(FollowCaseTest, IsSilentAboutTheRest) {
  EXPECT_EQ(Told(FactOf<CaseAccepted>("")), Lines{});
  EXPECT_EQ(Told(FactOf<CaseUrged>("")), Lines{});
  EXPECT_EQ(Told({.type = "civicmesh.dispatch.v1.SomethingLater", .subject = "", .bytes = "\xff"}), Lines{});
  // Opened by staff: no report asks for an answer.
  auto fact = FactOf<CaseOpened>("");
  CaseOpened opened;
  opened.ParseFromString(fact.bytes);
  opened.mutable_context()->clear_reports();
  fact.bytes = opened.SerializeAsString();
  EXPECT_EQ(Told(fact), Lines{});
}

TEST(FollowCaseTest, ParksWhatContradictsItself) {
  EXPECT_EQ(FollowCase(FactOf<CaseOpened>("context {reports: 'reports/c-1'}")).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FollowCase(FactOf<CaseReportMerged>("report {report: ''}")).status().code(),
            absl::StatusCode::kInvalidArgument);
  for (const auto* type : {CaseOpened::descriptor(), CaseReportMerged::descriptor(), CaseDeclined::descriptor(),
                           CaseDispatched::descriptor()})
    EXPECT_FALSE(FollowCase({.type = type->full_name(), .subject = "", .bytes = "\xff"}).ok()) << type->name();
}

TEST(FollowCaseTest, IsThePolicyOfIntake) {
  const auto policies = Policies(8, {});
  ASSERT_EQ(policies.size(), 3u);
  EXPECT_EQ(policies[0].name, "follow_case");
  EXPECT_EQ(policies[0].source_domain, "dispatch");
  EXPECT_EQ(policies[0].react(FactOf<CaseOpened>(""))->size(), 2u);
}

PublicFact Granted(const std::string& text) {
  points::v1::PointsGranted fact;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &fact)) << text;
  return {.type = fact.GetDescriptor()->full_name(), .subject = "accounts/a-1", .bytes = fact.SerializeAsString()};
}

TEST(TellPointsTest, TellsTheReportThatEarnedThem) {
  const auto commands =
      TellPoints(Granted("context {owner_token: 'p-1' occurred_at {seconds: 7}} rule: 'report_merged' "
                         "source: 'cases/c-1' points: 5 report: '" +
                         kSecond + "'"));
  ASSERT_TRUE(commands.ok()) << commands.status();
  ASSERT_EQ(commands->size(), 1u);
  EXPECT_EQ((*commands)[0].shard, 5);
  v1::Command command;
  ASSERT_TRUE(command.ParseFromString((*commands)[0].payload));
  EXPECT_EQ(command.ShortDebugString(), "record_points { report: \"" + kSecond +
                                            "\" owner_token: \"p-1\" rule: \"report_merged\" source: "
                                            "\"cases/c-1\" points: 5 granted_at { seconds: 7 } }");
}

TEST(TellPointsTest, IsSilentAboutTheRest) {
  EXPECT_TRUE(TellPoints(Granted("rule: 'volunteering' points: 5"))->empty());
  EXPECT_TRUE(TellPoints(FactOf<CaseOpened>(""))->empty());
  EXPECT_TRUE(TellPoints({.type = "civicmesh.points.v1.PointsReversed", .subject = "", .bytes = "\xff"})->empty());
}

TEST(TellPointsTest, ParksWhatContradictsItself) {
  EXPECT_TRUE(absl::IsInvalidArgument(TellPoints(Granted("report: 'reports/c-1'")).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      TellPoints({.type = "civicmesh.points.v1.PointsGranted", .subject = "", .bytes = "\xff"}).status()));
}

TEST(TellPointsTest, IsAPolicyOfIntake) {
  EXPECT_EQ(Policies(8, {})[1].name, "tell_points");
  EXPECT_EQ(Policies(8, {})[1].source_domain, "points");
  EXPECT_EQ(Policies(8, {})[1].react(Granted("report: '" + kFirst + "'"))->size(), 1u);
}

PublicFact Erasure(const std::string& text) {
  v1::PersonalDataErased fact;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &fact)) << text;
  return {.type = fact.GetDescriptor()->full_name(), .subject = "p-1", .bytes = fact.SerializeAsString()};
}

// What is destroyed of whom; `answer` is what the vault says.
std::string Destroyed(const PublicFact& fact, absl::Status* said, const absl::Status& answer = absl::OkStatus()) {
  std::string destroyed;
  const auto policy = Policies(8, [&](const std::string& owner, const std::vector<std::string>& key_ids) {
    destroyed = absl::StrCat(owner, ": ", absl::StrJoin(key_ids, " "));
    return answer;
  })[2];
  EXPECT_EQ(policy.name, "see_erasures_through");
  EXPECT_EQ(policy.source_domain, "intake");
  EXPECT_TRUE(policy.react(fact)->empty());
  *said = policy.act(fact);
  return destroyed;
}

TEST(SeeErasuresThroughTest, TheKeysThatTheDecisionNames) {
  absl::Status said;
  EXPECT_EQ(Destroyed(Erasure("person_token: 'p-1' key_ids: ['k-a', 'k-b']"), &said), "p-1: k-a k-b");
  EXPECT_TRUE(said.ok()) << said;
  EXPECT_EQ(Destroyed(Erasure("report: 'reports/r-1-x' key_ids: 'k-c'"), &said), "r-1-x: k-c");
  EXPECT_EQ(Destroyed(Erasure("person_token: 'p-1' key_ids: 'k-a'"), &said, absl::UnavailableError("away")),
            "p-1: k-a");
  EXPECT_TRUE(absl::IsUnavailable(said));
}

TEST(SeeErasuresThroughTest, AndNothingElse) {
  absl::Status said;
  EXPECT_EQ(Destroyed(Erasure("person_token: 'p-1'"), &said), "");  // decided by a release before
  EXPECT_TRUE(said.ok()) << said;
  EXPECT_EQ(Destroyed(FactOf<CaseOpened>(""), &said), "");
  EXPECT_TRUE(said.ok()) << said;
  EXPECT_EQ(Destroyed({.type = "civicmesh.intake.v1.PersonalDataErased", .subject = "", .bytes = "\xff"}, &said), "");
  EXPECT_TRUE(absl::IsInvalidArgument(said));
}

}  // namespace
}  // namespace civicmesh::intake
