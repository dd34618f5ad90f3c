// Which facts of dispatch, volunteering and points make points act, and how. A command is told as "account or item:
// what".
#include "services/points/points_policies.h"

#include "absl/strings/str_cat.h"
#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "civicmesh/points/v1/points_journal.pb.h"
#include "civicmesh/volunteering/v1/volunteering_events.pb.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "services/points/points_names.h"

namespace civicmesh::points {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int kShards = 8;

std::string Told(const PolicyCommand& command) {
  v1::Command parsed;
  EXPECT_TRUE(parsed.ParseFromString(command.payload));
  if (parsed.has_grant_by_policy()) {
    const auto& earning = parsed.grant_by_policy();
    EXPECT_EQ(earning.account(), AccountName(earning.owner_token(), kShards));
    EXPECT_EQ(command.shard, ShardOfAccount(earning.account(), kShards));
    return absl::StrCat(earning.owner_token(), ": ", earning.rule(), " for ", earning.source(),
                        earning.report().empty() ? "" : " by ", earning.report(), " at ",
                        earning.occurred_at().seconds(), earning.minutes() > 0 ? ", minutes " : "",
                        earning.minutes() > 0 ? absl::StrCat(earning.minutes()) : "");
  }
  if (parsed.has_reserve_stock()) {
    EXPECT_EQ(command.shard, ShardOfItem(parsed.reserve_stock().item(), kShards));
    return absl::StrCat("reserve ", parsed.reserve_stock().quantity(), " for ", parsed.reserve_stock().points());
  }
  if (parsed.has_settle_stock()) {
    EXPECT_EQ(command.shard, ShardOfItem(parsed.settle_stock().item(), kShards));
    return parsed.settle_stock().completed() ? "take" : "release";
  }
  EXPECT_TRUE(parsed.has_settle_redemption());
  EXPECT_EQ(command.shard, ShardOfRedemption(parsed.settle_redemption().redemption(), kShards));
  return absl::StrCat(v1::VoidGround_Name(parsed.settle_redemption().refused()), " ",
                      parsed.settle_redemption().kind());
}

// What the policy of that name makes of a fact, given as text.
template <typename Fact>
std::vector<std::string> React(const std::string& policy, const std::string& text) {
  Fact fact;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &fact)) << text;
  std::vector<std::string> told;
  for (const auto& spec : Policies(kShards)) {
    if (spec.name != policy) continue;
    const auto commands = spec.react({.type = Fact::descriptor()->full_name(), .bytes = fact.SerializeAsString()});
    EXPECT_TRUE(commands.ok());
    for (const auto& command : *commands) told.push_back(Told(command));
  }
  return told;
}

std::string Case(const std::string& more, const std::string& source = "CITIZEN_APP",
                 const std::string& token = "p-first") {
  return absl::StrCat("context {case: 'cases/c-1' lead_report: 'reports/r-p-first' source: REPORT_SOURCE_", source,
                      " reporter_token: '", token, "' occurred_at {seconds: 7} ", more, "}");
}
std::string Report(const std::string& token, const std::string& source = "CITIZEN_APP") {
  return absl::StrCat("{report: 'reports/r-", token, "' reporter_token: '", token, "' source: REPORT_SOURCE_", source,
                      "}");
}
auto Registered(const std::string& text) { return React<dispatch::v1::CaseRegistered>("grant_for_report", text); }
auto Merged(const std::string& text) { return React<dispatch::v1::CaseReportMerged>("grant_for_report", text); }
auto Declined(const std::string& text) { return React<dispatch::v1::CaseDeclined>("grant_for_report", text); }

TEST(GrantForReport, TheFirstReporterOfARegisteredCase) {
  EXPECT_THAT(Registered(Case("")), ElementsAre("p-first: report_registered for cases/c-1 by reports/r-p-first at 7"));
  EXPECT_THAT(Registered(Case("safety_hazard: true")),
              ElementsAre("p-first: report_registered_hazard for cases/c-1 by reports/r-p-first at 7"));
  EXPECT_THAT(Registered(Case("", "HOTLINE_12345")),
              ElementsAre("p-first: report_registered for cases/c-1 by reports/r-p-first at 7"));
}

TEST(GrantForReport, NobodyForWhatDutyFound) {
  for (const char* source : {"COLLECTOR", "VIDEO", "SENSOR", "LEADER", "MEDIA", "DEPARTMENT", "INSPECTION"})
    EXPECT_THAT(Registered(Case("", source)), IsEmpty()) << source;
  EXPECT_THAT(Registered(Case("", "CITIZEN_APP", "")), IsEmpty());
}

TEST(GrantForReport, TheFirstThreeMergedBeforeRegistration) {
  const std::string reports =
      absl::StrCat("reports ", Report("p-first"), " reports ", Report("p-2"), " reports ",
                   Report("p-3", "HOTLINE_12345"), " reports ", Report("p-4"), " reports ", Report("p-5"));
  EXPECT_THAT(Registered(absl::StrCat(Case(""), reports)),
              ElementsAre("p-first: report_registered for cases/c-1 by reports/r-p-first at 7",
                          "p-2: report_merged for cases/c-1 by reports/r-p-2 at 7",
                          "p-3: report_merged for cases/c-1 by reports/r-p-3 at 7",
                          "p-4: report_merged for cases/c-1 by reports/r-p-4 at 7"));
  EXPECT_THAT(Registered(absl::StrCat(Case("", "VIDEO", ""), "reports ", Report("", "VIDEO"), " reports ",
                                      Report("p-2"), " reports ", Report("p-3", "COLLECTOR"))),
              ElementsAre("p-2: report_merged for cases/c-1 by reports/r-p-2 at 7"));
}

TEST(GrantForReport, MergedAfterRegistrationByOrdinal) {
  auto merged = [](int ordinal, const std::string& status, const std::string& report) {
    return Merged(
        absl::StrCat(Case(absl::StrCat("status: CASE_STATUS_", status)), "ordinal: ", ordinal, " report ", report));
  };
  const std::string earned = "p-2: report_merged for cases/c-1 by reports/r-p-2 at 7";
  for (const char* status : {"REGISTERED", "DISPATCHED", "RETURNED", "SIGNED", "IN_DISPOSAL", "POSTPONED",
                             "FEEDBACK_SUBMITTED", "REWORK", "CLOSED", "REVISITED"})
    EXPECT_THAT(merged(3, status, Report("p-2")), ElementsAre(earned)) << status;
  for (const char* status : {"REPORTED", "ACCEPTED", "VERIFYING", "NOT_REGISTERED"})
    EXPECT_THAT(merged(1, status, Report("p-2")), IsEmpty()) << status;
  EXPECT_THAT(merged(4, "SIGNED", Report("p-2")), IsEmpty());
  EXPECT_THAT(merged(1, "SIGNED", Report("p-2", "SENSOR")), IsEmpty());
  EXPECT_THAT(merged(1, "SIGNED", Report("")), IsEmpty());
}

TEST(GrantForReport, NobodyTwiceForTheirOwnCase) {
  EXPECT_THAT(Merged(absl::StrCat(Case("status: CASE_STATUS_SIGNED"), "ordinal: 1 report ", Report("p-first"))),
              IsEmpty());
  EXPECT_THAT(Registered(absl::StrCat(Case(""), "reports ", Report("p-first"), " reports ", Report("p-first"))),
              ElementsAre("p-first: report_registered for cases/c-1 by reports/r-p-first at 7"));
}

TEST(GrantForReport, AFalseReportCostsItsReporter) {
  EXPECT_THAT(Declined(absl::StrCat(Case(""), "ground: DECLINE_GROUND_FALSE_REPORT")),
              ElementsAre("p-first: false_report for cases/c-1 by reports/r-p-first at 7"));
  EXPECT_THAT(Declined(absl::StrCat(Case("", "SENSOR"), "ground: DECLINE_GROUND_FALSE_REPORT")), IsEmpty());
  EXPECT_THAT(Declined(absl::StrCat(Case(""), "ground: DECLINE_GROUND_NOT_EXISTING")), IsEmpty());
}

TEST(GrantForReport, PassesOverWhatIsNone) {
  EXPECT_THAT(React<dispatch::v1::CaseOpened>("grant_for_report", Case("")), IsEmpty());
}

TEST(GrantForReport, AFactThatDoesNotParseIsParked) {
  const auto commands = Policies(kShards)[0].react({.type = "civicmesh.dispatch.v1.CaseRegistered", .bytes = "\xff"});
  EXPECT_TRUE(absl::IsInvalidArgument(commands.status()));
}

TEST(GrantForService, ConfirmedMinutesOnTheDayOfService) {
  const std::string confirmed =
      "context {activity: 'activities/v-1' occurred_at {seconds: 9}} volunteer_token: 'p-v' minutes: 95 ";
  EXPECT_THAT(React<volunteering::v1::ServiceConfirmed>("grant_for_service", confirmed + "checked_out_at {seconds: 8}"),
              ElementsAre("p-v: volunteering for activities/v-1 at 8, minutes 95"));
  EXPECT_THAT(React<volunteering::v1::ServiceConfirmed>("grant_for_service", confirmed),
              ElementsAre("p-v: volunteering for activities/v-1 at 9, minutes 95"));
  EXPECT_THAT(React<volunteering::v1::VolunteerAbsent>("grant_for_service", ""), IsEmpty());
}

std::string Redemption(const std::string& more) {
  return absl::StrCat("redemption: 'redemptions/rd-050123456789abcdef' item: '", ItemName("helmet", kShards),
                      "' quantity: 2 points: 180 ", more);
}

TEST(ReserveStock, TellsTheItemHowAHoldBeginsAndEnds) {
  EXPECT_THAT(React<v1::RedemptionStarted>("reserve_stock", Redemption("")), ElementsAre("reserve 2 for 180"));
  EXPECT_THAT(React<v1::RedemptionCompleted>("reserve_stock", Redemption("")), ElementsAre("take"));
  EXPECT_THAT(React<v1::RedemptionVoided>("reserve_stock", Redemption("ground: VOID_GROUND_TIMED_OUT")),
              ElementsAre("release"));
  // The item refused it: it knows.
  EXPECT_THAT(React<v1::RedemptionVoided>("reserve_stock", Redemption("ground: VOID_GROUND_OUT_OF_STOCK")), IsEmpty());
  EXPECT_THAT(React<v1::StockReserved>("reserve_stock", ""), IsEmpty());
}

TEST(SettleRedemption, TellsTheAccountWhatTheItemSaid) {
  const std::string redemption = "redemption: 'redemptions/rd-050123456789abcdef' quantity: 2 ";
  EXPECT_THAT(React<v1::StockReserved>("settle_redemption", redemption + "kind: 'GOODS'"),
              ElementsAre("VOID_GROUND_UNSPECIFIED GOODS"));
  EXPECT_THAT(React<v1::StockRefused>("settle_redemption", redemption + "ground: VOID_GROUND_PRICE_CHANGED"),
              ElementsAre("VOID_GROUND_PRICE_CHANGED "));
  EXPECT_THAT(React<v1::StockTaken>("settle_redemption", redemption), IsEmpty());
}

}  // namespace
}  // namespace civicmesh::points
