// 并案 across shards: each step of either side, and what may come between two of them.
#include "services/dispatch/domain/merging.h"

#include "gmock/gmock.h"
#include "services/dispatch/domain/cases_for_tests.h"

namespace civicmesh::dispatch {
namespace {

using gwt::Did;
using gwt::Given;
using gwt::Refused;
using gwt::Row;
using gwt::Steps;
using gwt::Then;
using gwt::ThenNothing;
using gwt::TimePassed;
using gwt::When;
using gwt::WhenTimePasses;
using ::testing::HasSubstr;
using ::testing::Not;

const ActorView kAcross{.subject = "policy:merge_across", .posts = {}};
const std::string kNearby = "location {latitude: 30.300449 longitude: 119.9630} ";  // 49.9 m north of the place
const std::string kBeyond = "location {latitude: 30.300451 longitude: 119.9630} ";  // 50.1 m

std::string Report(const std::string& report, const std::string& fields = "class_code: 'E0110' " + kPlace) {
  return "open_case_from_report {report: 'reports/" + report +
         "' source: REPORT_SOURCE_CITIZEN_APP masked_text: '一堆垃圾' reporter_token: 'p-" + report + "' reported_at " +
         Ts("09:50") + fields + "} home_cell: '344c01' ";
}

// A case of a report, near the shards 3 and 5: it waits for both.
const Steps kOpened = {Did(Report("r1") + "near_shards: 3 near_shards: 5", "10:00", kPolicy)};
// One with nobody near.
const Steps kAlone = {Did(Report("r1"), "10:00", kPolicy)};

std::string Found(const std::string& name, int metres) {
  return "found {case: 'cases/" + name + "' distance_metres: " + std::to_string(metres) + " apart_ms: 600000}";
}
std::string Hear(int shard, const std::string& found = "") {
  return "hear_neighbour {asking_case: 'cases/$1' shard: " + std::to_string(shard) + " " + found + "}";
}
gwt::Step Heard(int shard, const std::string& found = "") { return Did(Hear(shard, found), "10:00:01", kAcross); }

// It asks c-old in shard 3.
const Steps kAsking = Given(kOpened, Heard(3, Found("c-old", 20)), Heard(5));

std::string Distant(const std::string& opened, const std::string& where = kPlace, const std::string& name = "c-x",
                    const std::string& class_code = "E0110", const std::string& reported = "10:00") {
  return "asking {case: 'cases/" + name + "' class_code: '" + class_code + "' " + where + " reported_at " +
         Ts(reported) + " opened_at " + Ts(opened) + "} ";
}
std::string Look(const std::string& asking) { return "look_for_similar {" + asking + " asking_shard: 3}"; }
std::string Take(const std::string& asking, const std::string& reports =
                                                "reports {report: 'reports/r8' "
                                                "reporter_token: 'p-8'}") {
  return "take_reports {" + asking + " into: 'cases/$1' " + reports + "}";
}
std::string Settle(const std::string& fields, const std::string& into = "c-old") {
  return "settle_merge {asking_case: 'cases/$1' into: 'cases/" + into + "' " + fields + "}";
}
const std::string kTaken = "reports: 'reports/r1' distance_metres: 20 apart_ms: 600000";
const std::string kRefused = "refusal: MERGE_REFUSAL_ENDED";

const Steps kDeclined =
    Given(kAlone, Did(Cmd("accept_case"), "10:00:01", kRegistrar),
          Did(Cmd("decline_case", "ground: DECLINE_GROUND_BELOW_CONDITION note: '未达标准'"), "10:00:02", kRegistrar));

// What one step more brings, as texts.
gwt::Shard::Happening After(const Steps& given, const gwt::Step& when, gwt::Shard* shard = nullptr) {
  const gwt::References references = SampleReferences();
  gwt::Shard own(std::make_unique<DispatchShard>(), v1::JournalEvent::default_instance(),
                 v1::Command::default_instance(), &references);
  gwt::Shard& in = shard ? *shard : own;
  for (const auto& step : given) {
    const auto came = in.Run(step);
    EXPECT_EQ(came.broken + came.reason, "") << step.text;
  }
  return in.Run(when);
}

TEST(MergingTest, AnOpeningAsksItsNeighbours) {
  const Row rows[] = {{"with a class",
                       {},
                       When(Report("r1") + "near_shards: 3 near_shards: 5", "10:00", kPolicy),
                       Then("case_opened {near_shards: 3 near_shards: 5} merging {unanswered: 3 unanswered: 5}")},
                      {"staff's too, for the hint",
                       {},
                       When("open_case {source: REPORT_SOURCE_COLLECTOR class_code: 'E0110' text: '垃圾' " + kPlace +
                                "} near_shards: 3",
                            "10:00", kCollector),
                       Then("case_opened {near_shards: 3} merging {unanswered: 3}")},
                      {"nobody answers: it goes on alone", kOpened, WhenTimePasses("10:02"),
                       Then("case_merge_given_up {into: '' context {status: CASE_STATUS_REPORTED}} merging {}")},
                      {"one does not answer: what the other has is asked", Given(kOpened, Heard(5, Found("c-old", 20))),
                       WhenTimePasses("10:02"), Then("case_merge_asked {into {case: 'cases/c-old'}}")}};
  CheckRows(rows);
  const auto unclassed = After({}, When(Report("r1", kPlace) + "near_shards: 3", "10:00", kPolicy));
  ASSERT_EQ(unclassed.events.size(), 1u);
  EXPECT_THAT(unclassed.events[0], Not(HasSubstr("near_shards")));
}

TEST(MergingTest, ANeighbourLooks) {
  const std::string looked = "neighbour_looked {asking_case: 'cases/c-x' shard: 0 occurred_at " + Ts("10:05") + " ";
  const auto look = [](const std::string& asking) { return When(Look(asking), "10:05", kAcross); };
  const Row rows[] = {
      {"the same, earlier", kAlone, look(Distant("10:01", kNearby)), Then(looked + Found("$1", 50) + "}")},
      {"the nearest of two",
       Given(kAlone, Did(Report("r2", "class_code: 'E0110' location {latitude: 30.30060 longitude: 119.9630} "),
                         "10:00", kPolicy)),
       look(Distant("10:01", "location {latitude: 30.30035 longitude: 119.9630} ")),
       Then(looked + Found("$2", 28) + "}")},
      {"one under way is found as well", Dispatched(), look(Distant("10:04")),
       Then(looked + "found {case: 'cases/$1'}}")},
      {"opened in the same millisecond: the lower id", kAlone, look(Distant("10:00")),
       Then(looked + Found("$1", 0) + "}")},
      {"the higher id is the one that asks", kAlone, When(Look(Distant("10:00", kPlace, "c-")), "10:05", kAcross),
       Then("neighbour_looked {asking_case: 'cases/c-'}", "case_neighbour_heard {shard: 3 found {case: 'cases/c-'}}",
            "case_merge_asked {context {case: 'cases/$1'} into {case: 'cases/c-'} reports {report: 'reports/r1'}}")},
      {"the later one asks, though it was never told", kAlone, look(Distant("09:59")),
       Then("neighbour_looked {}", "case_neighbour_heard {found {case: 'cases/c-x'}}",
            "case_merge_asked {into {case: 'cases/c-x'}}")},
      {"the later one still waits for its own neighbours", kOpened, When(Look(Distant("09:59")), "10:01", kAcross),
       Then("neighbour_looked {}", "case_neighbour_heard {} merging {unanswered: 3 unanswered: 5 found {}}")},
      {"the later one is registered: it stays", Registered(), look(Distant("09:59")), Then("neighbour_looked {}")},
      {"the later one is staff's: it stays", Opened(), look(Distant("09:59")), Then("neighbour_looked {}")}};
  CheckRows(rows);
}

TEST(MergingTest, ANeighbourFindsNothing) {
  const std::pair<Steps, std::string> rows[] = {
      {kAlone, Distant("10:01", kBeyond)},
      {kAlone, Distant("10:01", kPlace, "c-x", "E0112")},
      {kAlone, Distant("10:01", kPlace, "c-x", "E0110", "2026-11-17 09:49:59")},
      {kDeclined, Distant("10:01")}};
  for (const auto& [given, asking] : rows) {
    const auto came = After(given, When(Look(asking), "10:05", kAcross));
    EXPECT_EQ(came.broken + came.reason, "");
    ASSERT_EQ(came.events.size(), 1u) << asking;
    EXPECT_THAT(came.events[0], Not(HasSubstr("found"))) << asking;
  }
  // What is about to be merged itself.
  const auto merging = After(kAsking, When(Look(Distant("10:01")), "10:01:59", kAcross));
  ASSERT_EQ(merging.events.size(), 1u);
  EXPECT_THAT(merging.events[0], Not(HasSubstr("found")));
}

TEST(MergingTest, HearsAllAndAsksTheNearest) {
  const Row rows[] = {
      {"the first of two answers", kOpened, When(Hear(3, Found("c-old", 20)), "10:00:01", kAcross),
       Then("case_neighbour_heard {shard: 3 found {case: 'cases/c-old'}} merging {unanswered: 5 found {}}")},
      {"the last one, with nothing new", Given(kOpened, Heard(3, Found("c-old", 20))),
       When(Hear(5), "10:00:02", kAcross),
       Then("case_neighbour_heard {shard: 5} merging {}",
            "case_merge_asked {context {status: CASE_STATUS_REPORTED} into {case: 'cases/c-old' distance_metres: 20} "
            "reports {report: 'reports/r1' reporter_token: 'p-r1'}} merging {into {case: 'cases/c-old'}}")},
      {"the last one has a nearer one", Given(kOpened, Heard(3, Found("c-old", 20))),
       When(Hear(5, Found("c-near", 10)), "10:00:02", kAcross),
       Then("case_neighbour_heard {}",
            "case_merge_asked {into {case: 'cases/c-near'}} merging {found {case: "
            "'cases/c-old'}}")},
      {"nobody has anything", Given(kOpened, Heard(3)), When(Hear(5), "10:00:02", kAcross),
       Then("case_neighbour_heard {shard: 5} merging {}")},
      {"the same answer twice", Given(kOpened, Heard(3)), When(Hear(3), "10:00:02", kAcross), ThenNothing()},
      {"an answer after the time", Given(kOpened, TimePassed("10:02")),
       When(Hear(3, Found("c-old", 20)), "10:03", kAcross), ThenNothing()},
      {"registered meanwhile: a hint for staff",
       Given(kOpened, Heard(5), Did(Cmd("accept_case"), "10:00:02", kRegistrar),
             Did(Cmd("register_case", "condition_id: '1'"), "10:00:03", kRegistrar)),
       When(Hear(3, Found("c-old", 20)), "10:00:04", kAcross),
       Then("case_neighbour_heard {explanations {code: EXPLANATION_CODE_DUPLICATE_HINT facts {key: 'case' value: "
            "'cases/c-old'} facts {key: 'distance' value: '20'}}}")},
      {"no such case",
       {},
       When("hear_neighbour {asking_case: 'cases/c-none'}", "10:00", kAcross),
       Refused(v1::REASON_CASE_NOT_FOUND)}};
  CheckRows(rows);
}

TEST(MergingTest, WhileItAsksNobodyDecidesOnIt) {
  const Steps accepted = Given(kAsking, Did(Cmd("accept_case"), "10:00:02", kRegistrar));
  const Row rows[] = {
      {"not registered", accepted, When(Cmd("register_case", "condition_id: '1'"), "10:00:03", kRegistrar),
       Refused(v1::REASON_MERGING)},
      {"not declined", accepted,
       When(Cmd("decline_case", "ground: DECLINE_GROUND_BELOW_CONDITION note: '未达标准'"), "10:00:03", kRegistrar),
       Refused(v1::REASON_MERGING)},
      {"a report of its own side joins it", kAsking, When(Report("r2"), "10:00:03", kPolicy),
       Then("case_report_merged {context {case: 'cases/$1'} report {report: 'reports/r2'}}")},
      {"no answer: it may be registered again", Given(accepted, TimePassed("10:02:01")),
       When(Cmd("register_case", "condition_id: '1'"), "10:03", kRegistrar),
       Then("case_number_taken {}", "case_registered {}")},
      {"no answer", kAsking, WhenTimePasses("10:02:01"),
       Then("case_merge_given_up {into: 'cases/c-old'} merging {over: true}")}};
  CheckRows(rows);
}

TEST(MergingTest, ATargetTakesTheReports) {
  const Row rows[] = {
      {"each joins it", kAlone,
       When(Take(Distant("10:01", kNearby),
                 "reports {report: 'reports/r8' reporter_token: 'p-8'} "
                 "reports {report: 'reports/r9' reporter_token: 'p-9'}"),
            "10:05", kAcross),
       Then("case_report_merged {context {report_count: 2 reports: 'reports/r1' reports: 'reports/r8'} ordinal: 1 "
            "merged_from: 'cases/c-x' report {report: 'reports/r8' reporter_token: 'p-8' distance_metres: 50 "
            "merged_at " +
                Ts("10:05") +
                "} explanations {code: EXPLANATION_CODE_DUPLICATE_MERGED facts {key: 'report' value: 'reports/r8'}}}",
            "case_report_merged {context {report_count: 3} ordinal: 2 report {report: 'reports/r9'}}",
            "case_merge_answered {context {case: 'cases/$1'} asking_case: 'cases/c-x' reports: 'reports/r8' "
            "reports: 'reports/r9' distance_metres: 50 apart_ms: 600000}")},
      {"one under way takes them too", Started(), When(Take(Distant("10:30")), "10:31", kAcross),
       Then("case_report_merged {context {status: CASE_STATUS_IN_DISPOSAL}}",
            "case_merge_answered {reports: 'reports/r8'}")},
      {"what it has it does not take twice", Given(kAlone, Did(Take(Distant("10:01")), "10:05", kAcross)),
       When(Take(Distant("10:01")), "10:06", kAcross), Then("case_merge_answered {reports: 'reports/r8'}")},
      {"no such case", {}, When(Take(Distant("10:01")), "10:05", kAcross), Refused(v1::REASON_CASE_NOT_FOUND)}};
  CheckRows(rows);
}

TEST(MergingTest, ATargetRefuses) {
  const auto refuses = [](const std::string& why) {
    return Then("case_merge_answered {asking_case: 'cases/c-x' refusal: MERGE_REFUSAL_" + why + "}");
  };
  const auto take = [](const std::string& asking) { return When(Take(asking), "11:30", kAcross); };
  const Row rows[] = {
      {"closed meanwhile", Closed(), take(Distant("10:10")), refuses("ENDED")},
      {"declined meanwhile", kDeclined, take(Distant("10:01")), refuses("ENDED")},
      {"it asks another one itself", kAsking, When(Take(Distant("10:01")), "10:00:02", kAcross), refuses("MERGING")},
      {"merged itself: its successor", Given(kAsking, Did(Settle(kTaken), "10:00:02", kAcross)), take(Distant("10:01")),
       Then("case_merge_answered {refusal: MERGE_REFUSAL_MERGED successor: 'cases/c-old'}")},
      {"never from the earlier into the later", kAlone, take(Distant("09:59:59")), refuses("OPENED_LATER")},
      {"nor from the lower id into the higher", kAlone, When(Take(Distant("10:00", kPlace, "c-")), "11:30", kAcross),
       Then("case_merge_answered {refusal: MERGE_REFUSAL_OPENED_LATER}")},
      {"registered as something else meanwhile",
       Given(kAlone, Did(Cmd("accept_case"), "10:01", kRegistrar),
             Did(Cmd("register_case", "class_code: 'E0112' condition_id: '1'"), "10:02", kRegistrar)),
       take(Distant("10:01")), refuses("NOT_SIMILAR")},
      {"too far away", kAlone, take(Distant("10:01", kBeyond)), refuses("NOT_SIMILAR")}};
  CheckRows(rows);
}

TEST(MergingTest, TheSourceEndsAsMerged) {
  const Row rows[] = {
      {"all its reports are taken", kAsking, When(Settle(kTaken), "10:00:02", kAcross),
       Then(
           "case_merged {context {status: CASE_STATUS_MERGED reports: 'reports/r1'} into: 'cases/c-old' "
           "clocks {kind: CLOCK_KIND_ACCEPTANCE phase: PHASE_STOPPED} explanations {code: EXPLANATION_CODE_CASE_MERGED "
           "facts {key: 'case' value: 'cases/c-old'} facts {key: 'distance' value: '20'} "
           "facts {key: 'minutes' value: '10'}}} merging {}")},
      {"also while it is verified",
       Given(kAsking, Did(Cmd("accept_case"), "10:00:02", kRegistrar),
             Did(Cmd("start_verification"), "10:00:03", kRegistrar)),
       When(Settle(kTaken), "10:00:04", kAcross),
       Then("case_merged {context {status: CASE_STATUS_MERGED} clocks {kind: CLOCK_KIND_ACCEPTANCE phase: "
            "PHASE_STOPPED} "
            "clocks {kind: CLOCK_KIND_VERIFICATION phase: PHASE_STOPPED}}")},
      {"a report that came meanwhile is asked for too", Given(kAsking, Did(Report("r2"), "10:00:02", kPolicy)),
       When(Settle(kTaken), "10:00:03", kAcross),
       Then("case_reports_handed_on {context {report_count: 1 reports: 'reports/r2'} into: 'cases/c-old' "
            "reports: 'reports/r1'}",
            "case_merge_asked {into {case: 'cases/c-old'} reports {report: 'reports/r2'}} merging {into {case: "
            "'cases/c-old'}}")},
      {"and then it ends",
       Given(kAsking, Did(Report("r2"), "10:00:02", kPolicy), Did(Settle(kTaken), "10:00:03", kAcross)),
       When(Settle("reports: 'reports/r2'"), "10:00:04", kAcross), Then("case_merged {}")},
      {"the answer twice", Given(kAsking, Did(Settle(kTaken), "10:00:02", kAcross)),
       When(Settle(kTaken), "10:00:03", kAcross), ThenNothing()}};
  CheckRows(rows);
  // Nothing of it runs out afterwards.
  const auto later = After(Given(kAsking, Did(Settle(kTaken), "10:00:02", kAcross)), WhenTimePasses("12:00"));
  EXPECT_TRUE(later.events.empty());
}

TEST(MergingTest, TheSourceGoesOnWhereItIsRefused) {
  const Steps two = Given(kOpened, Heard(3, Found("c-old", 20)), Heard(5, Found("c-near", 10)));  // it asks c-near
  const Row rows[] = {{"nobody is left", kAsking, When(Settle(kRefused), "10:00:02", kAcross),
                       Then("case_merge_given_up {context {status: CASE_STATUS_REPORTED} into: 'cases/c-old' refusal: "
                            "MERGE_REFUSAL_ENDED} merging {}")},
                      {"the next one is asked", two, When(Settle(kRefused, "c-near"), "10:00:02", kAcross),
                       Then("case_merge_asked {into {case: 'cases/c-old'}}")},
                      {"the successor is asked", kAsking,
                       When(Settle("refusal: MERGE_REFUSAL_MERGED successor: 'cases/c-next'"), "10:00:02", kAcross),
                       Then("case_merge_asked {into {case: 'cases/c-next'} reports {report: 'reports/r1'}}")},
                      {"somebody answers who is not asked", kAsking,
                       When(Settle(kRefused, "c-other"), "10:00:02", kAcross), ThenNothing()},
                      {"a refusal after the time", Given(kAsking, TimePassed("10:02:01")),
                       When(Settle(kRefused), "10:03", kAcross), ThenNothing()}};
  CheckRows(rows);
}

TEST(MergingTest, ALateAnswerHolds) {
  const Steps late = Given(kAsking, TimePassed("10:02:01"), Did(Cmd("accept_case"), "10:03", kRegistrar));
  const Row rows[] = {
      {"not registered yet: it ends as merged", late, When(Settle(kTaken), "10:04", kAcross),
       Then("case_merged {into: 'cases/c-old'}")},
      {"registered meanwhile: it goes on without the reports",
       Given(late, Did(Cmd("register_case", "condition_id: '1'"), "10:04", kRegistrar)),
       When(Settle(kTaken), "10:05", kAcross),
       Then("case_reports_handed_on {context {status: CASE_STATUS_REGISTERED report_count: 0} into: 'cases/c-old' "
            "reports: 'reports/r1'}")},
      {"it asks nobody else after that", late, When(Look(Distant("09:59")), "10:04", kAcross),
       Then("neighbour_looked {}")}};
  CheckRows(rows);
}

TEST(MergingTest, SaysWhetherItWaits) {
  const gwt::References references = SampleReferences();
  gwt::Shard shard(std::make_unique<DispatchShard>(), v1::JournalEvent::default_instance(),
                   v1::Command::default_instance(), &references);
  const auto now = [&] {
    v1::DispatchStream stream;
    EXPECT_TRUE(stream.ParseFromString(shard.machine().Save(shard.resources()[0])));
    return stream.case_().case_();
  };
  After({}, kOpened[0], &shard);
  EXPECT_TRUE(now().duplicates_pending());
  After({}, Heard(3, Found("c-old", 20)), &shard);
  After({}, Heard(5), &shard);
  EXPECT_TRUE(now().duplicates_pending());
  EXPECT_THAT(now().similar_cases(), testing::ElementsAre("cases/c-old"));
  EXPECT_EQ(shard.Armed(shard.resources()[0], kMergingTimer), gwt::At("10:02:01"));
  After({}, Did(Settle(kTaken), "10:00:02", kAcross), &shard);
  EXPECT_FALSE(now().duplicates_pending());
  EXPECT_EQ(now().merged_into(), "cases/c-old");
  EXPECT_EQ(now().status(), v1::CASE_STATUS_MERGED);
  EXPECT_EQ(shard.Armed(shard.resources()[0], kMergingTimer), absl::InfiniteFuture());
}

}  // namespace
}  // namespace civicmesh::dispatch
