// 受理, 核实, 立案, 不予立案, and the shard's case numbers.
#include "services/dispatch/domain/cases_for_tests.h"

namespace civicmesh::dispatch {
namespace {

using gwt::Did;
using gwt::Given;
using gwt::Happened;
using gwt::Refused;
using gwt::Row;
using gwt::Steps;
using gwt::Then;
using gwt::ThenNothing;
using gwt::When;
using gwt::WhenTimePasses;

const std::string kRegister = Cmd("register_case", "condition_id: '1'");
std::string Decline(const std::string& fields) { return Cmd("decline_case", fields); }

Steps Verifying() { return Given(Accepted(), Did(Cmd("start_verification"), "10:05", kRegistrar)); }
Steps Verified(const std::string& result) {
  return Given(Verifying(), Did(Cmd("record_verification", "result: " + result), "10:25", kCollector));
}

TEST(RegisteringTest, Accepting) {
  const Row rows[] = {
      {"twice", Accepted(), When(Cmd("accept_case"), "10:02", kRegistrar), Refused(v1::REASON_WRONG_STATUS)},
      {"15 minutes to the second are in time", Opened(), WhenTimePasses("10:15"), ThenNothing()},
      {"nobody decides in time, accepted or not", Accepted(), WhenTimePasses("10:15:01"),
       Then("case_became_overdue {context {status: CASE_STATUS_ACCEPTED actor: 'timer' disposal_overdue: false} "
            "clock: CLOCK_KIND_ACCEPTANCE late_unit: '' due_at " +
            Ts("10:15") + " clocks {kind: CLOCK_KIND_ACCEPTANCE phase: PHASE_RUNNING overdue: true}}")},
      {"it is late once", Given(Accepted(), gwt::TimePassed("10:16")), WhenTimePasses("2026-11-20 10:00"),
       ThenNothing()},
      {"no such case",
       {},
       When("accept_case {name: 'cases/c-00aaaaaaaaaaaaaaaa'}", "10:00", kRegistrar),
       Refused(v1::REASON_CASE_NOT_FOUND)},
      {"the numbers' stream is no case", Registered(), When("accept_case {name: 'cases/numbers'}", "10:10", kRegistrar),
       Refused(v1::REASON_CASE_NOT_FOUND)},
      {"an etag that was overtaken", Accepted(),
       When("start_verification {name: 'cases/$1' etag: 'v1'}", "10:02", kRegistrar),
       Refused(v1::REASON_ETAG_MISMATCH)},
      {"the etag as it is", Accepted(), When("start_verification {name: 'cases/$1' etag: 'v2'}", "10:02", kRegistrar),
       Then("verification_started {}")}};
  CheckRows(rows);
}

TEST(RegisteringTest, Verification) {
  const Row rows[] = {
      {"acceptance stands still, verification has 30 minutes", Accepted(),
       When(Cmd("start_verification"), "10:05", kRegistrar),
       Then("verification_started {context {status: CASE_STATUS_VERIFYING} "
            "clocks {kind: CLOCK_KIND_ACCEPTANCE phase: PHASE_PAUSED remaining_ms: 600000 paused_at " +
            Ts("10:05") + "} clocks {kind: CLOCK_KIND_VERIFICATION phase: PHASE_RUNNING due_at " + Ts("10:35") + "}}")},
      {"only verification can be late meanwhile", Verifying(), WhenTimePasses("10:35:01"),
       Then("case_became_overdue {clock: CLOCK_KIND_VERIFICATION}")},
      {"acceptance goes on with what was left", Verifying(),
       When(Cmd("record_verification", "result: VERIFICATION_RESULT_EXISTS note: '属实' " + kPhotoNear), "10:25",
            kCollector),
       Then("verification_recorded {context {status: CASE_STATUS_ACCEPTED} result: VERIFICATION_RESULT_EXISTS uploads: "
            "'uploads/u-near' "
            "clocks {kind: CLOCK_KIND_VERIFICATION phase: PHASE_STOPPED} "
            "clocks {kind: CLOCK_KIND_ACCEPTANCE phase: PHASE_RUNNING due_at " +
            Ts("10:35") +
            "}} note: '属实' "
            "photos {uri: 'uploads/u-near'}")},
      {"and is late by that", Verified("VERIFICATION_RESULT_EXISTS"), WhenTimePasses("10:35:01"),
       Then("case_became_overdue {clock: CLOCK_KIND_ACCEPTANCE}")},
      {"before it was accepted", Opened(), When(Cmd("start_verification"), "10:01", kRegistrar),
       Refused(v1::REASON_WRONG_STATUS)},
      {"a result nobody asked for", Accepted(),
       When(Cmd("record_verification", "result: VERIFICATION_RESULT_EXISTS"), "10:05", kCollector),
       Refused(v1::REASON_WRONG_STATUS)},
      {"no result", Verifying(), When(Cmd("record_verification"), "10:25", kCollector),
       Refused(v1::REASON_INVALID_ARGUMENT)},
      {"not existing cannot be registered", Verified("VERIFICATION_RESULT_NOT_EXISTS"),
       When(kRegister, "10:26", kRegistrar), Refused(v1::REASON_VERIFIED_NOT_EXISTING)},
      {"unless it is verified again",
       Given(Verified("VERIFICATION_RESULT_NOT_EXISTS"), Did(Cmd("start_verification"), "10:26", kRegistrar),
             Did(Cmd("record_verification", "result: VERIFICATION_RESULT_UNABLE"), "10:40", kCollector)),
       When(kRegister, "10:41", kRegistrar), Then("case_number_taken {}", "case_registered {}")}};
  CheckRows(rows);
}

TEST(RegisteringTest, Registering) {
  const Row rows[] = {
      {"before it was accepted", Opened(), When(kRegister, "10:01", kRegistrar), Refused(v1::REASON_WRONG_STATUS)},
      {"twice", Registered(), When(kRegister, "10:05", kRegistrar), Refused(v1::REASON_WRONG_STATUS)},
      {"no condition", Accepted(), When(Cmd("register_case"), "10:02", kRegistrar),
       Refused(v1::REASON_UNKNOWN_CONDITION)},
      {"a condition of another class", Accepted(), When(Cmd("register_case", "condition_id: '4'"), "10:02", kRegistrar),
       Refused(v1::REASON_UNKNOWN_CONDITION)},
      {"a class that the standard has not", Accepted(),
       When(Cmd("register_case", "class_code: 'E9999' condition_id: '1'"), "10:02", kRegistrar),
       Refused(v1::REASON_UNKNOWN_CLASS)},
      {"still no class", Accepted(""), When(kRegister, "10:02", kRegistrar), Refused(v1::REASON_CLASS_MISSING)},
      {"the clerk chooses another class: its limit, its unit, and what is similar to it now", Accepted(),
       When(Cmd("register_case", "class_code: 'E0113' condition_id: '2'"), "10:02", kRegistrar),
       Then("case_number_taken {}",
            "case_registered {context {class_code: 'E0113' class_name_zh: '道路破损' condition_id: '2'} "
            "limit_text: '5工作日' limit_kind: LIMIT_KIND_WORKING_DAY limit_amount: 5 proposed_unit: 'u-roads' "
            "explanations {code: EXPLANATION_CODE_CLASS_CHOSEN facts {key: 'class' value: 'E0113'}} "
            "explanations {choice: CHOICE_GRID} explanations {code: EXPLANATION_CODE_UNIT_BY_DUTY "
            "facts {key: 'role' value: 'municipal_roads'} facts {key: 'duty' value: 'duty-03'} "
            "facts {key: 'unit' value: 'u-roads'}} explanations {code: EXPLANATION_CODE_DUPLICATE_NONE}} "
            "class_name_en: 'Damaged road surface' unit_role: 'municipal_roads'")},
      {"the place turns out to be elsewhere: its grid, its unit", Accepted(),
       When(Cmd("register_case", "condition_id: '1' corrected_location {latitude: 30.2620 longitude: 119.9630}"),
            "10:02", kRegistrar),
       Then("case_number_taken {}",
            "case_registered {context {grid: '990101004001001' location {latitude: 30.2620 longitude: 119.9630}} "
            "proposed_unit: 'u-hetian' duty_entry: 'duty-24' explanations {choice: CHOICE_GRID} "
            "explanations {choice: CHOICE_UNIT} explanations {choice: CHOICE_DUPLICATE}}")},
      {"the place turns out to be outside", Accepted(),
       When(Cmd("register_case", "condition_id: '1' corrected_location {latitude: 31 longitude: 121}"), "10:02",
            kRegistrar),
       Refused(v1::REASON_OUTSIDE_DISTRICT)},
      {"a place that is none", Accepted(),
       When(Cmd("register_case", "condition_id: '1' corrected_location {latitude: 91 longitude: 121}"), "10:02",
            kRegistrar),
       Refused(v1::REASON_INVALID_ARGUMENT)}};
  CheckRows(rows);
  const Row waiting[] = {{"reference data went missing",
                          Given(Happened("c-1",
                                         "case_opened {context {case: 'cases/c-1' "
                                         "status: CASE_STATUS_ACCEPTED}}",
                                         "10:00")),
                          When("register_case {name: 'cases/c-1' condition_id: '1'}", "10:02", kRegistrar),
                          Refused(v1::REASON_REFERENCE_MISSING)}};
  CheckRows(waiting, gwt::References());
}

TEST(RegisteringTest, NumbersOfTheDay) {
  const std::string number = "case_registered {context {case_number: ";
  const Row rows[] = {
      {"the next one of the day",
       Given(Happened("numbers", "case_number_taken {date: 20261118 serial: 41}", "09:00"), Accepted()),
       When(kRegister, "10:02", kRegistrar),
       Then("case_number_taken {date: 20261118 serial: 42}", number + "'9901012026111800042'}}")},
      {"a new day begins at 0",
       Given(Happened("numbers", "case_number_taken {date: 20261117 serial: 41}", "09:00"), Accepted()),
       When(kRegister, "10:02", kRegistrar),
       Then("case_number_taken {date: 20261118 serial: 0}", number + "'9901012026111800000'}}")},
      {"the last one of the shard's range: 100,000 by 8",
       Given(Happened("numbers", "case_number_taken {date: 20261118 serial: 12498}", "09:00"), Accepted()),
       When(kRegister, "10:02", kRegistrar),
       Then("case_number_taken {date: 20261118 serial: 12499}", number + "'9901012026111812499'}}")},
      {"used up: the case goes on without one",
       Given(Happened("numbers", "case_number_taken {date: 20261118 serial: 12499}", "09:00"), Accepted()),
       When(kRegister, "10:02", kRegistrar), Then(number + "''}}")}};
  CheckRows(rows);
  const gwt::References references = SampleReferences();
  gwt::Shard third(std::make_unique<DispatchShard>(), v1::JournalEvent::default_instance(),
                   v1::Command::default_instance(), &references, /*shard=*/3);
  EXPECT_EQ(gwt::Check({"another shard, another range", Accepted(), When(kRegister, "10:02", kRegistrar),
                        Then("case_number_taken {}", number + "'9901012026111837500'}}")},
                       third),
            "");
}

TEST(RegisteringTest, Declining) {
  const Row rows[] = {
      {"with what the reporter is told", Accepted(),
       When(Decline("ground: DECLINE_GROUND_BELOW_CONDITION note: '未达立案条件'"), "10:02", kRegistrar),
       Then("case_declined {context {status: CASE_STATUS_NOT_REGISTERED} ground: DECLINE_GROUND_BELOW_CONDITION "
            "clocks {kind: CLOCK_KIND_ACCEPTANCE phase: PHASE_STOPPED overdue: false}} note: '未达立案条件'")},
      {"outside: where to turn to", Accepted(),
       When(Decline("ground: DECLINE_GROUND_OUTSIDE_DISTRICT note: '不在本区' referral: '邻区热线12345'"), "10:02",
            kRegistrar),
       Then("case_declined {ground: DECLINE_GROUND_OUTSIDE_DISTRICT} referral: '邻区热线12345'")},
      {"outside without it", Accepted(),
       When(Decline("ground: DECLINE_GROUND_OUTSIDE_SCOPE note: '不归口'"), "10:02", kRegistrar),
       Refused(v1::REASON_REFERRAL_MISSING)},
      {"no ground", Accepted(), When(Decline("note: '不'"), "10:02", kRegistrar), Refused(v1::REASON_INVALID_ARGUMENT)},
      {"no note", Accepted(), When(Decline("ground: DECLINE_GROUND_NOT_EXISTING"), "10:02", kRegistrar),
       Refused(v1::REASON_NOTE_MISSING)},
      {"a duplicate of another", Accepted(),
       When(Decline("ground: DECLINE_GROUND_DUPLICATE note: '重复' duplicate_of: 'cases/c-01aaaaaaaaaaaaaaaa'"),
            "10:02", kRegistrar),
       Then("case_declined {duplicate_of: 'cases/c-01aaaaaaaaaaaaaaaa'}")},
      {"a duplicate of what", Accepted(),
       When(Decline("ground: DECLINE_GROUND_DUPLICATE note: '重复'"), "10:02", kRegistrar),
       Refused(v1::REASON_DUPLICATE_CASE_MISSING)},
      {"a duplicate of itself", Accepted(),
       When(Decline("ground: DECLINE_GROUND_DUPLICATE note: '重复' duplicate_of: 'cases/$1'"), "10:02", kRegistrar),
       Refused(v1::REASON_DUPLICATE_CASE_MISSING)},
      {"after registration", Registered(),
       When(Decline("ground: DECLINE_GROUND_NOT_EXISTING note: '无'"), "10:05", kRegistrar),
       Refused(v1::REASON_WRONG_STATUS)},
      {"nothing is late any more",
       Given(Accepted(), Did(Decline("ground: DECLINE_GROUND_NOT_EXISTING note: '无'"), "10:02", kRegistrar)),
       WhenTimePasses("2026-11-25 10:00"), ThenNothing()}};
  CheckRows(rows);
}

}  // namespace
}  // namespace civicmesh::dispatch
