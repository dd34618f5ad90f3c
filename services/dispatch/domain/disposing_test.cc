// 签收, 处置, 反馈, 核查, 返工, 回访, and the two axes.
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

const std::string kFeedback = Cmd("submit_feedback", kPhotoAfter);
const std::string kPass = Cmd("inspect_case", "passed: true " + kPhotoNear);
const std::string kFail = Cmd("inspect_case", "note: '仍有残留' " + kPhotoNear);
const std::string kRevisit = Cmd("revisit_case", "rating: RATING_FAIRLY_SATISFIED");
// One person with two posts.
const ActorView kBoth{.subject = "sanitation-01", .posts = Posts({"COLLECTOR"})};
const ActorView kInspectorInTheUnit{.subject = "collector-02", .posts = Posts({"UNIT_WORKER"}, "u-sanitation")};

Steps Failed() { return Given(FedBack(), Did(kFail, "11:10", kInspector)); }

TEST(DisposingTest, Handling) {
  const Row rows[] = {
      {"before it is dispatched", Registered(), When(Cmd("sign_case"), "10:05", kWorker),
       Refused(v1::REASON_CASE_NOT_FOUND)},
      {"twice", Signed(), When(Cmd("sign_case"), "10:15", kWorker), Refused(v1::REASON_WRONG_STATUS)},
      {"by another unit", Dispatched(), When(Cmd("sign_case"), "10:10", kStranger), Refused(v1::REASON_CASE_NOT_FOUND)},
      {"by someone of no unit", Dispatched(), When(Cmd("sign_case"), "10:10", kCollector),
       Refused(v1::REASON_NOT_YOUR_UNIT)},
      {"begun before it was signed", Dispatched(), When(Cmd("start_disposal"), "10:10", kWorker),
       Refused(v1::REASON_WRONG_STATUS)},
      {"done before it was signed", Dispatched(), When(kFeedback, "10:10", kWorker), Refused(v1::REASON_WRONG_STATUS)},
      {"without a picture", Started(), When(Cmd("submit_feedback"), "11:00", kWorker),
       Refused(v1::REASON_PHOTO_MISSING)},
      {"without a picture from afterwards", Started(), When(Cmd("submit_feedback", kPhotoNear), "11:00", kWorker),
       Refused(v1::REASON_PHOTO_MISSING)},
      {"in the last second", Started(), When(kFeedback, "16:03", kWorker), Then("feedback_submitted {on_time: true}")},
      {"the deadline passes", Started(), WhenTimePasses("16:03:01"),
       Then("case_became_overdue {context {disposal_overdue: true} clock: CLOCK_KIND_DISPOSAL late_unit: "
            "'u-sanitation' due_at " +
            Ts("16:03") + " clocks {kind: CLOCK_KIND_DISPOSAL overdue: true}}")},
      {"late", Started(), When(kFeedback, "16:03:01", kWorker),
       Then("feedback_submitted {context {disposal_overdue: true} on_time: false "
            "clocks {kind: CLOCK_KIND_DISPOSAL phase: PHASE_STOPPED overdue: true} clocks {kind: "
            "CLOCK_KIND_INSPECTION}}")},
      {"the inspector has 30 minutes", FedBack(), WhenTimePasses("11:30:01"),
       Then("case_became_overdue {context {disposal_overdue: false} clock: CLOCK_KIND_INSPECTION late_unit: ''}")}};
  CheckRows(rows);
}

TEST(DisposingTest, Inspecting) {
  const Row rows[] = {
      {"nothing to inspect", Started(), When(kPass, "11:00", kInspector), Refused(v1::REASON_WRONG_STATUS)},
      {"by the one who handled it", FedBack(), When(kPass, "11:10", kBoth), Refused(v1::REASON_SEPARATION_OF_DUTIES)},
      {"without a picture", FedBack(), When(Cmd("inspect_case", "passed: true"), "11:10", kInspector),
       Refused(v1::REASON_PHOTO_MISSING)},
      {"failed without a word", FedBack(), When(Cmd("inspect_case", kPhotoNear), "11:10", kInspector),
       Refused(v1::REASON_NOTE_MISSING)},
      {"失败: the unit goes on under its old deadline", FedBack(), When(kFail, "11:10", kInspector),
       Then("rework_ordered {context {status: CASE_STATUS_REWORK rework_count: 1 disposal_due_at " + Ts("16:03") +
            "} ordinal: 1 clocks {kind: CLOCK_KIND_DISPOSAL phase: PHASE_RUNNING overdue: false due_at " + Ts("16:03") +
            "} clocks {kind: CLOCK_KIND_INSPECTION phase: PHASE_STOPPED}} note: '仍有残留'")},
      {"which still passes", Failed(), WhenTimePasses("16:03:01"),
       Then("case_became_overdue {clock: CLOCK_KIND_DISPOSAL}")},
      {"failed after the deadline: late at once", FedBack(), When(kFail, "17:00", kInspector),
       Then("rework_ordered {}")},
      {"(the timer says so)", Given(FedBack(), Did(kFail, "17:00", kInspector)), WhenTimePasses("17:00"),
       Then("case_became_overdue {clock: CLOCK_KIND_DISPOSAL due_at " + Ts("16:03") + "}")},
      {"a late case is not late again after its rework",
       Given(Started(), Did(kFeedback, "16:10", kWorker), Did(kFail, "16:20", kInspector)),
       WhenTimePasses("2026-11-20 10:00"), ThenNothing()},
      {"second feedback", Given(Failed(), Did(Cmd("start_disposal"), "11:20", kWorker)),
       When(kFeedback, "11:30", kWorker),
       Then("feedback_submitted {round: 1 on_time: true clocks {kind: CLOCK_KIND_DISPOSAL phase: PHASE_STOPPED} "
            "clocks {kind: CLOCK_KIND_INSPECTION phase: PHASE_RUNNING due_at " +
            Ts("12:00") + "}}")},
      {"closed in the second round", Given(Failed(), Did(kFeedback, "11:30", kWorker)),
       When(kPass, "11:40", kInspector), Then("case_closed {rounds: 2 on_time: true}")},
      {"closed late", Given(Started(), Did(kFeedback, "16:10", kWorker)), When(kPass, "16:20", kInspector),
       Then("case_closed {on_time: false}")},
      {"who judged it does not handle it", Failed(), When(kFeedback, "11:30", kInspectorInTheUnit),
       Refused(v1::REASON_SEPARATION_OF_DUTIES)},
      {"nor begins it", Failed(), When(Cmd("start_disposal"), "11:30", kInspectorInTheUnit),
       Refused(v1::REASON_SEPARATION_OF_DUTIES)},
      {"the third failure escalates",
       Given(Failed(), Did(kFeedback, "11:20", kWorker), Did(kFail, "11:30", kInspector),
             Did(kFeedback, "11:40", kWorker)),
       When(kFail, "11:50", kInspector),
       Then("rework_ordered {context {rework_count: 3} ordinal: 3 uploads: 'uploads/u-near'} note: '仍有残留'",
            "case_escalated {context {escalated: true buck_passed: false} ground: ESCALATION_GROUND_REWORKS}")}};
  CheckRows(rows);
}

TEST(DisposingTest, Revisiting) {
  const Row rows[] = {
      {"before it is closed", FedBack(), When(kRevisit, "11:10", kRegistrar), Refused(v1::REASON_WRONG_STATUS)},
      {"twice", Given(Closed(), Did(kRevisit, "15:00", kRegistrar)), When(kRevisit, "15:01", kRegistrar),
       Refused(v1::REASON_WRONG_STATUS)},
      {"no rating", Closed(), When(Cmd("revisit_case", "solved: true"), "15:00", kRegistrar),
       Refused(v1::REASON_INVALID_ARGUMENT)},
      {"nobody to ask: none is waited for", Closed(), WhenTimePasses("2027-11-25 11:00"), ThenNothing()},
      {"within 7 days", Closed(FedBackAndReported()), WhenTimePasses("2026-11-25 11:10:01"),
       Then("case_became_overdue {context {status: CASE_STATUS_CLOSED} clock: CLOCK_KIND_REVISIT due_at " +
            Ts("2026-11-25 11:10") + "}")},
      {"a bad rating moves nothing else", Closed(),
       When(Cmd("revisit_case", "rating: RATING_VERY_DISSATISFIED"), "15:00", kRegistrar),
       Then("case_revisited {context {status: CASE_STATUS_REVISITED disposal_overdue: false} solved: false}")},
      {"all is at rest", Given(Closed(FedBackAndReported()), Did(kRevisit, "15:00", kRegistrar)),
       WhenTimePasses("2027-11-25 11:00"), ThenNothing()}};
  CheckRows(rows);
}

}  // namespace
}  // namespace civicmesh::dispatch
