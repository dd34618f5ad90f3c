// 案件产生 and 并案.
#include "services/dispatch/domain/cases_for_tests.h"

namespace civicmesh::dispatch {
namespace {

using gwt::Did;
using gwt::Given;
using gwt::Refused;
using gwt::Row;
using gwt::Steps;
using gwt::Then;
using gwt::When;

// 49.9 m and 50.1 m north of the place.
const std::string kNearby = "location {latitude: 30.300449 longitude: 119.9630} ";
const std::string kBeyond = "location {latitude: 30.300451 longitude: 119.9630} ";
const std::string kOutside = "location {latitude: 31.2 longitude: 121.4} ";

std::string ByStaff(const std::string& fields) {
  return "open_case {source: REPORT_SOURCE_COLLECTOR text: '垃圾' " + fields + "} home_cell: '344c01'";
}
std::string ByReport(const std::string& report, const std::string& fields) {
  return "open_case_from_report {report: 'reports/" + report +
         "' source: REPORT_SOURCE_CITIZEN_APP masked_text: '一堆垃圾' proposed_by: 'text:keywords-1' confidence: 83 "
         "reporter_token: 'p-" +
         report + "' " + fields + "} home_cell: '344c01'";
}
std::string Seen(std::string_view time) { return "reported_at " + Ts(time) + " "; }

const std::string kRefuse = "class_code: 'E0110' ";
const Steps kReported = {Did(ByReport("r1", kRefuse + kPlace + Seen("09:50")), "10:00", kPolicy)};

TEST(OpeningTest, ByStaff) {
  const Row rows[] = {
      {"without a class a clerk has to choose, and nothing is looked for",
       {},
       When(ByStaff(kPlace), "10:00", kCollector),
       Then("case_opened {context {status: CASE_STATUS_REPORTED grid: '990101001001001'} "
            "explanations {code: EXPLANATION_CODE_CLASS_NONE} explanations {code: EXPLANATION_CODE_GRID_CONTAINS}}")},
      {"a picture uploaded here is named",
       {},
       When(ByStaff(kPlace + kPhotoNear), "10:00", kCollector),
       Then("case_opened {uploads: 'uploads/u-near'} photos {uri: 'uploads/u-near'}")},
      {"outside the district: no grid",
       {},
       When(ByStaff(kRefuse + kOutside), "10:00", kCollector),
       Then("case_opened {explanations {choice: CHOICE_CLASS} explanations {code: EXPLANATION_CODE_GRID_NONE "
            "facts {key: 'district' value: '2026-1'}} explanations {choice: CHOICE_DUPLICATE}}")},
      {"seen earlier",
       {},
       When(ByStaff(kPlace + Seen("08:00")), "10:00", kCollector),
       Then("case_opened {context {reported_at " + Ts("08:00") + " opened_at " + Ts("10:00") + "}}")},
      {"a caller's clock a little ahead is now",
       {},
       When(ByStaff(kPlace + Seen("10:01")), "10:00", kCollector),
       Then("case_opened {context {reported_at " + Ts("10:00") + "}}")},
      {"seen in the future",
       {},
       When(ByStaff(kPlace + Seen("10:02")), "10:00", kCollector),
       Refused(v1::REASON_INVALID_ARGUMENT)},
      {"a class that the standard has not",
       {},
       When(ByStaff("class_code: 'E9999' " + kPlace), "10:00", kCollector),
       Refused(v1::REASON_UNKNOWN_CLASS)},
      {"what looks the same is named, not merged", kReported, When(ByStaff(kRefuse + kNearby), "10:30", kCollector),
       Then("case_opened {context {case: 'cases/$2' report_count: 0} similar_cases: 'cases/$1' "
            "explanations {choice: CHOICE_CLASS} explanations {choice: CHOICE_GRID} "
            "explanations {code: EXPLANATION_CODE_DUPLICATE_HINT facts {key: 'case' value: 'cases/$1'} "
            "facts {key: 'distance' value: '50'}}}")}};
  CheckRows(rows);
}

TEST(OpeningTest, NeedsReferenceDataByStaffOnly) {
  const Row rows[] = {{"staff wait until the data is there",
                       {},
                       When(ByStaff(kPlace), "10:00", kCollector),
                       Refused(v1::REASON_REFERENCE_MISSING)},
                      {"a report is never lost: what cannot be chosen stays open",
                       {},
                       When(ByReport("r1", kRefuse + kPlace), "10:00", kPolicy),
                       Then("case_opened {context {status: CASE_STATUS_REPORTED lead_report: 'reports/r1'} "
                            "explanations {code: EXPLANATION_CODE_CLASS_OPEN facts {key: 'proposed' value: 'E0110'} "
                            "facts {key: 'standard' value: ''}} explanations {code: EXPLANATION_CODE_GRID_NONE}}")}};
  CheckRows(rows, gwt::References());
}

TEST(OpeningTest, FromAReport) {
  const Row rows[] = {
      {"the class proposed, the reporter's token, the report itself",
       {},
       When(ByReport("r1", kRefuse + kPlace + Seen("09:50")), "10:00", kPolicy),
       Then(
           "case_opened {context {case: 'cases/$1' actor: 'policy:open_case' source: REPORT_SOURCE_CITIZEN_APP "
           "lead_report: 'reports/r1' reports: 'reports/r1' reporter_token: 'p-r1' report_count: 1 class_code: 'E0110' "
           "reported_at " +
           Ts("09:50") +
           "} explanations {code: EXPLANATION_CODE_CLASS_PROPOSED "
           "facts {key: 'class' value: 'E0110'} facts {key: 'proposed_by' value: 'text:keywords-1'} "
           "facts {key: 'confidence' value: '83'}} explanations {choice: CHOICE_GRID} "
           "explanations {code: EXPLANATION_CODE_DUPLICATE_NONE}} text: '一堆垃圾'")},
      {"the classifier was unsure",
       {},
       When(ByReport("r1", kPlace), "10:00", kPolicy),
       Then("case_opened {explanations {code: EXPLANATION_CODE_CLASS_NONE} explanations {choice: CHOICE_GRID}}")},
      {"it proposed what the standard has not",
       {},
       When(ByReport("r1", "class_code: 'E9999' " + kPlace), "10:00", kPolicy),
       Then("case_opened {explanations {code: EXPLANATION_CODE_CLASS_OPEN facts {key: 'proposed' value: 'E9999'} "
            "facts {key: 'standard' value: '2026-1'}} explanations {choice: CHOICE_GRID}}")}};
  CheckRows(rows);
}

TEST(OpeningTest, MergesWhatAnOpenCaseAnswers) {
  const std::string merged =
      "case_report_merged {context {case: 'cases/$1' report_count: 2 lead_report: 'reports/r1' "
      "reports: 'reports/r1' reports: 'reports/r2'} ordinal: 1 ";
  const Row rows[] = {
      {"same class, within 50 m and 24 h", kReported,
       When(ByReport("r2", kRefuse + kNearby + Seen("10:20")), "10:25", kPolicy),
       Then(merged + "report {report: 'reports/r2' reporter_token: 'p-r2' distance_metres: 50 merged_at " +
            Ts("10:25") +
            "} explanations {code: EXPLANATION_CODE_DUPLICATE_MERGED facts {key: 'report' value: 'reports/r2'} "
            "facts {key: 'distance' value: '50'} facts {key: 'minutes' value: '30'}}}")},
      {"24 h apart to the second", kReported,
       When(ByReport("r2", kRefuse + kPlace + Seen("2026-11-19 09:50")), "2026-11-19 10:00", kPolicy),
       Then(merged + "}")},
      {"a second later it is another", kReported,
       When(ByReport("r2", kRefuse + kPlace + Seen("2026-11-19 09:50:01")), "2026-11-19 10:00", kPolicy),
       Then("case_opened {context {case: 'cases/$2'}}")},
      {"more than 50 m away", kReported, When(ByReport("r2", kRefuse + kBeyond + Seen("10:00")), "10:05", kPolicy),
       Then("case_opened {context {case: 'cases/$2'}}")},
      {"another class", kReported,
       When(ByReport("r2", "class_code: 'E0112' " + kPlace + Seen("10:00")), "10:05", kPolicy),
       Then("case_opened {context {case: 'cases/$2'}}")},
      {"the case was declined",
       Given(kReported, Did(Cmd("accept_case"), "10:01", kRegistrar),
             Did(Cmd("decline_case", "ground: DECLINE_GROUND_BELOW_CONDITION note: '未达标准'"), "10:02", kRegistrar)),
       When(ByReport("r2", kRefuse + kPlace + Seen("10:00")), "10:05", kPolicy),
       Then("case_opened {context {case: 'cases/$4'}}")},
      {"the case is closed", Closed(), When(ByReport("r2", kRefuse + kPlace + Seen("11:00")), "11:15", kPolicy),
       Then("case_opened {context {case: 'cases/$9'}}")},
      {"the nearest of two",
       Given(kReported,
             Did(ByReport("r2", kRefuse + "location {latitude: 30.30060 longitude: 119.9630} " + Seen("10:00")),
                 "10:05", kPolicy)),
       When(ByReport("r3", kRefuse + "location {latitude: 30.30035 longitude: 119.9630} " + Seen("10:00")), "10:10",
            kPolicy),
       Then("case_report_merged {context {case: 'cases/$2'} report {report: 'reports/r3' distance_metres: 28}}")},
      {"into a case of staff's there is no lead, and it is the first", Opened(),
       When(ByReport("r2", kRefuse + kPlace + Seen("10:00")), "10:05", kPolicy),
       Then("case_report_merged {context {report_count: 1 lead_report: '' reporter_token: '' reports: 'reports/r2'} "
            "ordinal: 1}")},
      {"the second into a case of staff's",
       Given(Opened(), Did(ByReport("r2", kRefuse + kPlace + Seen("10:00")), "10:05", kPolicy)),
       When(ByReport("r3", kRefuse + kPlace + Seen("10:00")), "10:06", kPolicy),
       Then("case_report_merged {context {report_count: 2} ordinal: 2}")},
      {"a class chosen at registration is found from then on",
       Given(Did(ByReport("r1", kPlace + Seen("09:50")), "10:00", kPolicy),
             Did(Cmd("accept_case"), "10:01", kRegistrar),
             Did(Cmd("register_case", "class_code: 'E0110' condition_id: '1'"), "10:02", kRegistrar)),
       When(ByReport("r2", kRefuse + kPlace + Seen("10:00")), "10:05", kPolicy), Then(merged + "}")}};
  CheckRows(rows);
}

TEST(OpeningTest, KeepsFiftyReportsByNameAndCountsAll) {
  Steps given = kReported;
  for (int i = 2; i <= 50; ++i)
    given.push_back(Did(ByReport("r" + std::to_string(i), kRefuse + kPlace + Seen("10:00")), "10:05", kPolicy));
  const gwt::References references = SampleReferences();
  gwt::Shard shard(std::make_unique<DispatchShard>(), v1::JournalEvent::default_instance(),
                   v1::Command::default_instance(), &references);
  EXPECT_EQ(gwt::Check({"", given, When(ByReport("r51", kRefuse + kPlace + Seen("10:00")), "10:06", kPolicy),
                        Then("case_report_merged {context {report_count: 51 reports: 'reports/r1'} ordinal: 50}")},
                       shard),
            "");
  v1::DispatchStream stream;
  ASSERT_TRUE(stream.ParseFromString(shard.machine().Save(shard.resources()[0])));
  EXPECT_EQ(stream.case_().case_().reports_size(), 50);
  EXPECT_EQ(stream.case_().case_().report_count(), 51);
}

}  // namespace
}  // namespace civicmesh::dispatch
