// 派遣, 退单 and its judgement.
#include "services/dispatch/domain/cases_for_tests.h"
#include "services/runtime/decider/posts_for_tests.h"

namespace civicmesh::dispatch {
namespace {

using gwt::Did;
using gwt::Given;
using gwt::Refused;
using gwt::Row;
using gwt::Steps;
using gwt::Then;
using gwt::ThenNothing;
using gwt::When;
using gwt::WhenTimePasses;

const ActorView kDrainage{.subject = "drainage-01", .posts = Posts({"UNIT_WORKER"}, "u-drainage")};

std::string Override(const std::string& unit, const std::string& reason = "专业对口") {
  return Cmd("dispatch_case", "override_unit: '" + unit + "' override_reason: '" + reason + "'");
}
// The sample's duty-03 names u-roads.
std::string Return(const std::string& fields = "") {
  return Cmd("return_case", "duty_entry: 'duty-03' note: '属市政设施' " + fields);
}
std::string Judge(const std::string& verdict) {
  return Cmd("judge_return", "verdict: RETURN_VERDICT_" + verdict + " note: '经核对责任清单'");
}
ActorView WorkerOf(const std::string& unit) { return {.subject = "w-" + unit, .posts = Posts({"UNIT_WORKER"}, unit)}; }

Steps Returned() { return Given(Dispatched(), Did(Return(), "10:33", kWorker)); }
Steps Justified() { return Given(Returned(), Did(Judge("JUSTIFIED"), "10:40", kDispatcher)); }
// After `transfers` of them, at 11:xx, with the last unit.
Steps Transferred(int transfers) {
  const char* units[] = {"u-hetian", "u-landscaping", "u-drainage"};
  const char* times[][4] = {{"10:45", "10:46", "10:47", ""}, {"10:50", "10:51", "10:52", ""}, {"10:55", "", "", ""}};
  Steps steps = Justified();
  for (int i = 0; i < transfers; ++i) {
    steps = Given(steps, Did(Override(units[i]), times[i][0], kDispatcher));
    if (i + 1 < transfers)
      steps = Given(steps, Did(Return(), times[i][1], WorkerOf(units[i])),
                    Did(Judge("JUSTIFIED"), times[i][2], kDispatcher));
  }
  return steps;
}

TEST(DispatchingTest, Dispatching) {
  const Row rows[] = {
      {"before registration", Accepted(), When(Cmd("dispatch_case"), "10:03", kDispatcher),
       Refused(v1::REASON_WRONG_STATUS)},
      {"twice", Dispatched(), When(Cmd("dispatch_case"), "10:05", kDispatcher), Refused(v1::REASON_WRONG_STATUS)},
      {"to another unit with a reason", Registered(), When(Override("u-roads"), "10:03", kDispatcher),
       Then("case_dispatched {context {unit: 'u-roads'} unit: 'u-roads' proposed_unit: 'u-sanitation' overridden: true "
            "first: true explanations {code: EXPLANATION_CODE_UNIT_OVERRIDDEN facts {key: 'unit' value: 'u-roads'} "
            "facts {key: 'proposed' value: 'u-sanitation'}} explanations {code: EXPLANATION_CODE_DEADLINE_COUNTED}} "
            "note: '专业对口'")},
      {"naming the proposed unit is no override", Registered(),
       When(Override("u-sanitation", ""), "10:03", kDispatcher),
       Then("case_dispatched {overridden: false explanations {code: EXPLANATION_CODE_UNIT_BY_DUTY} "
            "explanations {choice: CHOICE_DEADLINE}}")},
      {"to another unit without a reason", Registered(), When(Override("u-roads", ""), "10:03", kDispatcher),
       Refused(v1::REASON_OVERRIDE_REASON_MISSING)},
      {"to a unit that is none", Registered(), When(Override("u-nobody"), "10:03", kDispatcher),
       Refused(v1::REASON_UNKNOWN_UNIT)},
      {"the dispatcher has 15 minutes", Registered(), WhenTimePasses("10:17:01"),
       Then("case_became_overdue {clock: CLOCK_KIND_DISPATCH late_unit: '' due_at " + Ts("10:17") + "}")},
      {"and is late at the dispatch only once", Given(Registered(), gwt::TimePassed("10:20")),
       When(Cmd("dispatch_case"), "10:21", kDispatcher),
       Then("case_dispatched {clocks {kind: CLOCK_KIND_DISPATCH phase: PHASE_STOPPED overdue: true} "
            "clocks {kind: CLOCK_KIND_DISPOSAL}}")}};
  CheckRows(rows);
}

// The limit kinds of DOMAIN section 1.3, each from 10:03 on Wednesday the 18th.
TEST(DispatchingTest, CountsTheLimitAsItsKindSays) {
  auto due = [](const std::string& at) {
    return Then("case_dispatched {context {disposal_due_at " + Ts(at) +
                "} clocks {kind: CLOCK_KIND_DISPATCH} "
                "clocks {kind: CLOCK_KIND_DISPOSAL due_at " +
                Ts(at) + " provisional: false}}");
  };
  const Row rows[] = {
      {"2紧急工作时: around the clock", Registered("E0301", "1"), When(Cmd("dispatch_case"), "19:03", kDispatcher),
       due("21:03")},
      {"2工作时 over noon", Registered("E0112", "1"), When(Cmd("dispatch_case"), "10:03", kDispatcher), due("14:03")},
      {"1工作日", Registered("E0136", "1"), When(Cmd("dispatch_case"), "10:03", kDispatcher), due("2026-11-19 10:03")},
      {"5工作日 over a weekend", Registered("E0113", "2"), When(Cmd("dispatch_case"), "10:03", kDispatcher),
       due("2026-11-25 10:03")},
      {"2紧急工作日", Registered("E0101", "1"), When(Cmd("dispatch_case"), "10:03", kDispatcher),
       due("2026-11-20 10:03")}};
  CheckRows(rows);
}

TEST(DispatchingTest, ByTheDutyListAsItIsThen) {
  gwt::References references = SampleReferences();
  references.Set(kDistrictKind, DistrictWith([](auto& district) {
                   for (int i = district.duties_size() - 1; i >= 0; --i)
                     if (district.duties(i).unit_role() == "sanitation")
                       district.mutable_duties()->DeleteSubrange(i, 1);
                 }));
  const Row fallback[] = {
      {"nobody's duty: the fallback unit takes it", Registered(), When(Cmd("dispatch_case"), "10:03", kDispatcher),
       Then("case_dispatched {unit: 'u-general' duty_entry: '' overridden: false "
            "explanations {code: EXPLANATION_CODE_UNIT_FALLBACK facts {key: 'role' value: 'sanitation'} "
            "facts {key: 'unit' value: 'u-general'}} explanations {choice: CHOICE_DEADLINE}}")}};
  CheckRows(fallback, references);

  struct Everywhere : GridMap {
    std::string Find(double, double) const override { return "990101001001001"; }
  };
  references.Set(kDistrictKind, std::make_shared<const District>(District::Parts{
                                    .version = "1", .code = "990101", .grids = std::make_unique<Everywhere>()}));
  const Row none[] = {{"no fallback either", Registered(), When(Cmd("dispatch_case"), "10:03", kDispatcher),
                       Refused(v1::REASON_NO_UNIT)}};
  CheckRows(none, references);
  references.Set(kCalendarKind, nullptr);
  const Row missing[] = {{"no calendar", Registered(), When(Cmd("dispatch_case"), "10:03", kDispatcher),
                          Refused(v1::REASON_REFERENCE_MISSING)}};
  CheckRows(missing, references);
}

// 立案 fixed class, condition and limit: what the standard says later does not touch the case.
TEST(DispatchingTest, ByTheStandardOfItsRegistration) {
  gwt::References references = SampleReferences();
  gwt::Shard shard(std::make_unique<DispatchShard>(), v1::JournalEvent::default_instance(),
                   v1::Command::default_instance(), &references);
  for (const auto& step : Registered()) ASSERT_EQ(shard.Run(step).reason, "");
  references.Set(kStandardKind, std::make_shared<const Standard>("2027-1", std::vector<MinorClass>()));
  EXPECT_EQ(gwt::Check({"",
                        {},
                        When(Cmd("dispatch_case"), "10:03", kDispatcher),
                        Then("case_dispatched {context {standard_version: '2026-1'} unit: 'u-sanitation' "
                             "clocks {kind: CLOCK_KIND_DISPATCH} clocks {limit_text: '4工作时'}}")},
                       shard),
            "");
}

TEST(DispatchingTest, Returning) {
  const Row rows[] = {
      {"disposal stands still, the dispatcher has 15 minutes", Dispatched(), When(Return(), "10:33", kWorker),
       Then("case_returned {context {status: CASE_STATUS_RETURNED unit: 'u-sanitation' disposal_due_at " + Ts("16:03") +
            "} duty_entry: 'duty-03' cited_unit: 'u-roads' returned_from: CASE_STATUS_DISPATCHED "
            "clocks {kind: CLOCK_KIND_DISPATCH phase: PHASE_RUNNING due_at " +
            Ts("10:48") +
            "} clocks {kind: CLOCK_KIND_DISPOSAL phase: PHASE_PAUSED remaining_ms: 12600000}} note: '属市政设施'")},
      {"signed is not too late", Signed(), When(Return(), "10:33", kWorker),
       Then("case_returned {returned_from: CASE_STATUS_SIGNED}")},
      {"after disposal began", Started(), When(Return(), "10:33", kWorker), Refused(v1::REASON_WRONG_STATUS)},
      {"by a unit that never had it", Dispatched(), When(Return(), "10:33", kStranger),
       Refused(v1::REASON_CASE_NOT_FOUND)},
      {"by a unit that has it no more", Transferred(1), When(Return(), "10:50", kWorker),
       Refused(v1::REASON_NOT_YOUR_UNIT)},
      {"without citing the duty list", Dispatched(), When(Cmd("return_case", "note: '不归我们'"), "10:33", kWorker),
       Refused(v1::REASON_DUTY_ENTRY_MISSING)},
      {"citing what is not there", Dispatched(),
       When(Cmd("return_case", "duty_entry: 'duty-99' note: '不归我们'"), "10:33", kWorker),
       Refused(v1::REASON_UNKNOWN_DUTY_ENTRY)},
      {"citing its own duty", Dispatched(),
       When(Cmd("return_case", "duty_entry: 'duty-01' note: '不归我们'"), "10:33", kWorker),
       Refused(v1::REASON_DUTY_ENTRY_IS_OWN)},
      {"without a word", Dispatched(), When(Cmd("return_case", "duty_entry: 'duty-03'"), "10:33", kWorker),
       Refused(v1::REASON_NOTE_MISSING)},
      {"people are in danger until the place is safe", Dispatched("C0102", "4"), When(Return(), "10:33", kDrainage),
       Refused(v1::REASON_DANGER_NOT_SECURED)},
      {"it was made safe", Dispatched("C0102", "4"), When(Return("site_secured: true"), "10:33", kDrainage),
       Then("case_returned {}")},
      {"at the deadline", Dispatched(), When(Return(), "16:03", kWorker), Then("case_returned {}")},
      {"past the deadline", Dispatched(), When(Return(), "16:03:01", kWorker), Refused(v1::REASON_TOO_LATE)},
      {"a returned case is not late meanwhile", Given(Returned(), gwt::TimePassed("10:49")),
       WhenTimePasses("2026-11-20 10:00"), ThenNothing()},
      {"the dispatcher can be", Returned(), WhenTimePasses("10:48:01"),
       Then("case_became_overdue {clock: CLOCK_KIND_DISPATCH}")}};
  CheckRows(rows);
}

TEST(DispatchingTest, Judging) {
  const Row rows[] = {
      {"WRONGFUL: the unit goes on with what was left, and passed the buck", Returned(),
       When(Judge("WRONGFUL"), "10:43", kDispatcher),
       Then("case_return_judged {context {status: CASE_STATUS_DISPATCHED unit: 'u-sanitation' disposal_due_at " +
                Ts("16:13") + "} verdict: RETURN_VERDICT_WRONGFUL returning_unit: 'u-sanitation' returned_at " +
                Ts("10:33") +
                " clocks {kind: CLOCK_KIND_DISPATCH phase: PHASE_STOPPED} "
                "clocks {kind: CLOCK_KIND_DISPOSAL phase: PHASE_RUNNING due_at " +
                Ts("16:13") +
                "} "
                "explanations {code: EXPLANATION_CODE_DEADLINE_RESUMED facts {key: 'remaining' value: '210'} "
                "facts {key: 'paused' value: '2026-11-18 10:33'} facts {key: 'due' value: '2026-11-18 16:13'}}}",
            "buck_pass_marked {context {buck_passed: true} ground: BUCK_PASS_GROUND_WRONGFUL_RETURN "
            "marked_unit: 'u-sanitation'}")},
      {"it goes on where it stood", Given(Signed(), Did(Return(), "10:33", kWorker)),
       When(Judge("WRONGFUL"), "10:43", kDispatcher),
       Then("case_return_judged {context {status: CASE_STATUS_SIGNED}}", "buck_pass_marked {}")},
      {"JUSTIFIED: it waits for another unit within the same 15 minutes", Returned(),
       When(Judge("JUSTIFIED"), "10:40", kDispatcher),
       Then(
           "case_return_judged {context {status: CASE_STATUS_REGISTERED unit: '' department_zh: '' buck_passed: false} "
           "returning_unit: 'u-sanitation'}")},
      {"still the same 15 minutes", Justified(), WhenTimePasses("10:48:01"),
       Then("case_became_overdue {clock: CLOCK_KIND_DISPATCH due_at " + Ts("10:48") + "}")},
      {"nothing was returned", Dispatched(), When(Judge("JUSTIFIED"), "10:40", kDispatcher),
       Refused(v1::REASON_WRONG_STATUS)},
      {"no verdict", Returned(), When(Cmd("judge_return", "note: '经核对'"), "10:40", kDispatcher),
       Refused(v1::REASON_INVALID_ARGUMENT)},
      {"no reason", Returned(), When(Cmd("judge_return", "verdict: RETURN_VERDICT_JUSTIFIED"), "10:40", kDispatcher),
       Refused(v1::REASON_NOTE_MISSING)},
      {"by the one who returned it", Returned(),
       When(Judge("JUSTIFIED"), "10:40", {.subject = "sanitation-01", .posts = Posts({"DISPATCHER"})}),
       Refused(v1::REASON_SEPARATION_OF_DUTIES)},
      {"who judged it does not handle it", Given(Returned(), Did(Judge("WRONGFUL"), "10:40", kDispatcher)),
       When(Cmd("sign_case"), "10:45", {.subject = "dispatcher-01", .posts = Posts({"UNIT_WORKER"}, "u-sanitation")}),
       Refused(v1::REASON_SEPARATION_OF_DUTIES)},
      {"nor returns it", Given(Returned(), Did(Judge("WRONGFUL"), "10:40", kDispatcher)),
       When(Return(), "10:45", {.subject = "dispatcher-01", .posts = Posts({"UNIT_WORKER"}, "u-sanitation")}),
       Refused(v1::REASON_SEPARATION_OF_DUTIES)}};
  CheckRows(rows);
}

TEST(DispatchingTest, Transfers) {
  const Row rows[] = {
      {"the duty list names the unit that was right to return it", Justified(),
       When(Cmd("dispatch_case"), "10:45", kDispatcher), Refused(v1::REASON_UNIT_ALREADY_RETURNED)},
      {"by name neither", Justified(), When(Override("u-sanitation"), "10:45", kDispatcher),
       Refused(v1::REASON_UNIT_ALREADY_RETURNED)},
      {"the other unit's time starts anew", Justified(), When(Override("u-roads"), "10:45", kDispatcher),
       Then("case_dispatched {context {transfer_count: 1 first_dispatched_at " + Ts("10:03") +
            "} unit: 'u-roads' "
            "previous_unit: 'u-sanitation' first: false overridden: true clocks {kind: CLOCK_KIND_DISPATCH phase: "
            "PHASE_STOPPED} "
            "clocks {kind: CLOCK_KIND_DISPOSAL phase: PHASE_RUNNING started_at " +
            Ts("10:45") + " due_at " + Ts("16:45") + "}}")},
      {"the third transfer escalates; the first receiver did not lead",
       Given(Transferred(2), Did(Return(), "10:51", WorkerOf("u-landscaping")),
             Did(Judge("JUSTIFIED"), "10:52", kDispatcher)),
       When(Override("u-drainage"), "10:55", kDispatcher),
       Then("case_dispatched {context {transfer_count: 3}}",
            "case_escalated {context {escalated: true} ground: ESCALATION_GROUND_TRANSFERS}",
            "buck_pass_marked {context {escalated: true buck_passed: true} ground: BUCK_PASS_GROUND_TRANSFERS "
            "marked_unit: 'u-sanitation'}")},
      {"then nobody returns it", Transferred(3), When(Return(), "11:00", kDrainage),
       Refused(v1::REASON_RETURNS_EXHAUSTED)}};
  CheckRows(rows);
}

TEST(DispatchingTest, TheFormerUnitStillSeesTheCase) {
  const gwt::References references = SampleReferences();
  gwt::Shard shard(std::make_unique<DispatchShard>(), v1::JournalEvent::default_instance(),
                   v1::Command::default_instance(), &references);
  for (const auto& step : Transferred(1)) ASSERT_EQ(shard.Run(step).reason, "");
  const auto& machine = static_cast<const DispatchShard&>(shard.machine());
  const v1::Case& c = machine.FindCase(shard.resources()[0])->case_();
  EXPECT_EQ(std::vector<std::string>(c.units().begin(), c.units().end()),
            (std::vector<std::string>{"u-sanitation", "u-hetian"}));
  EXPECT_TRUE(kWorker.Reaches(ObjectOf(c)));
  EXPECT_TRUE(WorkerOf("u-hetian").Reaches(ObjectOf(c)));
  EXPECT_TRUE(kRegistrar.Reaches(ObjectOf(c)));
  EXPECT_FALSE(kStranger.Reaches(ObjectOf(c)));
  EXPECT_FALSE(ActorView({.subject = "x", .posts = Posts({"UNIT_WORKER"})}).Reaches(ObjectOf(c)));
  EXPECT_FALSE(ActorView({.subject = "x", .posts = Posts({"CITIZEN"}, "u-hetian")}).Reaches(ObjectOf(c)));
}

}  // namespace
}  // namespace civicmesh::dispatch
