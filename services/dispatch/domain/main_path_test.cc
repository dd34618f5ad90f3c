// The way of an ordinary case, step by step: what each step says, and when its clocks run.
#include "services/dispatch/domain/cases_for_tests.h"

namespace civicmesh::dispatch {
namespace {

using gwt::Row;
using gwt::Then;
using gwt::When;

const Row kRows[] = {
    {"案件产生: evidence, place, class; acceptance has 15 minutes",
     {},
     When("open_case {source: REPORT_SOURCE_COLLECTOR class_code: 'E0110' text: '垃圾' " + kPlace +
              "} home_cell: '344c'",
          "10:00", kCollector),
     Then("case_opened {context {case: 'cases/$1' status: CASE_STATUS_REPORTED class_code: 'E0110' "
          "class_name_zh: '暴露垃圾' major_name_zh: '市容环境' grid: '990101001001001' actor: 'collector-01' "
          "standard_version: '2026-1' source: REPORT_SOURCE_COLLECTOR report_count: 0} home_cell: '344c' "
          "clocks {kind: CLOCK_KIND_ACCEPTANCE phase: PHASE_RUNNING due_at " +
          Ts("10:15") + "}} text: '垃圾' class_name_en: 'Exposed litter'")},
    {"受理: the clock of acceptance goes on", Opened(), When(Cmd("accept_case"), "10:01", kRegistrar),
     Then("case_accepted {context {status: CASE_STATUS_ACCEPTED}}")},
    {"立案: the condition's limit, a number, the unit proposed; the dispatcher has 15 minutes", Accepted(),
     When(Cmd("register_case", "condition_id: '1'"), "10:02", kRegistrar),
     Then("case_number_taken {date: 20261118}",
          "case_registered {context {status: CASE_STATUS_REGISTERED condition_id: '1' "
          "case_number: '9901012026111800000'} limit_text: '4工作时' limit_kind: LIMIT_KIND_WORKING_HOUR limit_amount: "
          "4 "
          "proposed_unit: 'u-sanitation' duty_entry: 'duty-01' "
          "clocks {kind: CLOCK_KIND_ACCEPTANCE phase: PHASE_STOPPED stopped_at " +
              Ts("10:02") + "} clocks {kind: CLOCK_KIND_DISPATCH phase: PHASE_RUNNING due_at " + Ts("10:17") + "}}")},
    {"派遣: by class and grid; disposal counts working hours from here", Registered(),
     When(Cmd("dispatch_case"), "10:03", kDispatcher),
     Then("case_dispatched {context {status: CASE_STATUS_DISPATCHED unit: 'u-sanitation' department_zh: '区城市管理局' "
          "first_dispatched_at " +
          Ts("10:03") + " disposal_due_at " + Ts("16:03") +
          "} unit: 'u-sanitation' first: true proposed_unit: 'u-sanitation' duty_entry: 'duty-01' "
          "clocks {kind: CLOCK_KIND_DISPATCH phase: PHASE_STOPPED} "
          "clocks {kind: CLOCK_KIND_DISPOSAL phase: PHASE_RUNNING limit_text: '4工作时' calendar_version: '2026-1' "
          "due_at " +
          Ts("16:03") + "}} unit_name_zh: '溪澜区环境卫生中心'")},
    {"签收", Dispatched(), When(Cmd("sign_case"), "10:10", kWorker),
     Then("case_signed {context {status: CASE_STATUS_SIGNED actor: 'sanitation-01'}}")},
    {"开始处置", Signed(), When(Cmd("start_disposal"), "10:20", kWorker),
     Then("disposal_started {context {status: CASE_STATUS_IN_DISPOSAL}}")},
    {"反馈: disposal stops in time, inspection has 30 minutes", Started(),
     When(Cmd("submit_feedback", kPhotoAfter + "note: '已清运'"), "11:00", kWorker),
     Then("feedback_submitted {context {status: CASE_STATUS_FEEDBACK_SUBMITTED} round: 0 photo_count: 1 on_time: true "
          "uploads: 'uploads/u-after' "
          "clocks {kind: CLOCK_KIND_DISPOSAL phase: PHASE_STOPPED stopped_at " +
          Ts("11:00") + "} clocks {kind: CLOCK_KIND_INSPECTION phase: PHASE_RUNNING due_at " + Ts("11:30") +
          "}} note: '已清运'")},
    {"反馈 straight after signing", Signed(), When(Cmd("submit_feedback", kPhotoAfter), "11:00", kWorker),
     Then("feedback_submitted {}")},
    {"核查 passed: 结案, and a revisit within 7 days", FedBackAndReported(),
     When(Cmd("inspect_case", "passed: true " + kPhotoNear), "11:10", kInspector),
     Then("case_closed {context {status: CASE_STATUS_CLOSED} on_time: true rounds: 1 uploads: 'uploads/u-near' "
          "clocks {kind: CLOCK_KIND_INSPECTION phase: PHASE_STOPPED} "
          "clocks {kind: CLOCK_KIND_REVISIT phase: PHASE_RUNNING due_at " +
          Ts("2026-11-25 11:10") + "}}")},
    {"回访: once, with a rating", Closed(FedBackAndReported()),
     When(Cmd("revisit_case", "rating: RATING_SATISFIED solved: true contacted_in_time: true"), "15:00", kRegistrar),
     Then("case_revisited {context {status: CASE_STATUS_REVISITED} rating: RATING_SATISFIED solved: true "
          "contacted_in_time: true closed_at " +
          Ts("11:10") + " clocks {kind: CLOCK_KIND_REVISIT phase: PHASE_STOPPED}}")}};

TEST(MainPathTest, Holds) { CheckRows(kRows); }

}  // namespace
}  // namespace civicmesh::dispatch
