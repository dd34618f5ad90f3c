// What earns and what costs, by the sample's rules: 10 for a registered report, 30 with a hazard, 2 for a merged one, 5
// per 30 minutes of service up to 80 a day, 100 a day and 500 a month in all but service.
#include "services/points/domain/earning.h"

#include <vector>

#include "services/points/domain/points_for_tests.h"
#include "services/runtime/decider/posts_for_tests.h"

namespace civicmesh::points {
namespace {

using namespace gwt;

const ActorView kGateway{.subject = "sorting-system", .posts = Posts({"GATEWAY"})};
const ActorView kPolicy{.subject = "policy:grant_for_report", .posts = {}};

std::string Earning(const std::string& command, const std::string& rule, const std::string& source,
                    std::string_view occurred_at, const std::string& more = "") {
  return absl::StrCat(command, " {account: 'accounts/a-1' owner_token: 'p-1' rule: '", rule, "' source: '", source,
                      "' occurred_at {", Seconds(occurred_at), "} ", more, "}");
}

// A policy's fact that happened when it came.
Step Fact(const std::string& rule, const std::string& source, std::string_view at, const std::string& more = "") {
  return Did(Earning("grant_by_policy", rule, source, at, more), at, kPolicy);
}
// A gateway's, which happened at `occurred_at`.
Step Recorded(const std::string& rule, const std::string& source, std::string_view occurred_at, std::string_view at) {
  return Did(Earning("record_earning", rule, source, occurred_at), at, kGateway);
}

// So many registered reports of different cases, one a minute from `at` on.
Steps Registered(int count, const std::string& day, int first = 0) {
  Steps steps;
  for (int i = 0; i < count; ++i)
    Append(steps, Fact("report_registered", absl::StrCat("cases/c-", day, "-", first + i),
                       absl::StrCat(day, absl::StrCat(" 10:", i < 10 ? "0" : "", i))));
  return steps;
}

std::string Entry(const std::string& text) { return absl::StrCat("transaction_recorded {", text, "}"); }

const std::vector<gwt::Row>& Rows() {
  static const auto& rows = *new std::vector<gwt::Row>{
      {"a report registered: ten points, in a lot that ends two years later, posted twice", Given(),
       Fact("report_registered", "cases/c-1", "2026-11-18 10:00"),
       Then(absl::StrCat("points_granted {context {account: 'accounts/a-1' owner_token: 'p-1' available: 10 "
                         "actor: 'policy:grant_for_report' occurred_at {",
                         Seconds("2026-11-18 10:00"),
                         "}} postings {ledger: LEDGER_ISSUED points: -10} postings {ledger: LEDGER_AVAILABLE "
                         "points: 10} rule: 'report_registered' points: 10 earned: 10 source: 'cases/c-1' lot: 1 "
                         "rules_version: '2026-1' expires_at {",
                         Seconds("2028-11-19 00:00"), "} earned_at {", Seconds("2026-11-18 10:00"), "}}"),
            Entry("number: 1 kind: TRANSACTION_KIND_GRANTED points: 10 available: 10 rule: 'report_registered' "
                  "source: 'cases/c-1' earned: 10"))},
      {"with a hazard: thirty", Given(), Fact("report_registered_hazard", "cases/c-1", "10:00"),
       Then("points_granted {points: 30}", Entry("points: 30"))},
      {"merged: two, for that report", Given(), Fact("report_merged", "cases/c-1", "10:00", "report: 'reports/r-1'"),
       Then("points_granted {points: 2 report: 'reports/r-1'}", Entry("points: 2"))},
      {"the same fact again: once for ever", Given(Fact("report_registered", "cases/c-1", "10:00")),
       Fact("report_registered", "cases/c-1", "2029-01-01 10:00"), Refused(v1::REASON_ALREADY_COUNTED)},
      {"another rule of the same fact is another fact", Given(Fact("report_registered", "cases/c-1", "10:00")),
       Fact("report_merged", "cases/c-1", "10:01"), Then("points_granted {points: 2}", Entry(""))},
      {"another fact of the same day goes into the same lot", Given(Fact("report_registered", "cases/c-1", "10:00")),
       Fact("report_registered", "cases/c-2", "23:59"),
       Then("points_granted {lot: 1 context {available: 20}}", Entry("number: 2 available: 20"))},
      {"another day, another lot", Given(Fact("report_registered", "cases/c-1", "10:00")),
       Fact("report_registered", "cases/c-2", "2026-11-19 00:00"), Then("points_granted {lot: 2}", Entry(""))},
      {"what no rule names is denied, and known", Given(), Fact("kindness", "cases/c-1", "10:00"),
       Then("grant_denied {ground: GRANT_DENIAL_NO_RULE earned: 0 rule: 'kindness' source: 'cases/c-1'}",
            Entry("kind: TRANSACTION_KIND_DENIED denial: GRANT_DENIAL_NO_RULE"))},
      {"a denied fact is denied for ever", Given(Fact("kindness", "cases/c-1", "10:00")),
       Fact("kindness", "cases/c-1", "10:01"), Refused(v1::REASON_ALREADY_COUNTED)},

      // Limits.
      {"a hundred a day and no more", Given(Registered(10, "2026-11-18")),
       Fact("report_registered", "cases/c-x", "2026-11-18 11:00"),
       Then("grant_denied {ground: GRANT_DENIAL_LIMIT earned: 10 context {available: 100}}",
            Entry("kind: TRANSACTION_KIND_DENIED points: 0 earned: 10"))},
      {"the last one is cut", Given(Registered(9, "2026-11-18")),
       Fact("report_registered_hazard", "cases/c-x", "2026-11-18 11:00"),
       Then("points_granted {points: 10 earned: 30}", Entry("points: 10 earned: 30"))},
      {"tomorrow counts anew", Given(Registered(10, "2026-11-18")),
       Fact("report_registered", "cases/c-x", "2026-11-19 00:00"), Then("points_granted {points: 10}", Entry(""))},
      {"five hundred a month",
       Given(Registered(10, "2026-11-02"), Registered(10, "2026-11-03"), Registered(10, "2026-11-04"),
             Registered(10, "2026-11-05"), Registered(10, "2026-11-06")),
       Fact("report_registered", "cases/c-x", "2026-11-30 23:59:59"),
       Then("grant_denied {ground: GRANT_DENIAL_LIMIT}", Entry(""))},
      {"next month counts anew",
       Given(Registered(10, "2026-11-02"), Registered(10, "2026-11-03"), Registered(10, "2026-11-04"),
             Registered(10, "2026-11-05"), Registered(10, "2026-11-06")),
       Fact("report_registered", "cases/c-x", "2026-12-01 00:00"), Then("points_granted {points: 10}", Entry(""))},
      {"sorting: ten a day",
       Given(Recorded("waste_sorting", "s/1", "08:00", "08:00"), Recorded("waste_sorting", "s/2", "18:00", "18:00")),
       Recorded("waste_sorting", "s/3", "19:00", "19:00"),
       Then("grant_denied {ground: GRANT_DENIAL_LIMIT}", Entry(""))},
      {"a culture event a day", Given(Recorded("culture_event", "k/1", "10:00", "10:00")),
       Recorded("culture_event", "k/2", "20:00", "20:00"),
       Then("grant_denied {ground: GRANT_DENIAL_LIMIT}", Entry(""))},
      {"a batch that comes late counts to its own day",
       Given(Recorded("waste_sorting", "s/1", "2026-11-17 08:00", "10:00"),
             Recorded("waste_sorting", "s/2", "2026-11-17 18:00", "10:00"),
             Recorded("waste_sorting", "s/3", "2026-11-18 08:00", "10:00")),
       Recorded("waste_sorting", "s/4", "2026-11-18 09:00", "10:01"),
       Then(absl::StrCat("points_granted {points: 5 earned_at {", Seconds("2026-11-18 09:00"), "}}"), Entry(""))},
      {"and is cut by its own day",
       Given(Recorded("waste_sorting", "s/1", "2026-11-17 08:00", "10:00"),
             Recorded("waste_sorting", "s/2", "2026-11-17 18:00", "10:00")),
       Recorded("waste_sorting", "s/3", "2026-11-17 19:00", "10:01"),
       Then("grant_denied {ground: GRANT_DENIAL_LIMIT}", Entry(""))},
      {"a day that can no longer be counted is today", Given(),
       Did(Earning("grant_by_policy", "report_registered", "cases/c-1", "2026-09-01 10:00"), "10:00", kPolicy),
       Then(absl::StrCat("points_granted {earned_at {", Seconds("2026-11-18 10:00"), "}}"), Entry(""))},

      // Volunteering, outside the common limits.
      {"five per full half hour", Given(), Fact("volunteering", "activities/v-1", "10:00", "minutes: 119"),
       Then("points_granted {points: 15}", Entry(""))},
      {"less than half an hour is nothing, and nothing is remembered", Given(),
       Fact("volunteering", "activities/v-1", "10:00", "minutes: 29"), ThenNothing()},
      {"eighty a day", Given(Fact("volunteering", "activities/v-1", "10:00", "minutes: 300")),
       Fact("volunteering", "activities/v-2", "20:00", "minutes: 300"),
       Then("points_granted {points: 30 earned: 50 context {available: 80}}", Entry(""))},
      {"on top of the day's hundred", Given(Registered(10, "2026-11-18")),
       Fact("volunteering", "activities/v-1", "2026-11-18 20:00", "minutes: 60"),
       Then("points_granted {points: 10 context {available: 110}}", Entry(""))},
      {"and does not use it up",
       Given(Fact("volunteering", "activities/v-1", "2026-11-18 08:00", "minutes: 480"), Registered(9, "2026-11-18")),
       Fact("report_registered", "cases/c-x", "2026-11-18 11:00"),
       Then("points_granted {points: 10 context {available: 180}}", Entry(""))},

      // Deductions.
      {"contamination: five", Given(Fact("report_registered", "cases/c-1", "10:00")),
       Recorded("waste_contamination", "s/1", "11:00", "11:00"),
       Then("points_reversed {points: 5 rule: 'waste_contamination' source: 's/1' context {available: 5} postings "
            "{ledger: LEDGER_AVAILABLE points: -5} postings {ledger: LEDGER_REVERSED points: 5}} lots {number: 1 "
            "points: 5}",
            Entry("kind: TRANSACTION_KIND_REVERSED points: 5 available: 5 earned: 5"))},
      {"never below zero", Given(Fact("report_registered", "cases/c-1", "10:00")),
       Fact("false_report", "cases/c-2", "11:00"),
       Then("points_reversed {points: 10 context {available: 0}}", Entry("points: 10 available: 0 earned: 20"))},
      {"nothing from nothing, but it is on record", Given(), Fact("false_report", "cases/c-2", "11:00"),
       Then("points_reversed {points: 0 rule: 'false_report'}", Entry("kind: TRANSACTION_KIND_REVERSED points: 0"))},
      {"oldest lots first",
       Given(Fact("report_registered", "cases/c-1", "2026-11-17 10:00"),
             Fact("report_registered", "cases/c-2", "2026-11-18 10:00")),
       Recorded("waste_contamination", "s/1", "11:00", "11:00"),
       Then("points_reversed {} lots {number: 1 points: 5}", Entry(""))},
      {"through as many lots as it takes",
       Given(Fact("report_merged", "cases/c-1", "2026-11-17 10:00"),
             Fact("report_registered", "cases/c-2", "2026-11-18 10:00")),
       Recorded("waste_contamination", "s/1", "11:00", "11:00"),
       Then("points_reversed {points: 5} lots {number: 1 points: 2} lots {number: 2 points: 3}", Entry(""))},

      // False reports.
      {"two in a month do not freeze", Given(Fact("false_report", "cases/c-1", "2026-11-01 10:00")),
       Fact("false_report", "cases/c-2", "10:00"), Then("points_reversed {}", Entry(""))},
      {"three in a month freeze for a month",
       Given(Fact("false_report", "cases/c-1", "2026-11-01 10:00"),
             Fact("false_report", "cases/c-2", "2026-11-10 10:00")),
       Fact("false_report", "cases/c-3", "2026-11-18 10:00"),
       Then("points_reversed {}", Entry(""),
            absl::StrCat("account_frozen {context {account: 'accounts/a-1'} until {", Seconds("2026-12-18 10:00"),
                         "}}"))},
      {"three in more than a month do not",
       Given(Fact("false_report", "cases/c-1", "2026-10-19 10:00"),
             Fact("false_report", "cases/c-2", "2026-11-10 10:00")),
       Fact("false_report", "cases/c-3", "2026-11-18 10:00"), Then("points_reversed {}", Entry(""))},
      {"a frozen account earns nothing",
       Given(Fact("false_report", "cases/c-1", "10:00"), Fact("false_report", "cases/c-2", "10:00"),
             Fact("false_report", "cases/c-3", "10:00")),
       Fact("report_registered", "cases/c-4", "2026-12-18 09:59:59"),
       Then("grant_denied {ground: GRANT_DENIAL_FROZEN earned: 10}", Entry("denial: GRANT_DENIAL_FROZEN"))},
      {"until it thaws",
       Given(Fact("false_report", "cases/c-1", "10:00"), Fact("false_report", "cases/c-2", "10:00"),
             Fact("false_report", "cases/c-3", "10:00")),
       Fact("report_registered", "cases/c-4", "2026-12-18 10:00"), Then("points_granted {points: 10}", Entry(""))},

      // Expiry.
      {"a lot ends at midnight after its last day", Given(Fact("report_registered", "cases/c-1", "2026-11-18 10:00")),
       WhenTimePasses("2028-11-19 00:00"),
       Then("points_expired {points: 10 context {actor: 'timer' available: 0} postings {ledger: LEDGER_AVAILABLE "
            "points: -10} postings {ledger: LEDGER_EXPIRED points: 10}} lots {number: 1 points: 10}",
            Entry("kind: TRANSACTION_KIND_EXPIRED points: 10 available: 0"))},
      {"and not before", Given(Fact("report_registered", "cases/c-1", "2026-11-18 10:00")),
       WhenTimePasses("2028-11-18 23:59:59"), ThenNothing()},
      {"lots end one after the other",
       Given(Fact("report_registered", "cases/c-1", "2026-11-17 10:00"),
             Fact("report_merged", "cases/c-2", "2026-11-18 10:00"), TimePassed("2028-11-18 00:00")),
       WhenTimePasses("2028-11-19 00:00"), Then("points_expired {points: 2}", Entry("number: 4"))},
      {"what was taken does not end again",
       Given(Fact("report_registered", "cases/c-1", "2026-11-18 10:00"),
             Recorded("waste_contamination", "s/1", "2026-11-18 11:00", "2026-11-18 11:00"),
             Recorded("waste_contamination", "s/2", "2026-11-18 12:00", "2026-11-18 12:00")),
       WhenTimePasses("2030-01-01 00:00"), ThenNothing()},

      // What a gateway is refused.
      {"an unknown rule", Given(), Recorded("kindness", "s/1", "10:00", "10:00"), Refused(v1::REASON_UNKNOWN_RULE)},
      {"a rule that follows from cases", Given(), Recorded("report_registered", "s/1", "10:00", "10:00"),
       Refused(v1::REASON_RULE_NOT_FOR_GATEWAYS)},
      {"a deduction that follows from cases", Given(), Recorded("false_report", "s/1", "10:00", "10:00"),
       Refused(v1::REASON_RULE_NOT_FOR_GATEWAYS)},
      {"service, which organisers confirm", Given(), Recorded("volunteering", "s/1", "10:00", "10:00"),
       Refused(v1::REASON_RULE_NOT_FOR_GATEWAYS)},
      {"the same again", Given(Recorded("waste_sorting", "s/1", "10:00", "10:00")),
       Recorded("waste_sorting", "s/1", "11:00", "11:00"), Refused(v1::REASON_ALREADY_COUNTED)},
      {"what is to come", Given(), Recorded("waste_sorting", "s/1", "10:06", "10:00"),
       Refused(v1::REASON_EARNED_AHEAD_OF_TIME)},
      {"a clock five minutes ahead is a clock", Given(), Recorded("waste_sorting", "s/1", "10:05", "10:00"),
       Then(absl::StrCat("points_granted {earned_at {", Seconds("10:00"), "}}"), Entry(""))},
      {"what is long ago", Given(), Recorded("waste_sorting", "s/1", "2026-10-18 09:59:59", "10:00"),
       Refused(v1::REASON_EARNED_TOO_LONG_AGO)},
      {"31 days are not", Given(), Recorded("waste_sorting", "s/1", "2026-10-18 10:00", "10:00"),
       Then("points_granted {}", Entry(""))},
      {"no time", Given(),
       When("record_earning {account: 'accounts/a-1' owner_token: 'p-1' rule: 'waste_sorting' source: 's/1'}", "10:00",
            kGateway),
       Refused(v1::REASON_INVALID_ARGUMENT)},
      {"no source", Given(), Recorded("waste_sorting", "", "10:00", "10:00"), Refused(v1::REASON_INVALID_ARGUMENT)},
      {"words for a source", Given(), Recorded("waste_sorting", "at the gate", "10:00", "10:00"),
       Refused(v1::REASON_INVALID_ARGUMENT)},
      {"a phone number in the source", Given(), Recorded("waste_sorting", "s/13812345678", "10:00", "10:00"),
       Refused(v1::REASON_INVALID_ARGUMENT)},
      {"an identity number in the source", Given(), Recorded("waste_sorting", "110101199003071234/s", "10:00", "10:00"),
       Refused(v1::REASON_INVALID_ARGUMENT)},
      {"one that ends in X", Given(), Recorded("waste_sorting", "s/11010119900307123x", "10:00", "10:00"),
       Refused(v1::REASON_INVALID_ARGUMENT)},
      {"a long source", Given(), Recorded("waste_sorting", std::string(101, 's'), "10:00", "10:00"),
       Refused(v1::REASON_INVALID_ARGUMENT)},
      {"a time in the source is none of these", Given(),
       Recorded("waste_sorting", "st-7/20261118103000/1794967200000", "10:00", "10:00"),
       Then("points_granted {}", Entry(""))},
  };
  return rows;
}

TEST(Earning, FollowsItsTable) {
  for (const gwt::Row& row : Rows()) EXPECT_EQ(CheckRow(row), "") << row.name;
}

TEST(Earning, WithoutRulesAGatewayWaitsAndAFactIsDenied) {
  References none;
  for (const auto& [step, then] :
       {std::pair(Recorded("waste_sorting", "s/1", "10:00", "10:00"), Refused(v1::REASON_REFERENCE_MISSING)),
        std::pair(Fact("report_registered", "cases/c-1", "10:00"),
                  Then("grant_denied {ground: GRANT_DENIAL_NO_RULE}", Entry("")))}) {
    Shard shard = NewShard(none);
    EXPECT_EQ(Check({"", Given(), step, then}, shard), "");
  }
}

// A page ends after fifty transactions; what was counted on an earlier one stays counted, also by an owner that loads
// the pages from hot state.
TEST(Earning, IsKnownForEverAcrossPages) {
  const References references = SampleReferences();
  Shard shard = NewShard(references);
  for (int day = 1; day <= 12; ++day) {
    for (const Step& step : Registered(10, absl::StrCat("2026-", day < 10 ? "0" : "", day, "-10")))
      ASSERT_EQ(shard.Run(step).reason, "");
  }
  PointsShard loaded;
  for (const char* stream : {"a-1", "a-1.0", "a-1.1", "a-1.2"})
    ASSERT_TRUE(loaded.Load(stream, shard.machine().Save(stream)).ok()) << stream;
  EXPECT_EQ(shard.machine().Save("a-1.3"), "");

  v1::Command again;
  auto& earning = *again.mutable_grant_by_policy();
  earning.set_account("accounts/a-1");
  earning.set_owner_token("p-1");
  earning.set_rule("report_registered");
  const Context ctx{.now_ms = absl::ToUnixMillis(At("2026-12-31 10:00")), .reference = &references};
  for (const char* source : {"cases/c-2026-01-10-0", "cases/c-2026-07-10-3", "cases/c-2026-12-10-9"}) {
    earning.set_source(source);
    const auto decided = loaded.Decide(again.SerializeAsString(), ctx);
    ASSERT_TRUE(decided.ok());
    ASSERT_TRUE(std::holds_alternative<Refusal>(*decided)) << source;
    EXPECT_EQ(std::get<Refusal>(*decided).reason, "REASON_ALREADY_COUNTED");
  }
  earning.set_source("cases/c-other");
  const auto decided = loaded.Decide(again.SerializeAsString(), ctx);
  ASSERT_TRUE(decided.ok());
  EXPECT_TRUE(std::holds_alternative<Decided<std::string>>(*decided));
}

}  // namespace
}  // namespace civicmesh::points
