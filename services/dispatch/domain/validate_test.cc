// What is wrong with a request by itself, and personal numbers in texts.
#include "services/dispatch/domain/validate.h"

#include "services/dispatch/domain/cases_for_tests.h"

namespace civicmesh::dispatch {
namespace {

using gwt::Refused;
using gwt::Row;
using gwt::Then;
using gwt::When;

std::string Opening(const std::string& fields) { return "open_case {" + fields + "}"; }
const std::string kSource = "source: REPORT_SOURCE_COLLECTOR ";

TEST(ValidateTest, Openings) {
  const auto wrong = Refused(v1::REASON_INVALID_ARGUMENT);
  std::string photos;
  for (int i = 0; i < 21; ++i) photos += kPhotoNear;
  std::string long_text;
  for (int i = 0; i < 2001; ++i) long_text += "字";
  const Row rows[] = {
      {"no source", {}, When(Opening("text: '垃圾' " + kPlace), "10:00", kCollector), wrong},
      {"no place", {}, When(Opening(kSource + "text: '垃圾'"), "10:00", kCollector), wrong},
      {"no text", {}, When(Opening(kSource + kPlace), "10:00", kCollector), wrong},
      {"a place off the globe",
       {},
       When(Opening(kSource + "text: '垃圾' location {latitude: 30 longitude: 181}"), "10:00", kCollector),
       wrong},
      {"a place that is no number",
       {},
       When(Opening(kSource + "text: '垃圾' location {latitude: nan longitude: 119}"), "10:00", kCollector),
       wrong},
      {"2,001 characters",
       {},
       When(Opening(kSource + kPlace + "text: '" + long_text + "'"), "10:00", kCollector),
       wrong},
      {"2,000 characters",
       {},
       When(Opening(kSource + kPlace + "text: '" + long_text.substr(3) + "'"), "10:00", kCollector),
       Then("case_opened {}")},
      {"21 photos", {}, When(Opening(kSource + kPlace + "text: '垃圾' " + photos), "10:00", kCollector), wrong},
      {"a photo at an outside address",
       {},
       When(Opening(kSource + kPlace + "text: '垃圾' photos {uri: 'https://x' kind: KIND_NEAR " + kDigest + "}"),
            "10:00", kCollector),
       wrong},
      {"a photo without its digest",
       {},
       When(Opening(kSource + kPlace + "text: '垃圾' photos {uri: 'p/1' kind: KIND_NEAR}"), "10:00", kCollector),
       wrong},
      {"a photo of what",
       {},
       When(Opening(kSource + kPlace + "text: '垃圾' photos {uri: 'p/1' " + kDigest + "}"), "10:00", kCollector),
       wrong},
      {"a report without a name", {}, When("open_case_from_report {" + kPlace + "}", "10:00", kPolicy), wrong},
      {"a report without a place", {}, When("open_case_from_report {report: 'reports/r1'}", "10:00", kPolicy), wrong},
      {"no command at all", {}, When("home_cell: '1'", "10:00", kPolicy), wrong}};
  CheckRows(rows);
}

TEST(ValidateTest, PersonalNumbersInWhatStaffWrite) {
  const std::string note = "note: '请联系13800138000'";
  const auto refused = Refused(v1::REASON_PERSONAL_DATA_IN_TEXT);
  const Row rows[] = {
      {"OpenCase", {}, When(Opening(kSource + kPlace + "text: '车牌浙A12345'"), "10:00", kCollector), refused},
      {"RecordVerification", Opened(),
       When(Cmd("record_verification", "result: VERIFICATION_RESULT_EXISTS " + note), "10:05", kCollector), refused},
      {"DeclineCase", Opened(),
       When(Cmd("decline_case", "ground: DECLINE_GROUND_NOT_EXISTING " + note), "10:05", kRegistrar), refused},
      {"DeclineCase, referral", Opened(),
       When(Cmd("decline_case", "ground: DECLINE_GROUND_OUTSIDE_SCOPE note: '不归口' referral: '找王某13800138000'"),
            "10:05", kRegistrar),
       refused},
      {"DispatchCase", Opened(),
       When(Cmd("dispatch_case", "override_unit: 'u-roads' override_reason: 'a@b.cn'"), "10:05", kDispatcher), refused},
      {"SubmitFeedback", Opened(), When(Cmd("submit_feedback", kPhotoAfter + note), "10:05", kWorker), refused},
      {"ReturnCase", Opened(), When(Cmd("return_case", "duty_entry: 'duty-03' " + note), "10:05", kWorker), refused},
      {"JudgeReturn", Opened(),
       When(Cmd("judge_return", "verdict: RETURN_VERDICT_JUSTIFIED " + note), "10:05", kDispatcher), refused},
      {"InspectCase", Opened(), When(Cmd("inspect_case", kPhotoNear + note), "10:05", kInspector), refused},
      {"RequestExtension", Opened(), When(Cmd("request_extension", note), "10:05", kWorker), refused},
      {"DecideExtension", Opened(), When(Cmd("decide_extension", note), "10:05", kLeader), refused},
      {"PostponeCase", Opened(), When(Cmd("postpone_case", note), "10:05", kLeader), refused},
      {"UrgeCase", Opened(), When(Cmd("urge_case", note), "10:05", kRegistrar), refused}};
  CheckRows(rows);
}

TEST(ValidateTest, NotesHaveAnEnd) {
  std::string note;
  for (int i = 0; i < 501; ++i) note += "字";
  const Row rows[] = {
      {"501 characters", Opened(), When(Cmd("urge_case", "note: '" + note + "'"), "10:05", kRegistrar),
       Refused(v1::REASON_INVALID_ARGUMENT)},
      {"500 characters", Opened(), When(Cmd("urge_case", "note: '" + note.substr(3) + "'"), "10:05", kRegistrar),
       Then("case_urged {}")}};
  CheckRows(rows);
}

}  // namespace
}  // namespace civicmesh::dispatch
