// 延期, 缓办(挂账), 催办, and deadlines beyond the calendar.
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

const std::string kAsk = Cmd("request_extension", "note: '等待配件'");
const std::string kGrant = Cmd("decide_extension", "approved: true");
const std::string kRefuseIt = Cmd("decide_extension", "note: '工期充足'");
std::string PostponeUntil(std::string_view time) {
  return Cmd("postpone_case", "note: '须待雨季后施工' until " + Ts(time));
}

Steps Asked() { return Given(Started(), Did(kAsk, "11:00", kWorker)); }
Steps Endorsed() { return Given(Asked(), Did(kGrant, "11:05", kDispatcher)); }
Steps Granted() { return Given(Endorsed(), Did(kGrant, "11:10", kLeader)); }
Steps GrantedTwice() {
  return Given(Granted(), Did(kAsk, "11:20", kWorker), Did(kGrant, "11:25", kDispatcher),
               Did(kGrant, "11:30", kLeader));
}
Steps Postponed() { return Given(Started(), Did(PostponeUntil("2026-12-01 09:00"), "11:03", kLeader)); }

TEST(ExtendingTest, Asking) {
  const Row rows[] = {
      {"asked in time", Started(), When(kAsk, "11:00", kWorker), Then("extension_requested {} note: '等待配件'")},
      {"before signing", Dispatched(), When(kAsk, "10:05", kWorker), Refused(v1::REASON_WRONG_STATUS)},
      {"without a reason", Started(), When(Cmd("request_extension"), "11:00", kWorker),
       Refused(v1::REASON_NOTE_MISSING)},
      {"twice at once", Asked(), When(kAsk, "11:01", kWorker), Refused(v1::REASON_EXTENSION_PENDING)},
      {"past the deadline", Started(), When(kAsk, "16:04", kWorker), Refused(v1::REASON_TOO_LATE)},
      {"again after one was granted", Granted(), When(kAsk, "11:20", kWorker), Then("extension_requested {}")},
      {"a third time", GrantedTwice(), When(kAsk, "11:40", kWorker), Refused(v1::REASON_EXTENSIONS_EXHAUSTED)},
      {"refused ones do not count", Given(Granted(), Did(kAsk, "11:20", kWorker), Did(kRefuseIt, "11:25", kDispatcher)),
       When(kAsk, "11:40", kWorker), Then("extension_requested {}")},
      {"by another unit", Started(), When(kAsk, "11:00", kStranger), Refused(v1::REASON_CASE_NOT_FOUND)},
      {"by someone who judged it",
       Given(FedBack(), Did(Cmd("inspect_case", "note: '残留' " + kPhotoNear), "11:10", kInspector)),
       When(kAsk, "11:20", {.subject = "collector-02", .posts = Posts({"UNIT_WORKER"}, "u-sanitation")}),
       Refused(v1::REASON_SEPARATION_OF_DUTIES)}};
  CheckRows(rows);
}

TEST(ExtendingTest, DecidingInTwoLevels) {
  const Row rows[] = {
      {"the first level endorses, nothing moves", Asked(), When(kGrant, "11:05", kDispatcher),
       Then("extension_endorsed {context {extension_count: 0 disposal_due_at " + Ts("16:03") + "}}")},
      {"the second grants one more original limit", Endorsed(), When(kGrant, "11:10", kLeader),
       Then("extension_decided {context {extension_count: 1 disposal_due_at " + Ts("2026-11-19 10:03") +
            "} granted: true previous_due_at " + Ts("16:03") + " clocks {kind: CLOCK_KIND_DISPOSAL due_at " +
            Ts("2026-11-19 10:03") +
            "} explanations {code: EXPLANATION_CODE_DEADLINE_EXTENDED "
            "facts {key: 'count' value: '1'} facts {key: 'previous' value: '2026-11-18 16:03'} "
            "facts {key: 'limit' value: '4工作时'} facts {key: 'due' value: '2026-11-19 10:03'}}}")},
      {"on the deadline as it stands", GrantedTwice(), WhenTimePasses("2026-11-19 16:03:01"),
       Then("case_became_overdue {clock: CLOCK_KIND_DISPOSAL due_at " + Ts("2026-11-19 16:03") + "}")},
      {"the second level is a shift leader's", Endorsed(),
       When(kGrant, "11:10", {.subject = "dispatcher-02", .posts = Posts({"DISPATCHER"})}),
       Refused(v1::REASON_SECOND_LEVEL_NEEDED)},
      {"a leader may endorse", Asked(), When(kGrant, "11:05", kLeader), Then("extension_endorsed {}")},
      {"but not be both levels", Given(Asked(), Did(kGrant, "11:05", kLeader)), When(kGrant, "11:10", kLeader),
       Refused(v1::REASON_SEPARATION_OF_DUTIES)},
      {"another leader is", Given(Asked(), Did(kGrant, "11:05", kLeader)), When(kGrant, "11:10", kOtherLeader),
       Then("extension_decided {granted: true}")},
      {"by the one who asked", Asked(),
       When(kGrant, "11:05", {.subject = "sanitation-01", .posts = Posts({"SHIFT_LEADER"})}),
       Refused(v1::REASON_SEPARATION_OF_DUTIES)},
      {"the first level refuses", Asked(), When(kRefuseIt, "11:05", kDispatcher),
       Then("extension_decided {context {extension_count: 0 disposal_due_at " + Ts("16:03") +
            "} granted: false} note: '工期充足'")},
      {"the second level refuses", Endorsed(), When(kRefuseIt, "11:10", kLeader),
       Then("extension_decided {granted: false}")},
      {"refused without a reason", Asked(), When(Cmd("decide_extension"), "11:05", kDispatcher),
       Refused(v1::REASON_NOTE_MISSING)},
      {"nobody asked", Started(), When(kGrant, "11:05", kDispatcher), Refused(v1::REASON_NO_EXTENSION_PENDING)},
      {"decided already", Granted(), When(kGrant, "11:15", kLeader), Refused(v1::REASON_NO_EXTENSION_PENDING)},
      {"done meanwhile", Given(Asked(), Did(Cmd("submit_feedback", kPhotoAfter), "11:02", kWorker)),
       When(kGrant, "11:05", kDispatcher), Refused(v1::REASON_NO_EXTENSION_PENDING)},
      {"asked in time and granted after the deadline: late no more, the fact stays",
       Given(Endorsed(), gwt::TimePassed("16:30")), When(kGrant, "16:40", kLeader),
       Then("extension_decided {context {disposal_overdue: true} clocks {kind: CLOCK_KIND_DISPOSAL overdue: false "
            "due_at " +
            Ts("2026-11-19 10:03") + "}}")},
      {"and late again by the new one", Given(Endorsed(), gwt::TimePassed("16:30"), Did(kGrant, "16:40", kLeader)),
       WhenTimePasses("2026-11-19 10:03:01"), Then("case_became_overdue {due_at " + Ts("2026-11-19 10:03") + "}")}};
  CheckRows(rows);
}

TEST(ExtendingTest, Postponing) {
  const Row rows[] = {
      {"disposal stands still until a day named", Started(), When(PostponeUntil("2026-12-01 09:00"), "11:03", kLeader),
       Then("case_postponed {context {status: CASE_STATUS_POSTPONED} postponed_from: CASE_STATUS_IN_DISPOSAL until " +
            Ts("2026-12-01 09:00") +
            " clocks {kind: CLOCK_KIND_DISPOSAL phase: PHASE_PAUSED remaining_ms: 10800000}} "
            "note: '须待雨季后施工'")},
      {"and goes on by itself with what was left", Postponed(), WhenTimePasses("2026-12-01 09:00"),
       Then("case_resumed {context {status: CASE_STATUS_IN_DISPOSAL actor: 'timer' disposal_due_at " +
            Ts("2026-12-01 12:00") + "} clocks {kind: CLOCK_KIND_DISPOSAL phase: PHASE_RUNNING due_at " +
            Ts("2026-12-01 12:00") + "} explanations {code: EXPLANATION_CODE_DEADLINE_RESUMED}}")},
      {"no disposal meanwhile", Postponed(), When(Cmd("submit_feedback", kPhotoAfter), "14:00", kWorker),
       Refused(v1::REASON_WRONG_STATUS)},
      {"no urging meanwhile", Postponed(), When(Cmd("urge_case"), "14:00", kRegistrar),
       Refused(v1::REASON_WRONG_STATUS)},
      {"a second time", Given(Postponed(), gwt::TimePassed("2026-12-01 09:00")),
       When(PostponeUntil("2026-12-10 09:00"), "2026-12-01 10:00", kLeader), Refused(v1::REASON_ALREADY_POSTPONED)},
      {"a year is the longest", Started(), When(PostponeUntil("2027-11-18 11:03"), "11:03", kLeader),
       Then("case_postponed {}")},
      {"longer", Started(), When(PostponeUntil("2027-11-18 11:04"), "11:03", kLeader),
       Refused(v1::REASON_POSTPONEMENT_TOO_LONG)},
      {"until now", Started(), When(PostponeUntil("11:03"), "11:03", kLeader),
       Refused(v1::REASON_POSTPONEMENT_TOO_LONG)},
      {"until when", Started(), When(Cmd("postpone_case", "note: '待'"), "11:03", kLeader),
       Refused(v1::REASON_POSTPONEMENT_TOO_LONG)},
      {"without a reason", Started(), When(Cmd("postpone_case", "until " + Ts("2026-12-01 09:00")), "11:03", kLeader),
       Refused(v1::REASON_NOTE_MISSING)},
      {"before signing", Dispatched(), When(PostponeUntil("2026-12-01 09:00"), "11:03", kLeader),
       Refused(v1::REASON_WRONG_STATUS)},
      {"past the deadline", Started(), When(PostponeUntil("2026-12-01 09:00"), "16:10", kLeader),
       Refused(v1::REASON_TOO_LATE)},
      {"by the one who handles it", Started(),
       When(PostponeUntil("2026-12-01 09:00"), "11:03", {.subject = "sanitation-01", .posts = Posts({"SHIFT_LEADER"})}),
       Refused(v1::REASON_SEPARATION_OF_DUTIES)},
      {"an extension that waits is void", Given(Asked(), Did(PostponeUntil("2026-12-01 09:00"), "11:03", kLeader)),
       When(kGrant, "11:10", kDispatcher), Refused(v1::REASON_NO_EXTENSION_PENDING)}};
  CheckRows(rows);
}

TEST(ExtendingTest, Urging) {
  const Row rows[] = {
      {"counted", Given(Started(), Did(Cmd("urge_case"), "11:00", kRegistrar)),
       When(Cmd("urge_case", "note: '市民再次来电'"), "12:00", kDispatcher),
       Then("case_urged {context {urge_count: 2} ordinal: 2} note: '市民再次来电'")},
      {"before it is registered, too", Opened(), When(Cmd("urge_case"), "10:05", kLeader),
       Then("case_urged {ordinal: 1}")},
      {"after it is closed", Closed(), When(Cmd("urge_case"), "15:00", kRegistrar), Refused(v1::REASON_WRONG_STATUS)}};
  CheckRows(rows);
}

// 暂定: a calendar whose last day is `last`.
std::shared_ptr<const WorkCalendar> CalendarUntil(const std::string& version, const std::string& last) {
  auto message = FromSample<reference::v1::WorkCalendar>("calendar-2026.json");
  message.set_version(version);
  message.set_last_day(last);
  for (auto* days : {message.mutable_holidays(), message.mutable_working_weekends()})
    for (int i = days->size() - 1; i >= 0; --i)
      if (days->Get(i) > last) days->DeleteSubrange(i, 1);
  return Calendar(message);
}

TEST(ExtendingTest, ADeadlineBeyondTheCalendarIsProvisional) {
  gwt::References references = SampleReferences();
  references.Set(kCalendarKind, CalendarUntil("short", "2026-11-18"));
  gwt::Shard shard(std::make_unique<DispatchShard>(), v1::JournalEvent::default_instance(),
                   v1::Command::default_instance(), &references);
  for (const auto& step : Registered("E0113", "2")) ASSERT_EQ(shard.Run(step).reason, "");
  // 5工作日 from 10:03: of 40 h, 5 h 57 min are left of the last day that the calendar knows.
  EXPECT_EQ(
      gwt::Check(
          {"",
           {},
           When(Cmd("dispatch_case"), "10:03", kDispatcher),
           Then("case_dispatched {clocks {kind: CLOCK_KIND_DISPATCH} clocks {kind: CLOCK_KIND_DISPOSAL "
                "provisional: true uncounted_ms: 122580000 calendar_version: 'short'} "
                "explanations {choice: CHOICE_UNIT} explanations {code: EXPLANATION_CODE_DEADLINE_PROVISIONAL}}")},
          shard),
      "");
  EXPECT_EQ(gwt::Check({"the calendar ends; nobody is late, it is counted again daily",
                        {},
                        WhenTimePasses("2026-11-20 12:00"),
                        Then("deadline_recounted {context {actor: 'timer'} clocks {provisional: true overdue: false}}",
                             "deadline_recounted {clocks {provisional: true}}")},
                       shard),
            "");
  EXPECT_EQ(gwt::Check({"time that cannot be counted does not stand still either",
                        {},
                        When(Cmd("return_case", "duty_entry: 'duty-01' note: '保洁范围'"), "2026-11-20 13:00",
                             {.subject = "roads-01", .posts = Posts({"UNIT_WORKER"}, "u-roads")}),
                        Refused(v1::REASON_CALENDAR_ENDED)},
                       shard),
            "");
  references.Set(kCalendarKind, CalendarUntil("long", "2026-12-31"));
  EXPECT_EQ(gwt::Check({"with the next calendar the deadline is known",
                        {},
                        WhenTimePasses("2026-11-21 12:00"),
                        Then("deadline_recounted {context {disposal_due_at " + Ts("2026-11-25 10:03") +
                             "} clocks {provisional: false uncounted_ms: 0 calendar_version: 'long' due_at " +
                             Ts("2026-11-25 10:03") + "} explanations {code: EXPLANATION_CODE_DEADLINE_COUNTED}}")},
                       shard),
            "");
  EXPECT_EQ(gwt::Check({"and can be missed",
                        {},
                        WhenTimePasses("2026-11-25 10:03:01"),
                        Then("case_became_overdue {clock: CLOCK_KIND_DISPOSAL}")},
                       shard),
            "");
}

TEST(ExtendingTest, APostponementNeedsACalendarOfToday) {
  gwt::References references = SampleReferences();
  gwt::Shard shard(std::make_unique<DispatchShard>(), v1::JournalEvent::default_instance(),
                   v1::Command::default_instance(), &references);
  for (const auto& step : Started()) ASSERT_EQ(shard.Run(step).reason, "");
  references.Set(kCalendarKind, CalendarUntil("ended", "2026-11-17"));
  EXPECT_EQ(gwt::Check(
                {"", {}, When(PostponeUntil("2026-12-01 09:00"), "11:03", kLeader), Refused(v1::REASON_CALENDAR_ENDED)},
                shard),
            "");
}

}  // namespace
}  // namespace civicmesh::dispatch
