// The rules of reports as tables: given a history, when a command comes, then these events or a refusal.
#include "services/intake/domain/reports.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "services/intake/domain/tables_for_tests.h"

namespace civicmesh::intake {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string kText = "text {sealed {ciphertext: 'x' key_id: 'k'} masked: '垃圾没人收' length: 5} ";
const std::string kHere = "location {latitude: 30.3 longitude: 120} ";
const std::string kUpload = absl::StrCat("photos {uri: 'uploads/u-1' sha256: '", Hash('b'),
                                         "' width_px: 640 taken_location {latitude: 30.2 longitude: 120}} ");
const std::string kPhoto = absl::StrCat("photos {uri: 'p/1.jpg' sha256: '", Hash('a'), "' size_bytes: 9} ");
const std::string kCode = absl::StrCat("tracking_hash: '", Hash('c'), "' ");

std::string Submit(const std::string& more = "", const std::string& text = kText) {
  return absl::StrCat("caller_token: 'p-u1' submit_report {", text, more, "}");
}
std::string Progress(const std::string& more) {
  return absl::StrCat("record_case_progress {report: 'reports/$1' case: 'cases/c-1' ", more, "}");
}
// What a case opened at that second says.
std::string Of(const std::string& name, const std::string& opened, const std::string& kind) {
  return absl::StrCat("record_case_progress {report: 'reports/$1' case: 'cases/", name,
                      "' case_opened_at {seconds: ", opened, "} kind: NOTICE_KIND_", kind,
                      " status: REPORT_STATUS_IN_CASE}");
}
const std::string kOpened = Progress("kind: NOTICE_KIND_CASE_OPENED status: REPORT_STATUS_IN_CASE");
const std::string kRegistered = Progress("kind: NOTICE_KIND_REGISTERED status: REPORT_STATUS_REGISTERED");
const std::string kSigned = Progress("kind: NOTICE_KIND_SIGNED status: REPORT_STATUS_IN_DISPOSAL");
const std::string kDispatched = Progress("kind: NOTICE_KIND_DISPATCHED status: REPORT_STATUS_REGISTERED");
const std::string kClosed = Progress("kind: NOTICE_KIND_CLOSED status: REPORT_STATUS_CLOSED");
const std::string kDeclined =
    Progress("kind: NOTICE_KIND_DECLINED status: REPORT_STATUS_DECLINED decline_ground: 'DECLINE_GROUND_DUPLICATE'");
// What points says that the report earned.
std::string Points(const std::string& source, const std::string& owner = "p-u1") {
  return absl::StrCat("record_points {report: 'reports/$1' owner_token: '", owner,
                      "' rule: 'report_registered' points: 10 granted_at {seconds: 7} source: 'cases/", source, "'}");
}
const std::string kOnName = "name: 'reports/$1' ";

Step Forwarded() { return Did(Submit(kHere), "10:00", kCitizen); }
Step Waiting() { return Did(Submit(), "10:00", kCitizen); }
Step Anonymous() { return Did(Submit(kHere + kCode + "anonymous: true"), "10:00", kNobody); }

std::string SubmittedBy(const std::string& context) {
  return absl::StrCat("report_submitted {context {", context, "}}");
}

class ReportsTest : public testing::TestWithParam<Row> {};
TEST_P(ReportsTest, Holds) { EXPECT_EQ(CheckRow(GetParam()), ""); }

std::string Name(const testing::TestParamInfo<Row>& info) {
  std::string name;
  for (char c : info.param.name) name += isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(
    Submit, ReportsTest,
    testing::Values(
        Row{"with a place it is forwarded", Given(),
            When(Submit(kHere + kPhoto + "source_id: 'A-1'"), "10:00", kCitizen),
            Then("report_submitted {context {report: 'reports/$1' status: REPORT_STATUS_FORWARDED actor: 'p-u1' "
                 "source: REPORT_SOURCE_CITIZEN_APP occurred_at {seconds: 1794967200} "
                 "reported_at {seconds: 1794967200} source_id: 'A-1'} text_length: 5 photo_count: 1} "
                 "submitted_by: 'u1'",
                 "report_forwarded {context {status: REPORT_STATUS_FORWARDED} masked_text: '垃圾没人收' photos {uri: "
                 "'p/1.jpg'}}")},
        Row{"what was uploaded here is named", Given(),
            When(Submit(kHere + kPhoto + kUpload +
                        absl::StrCat("voices {uri: 'uploads/u-2' kind: KIND_VOICE sha256: '", Hash('c'), "'}")),
                 "10:00", kCitizen),
            Then(absl::StrCat("report_submitted {photo_count: 2 uploads: 'uploads/u-1' uploads: 'uploads/u-2'} ",
                              kPhoto, kUpload),
                 "report_forwarded {photos {uri: 'p/1.jpg'} photos {uri: 'uploads/u-1' width_px: 640}}")},
        Row{"without a place it waits", Given(),
            When(Submit("place_text {sealed {ciphertext: 'x'} masked: '桥边' length: 2}"), "10:00", kCitizen),
            Then(
                "report_submitted {context {status: REPORT_STATUS_WAITING_FOR_LOCATION}} place_text {masked: '桥边'}")},
        Row{"a citizen is known by the token", Given(), When(Submit(), "10:00", kCitizen),
            Then(SubmittedBy("reporter_token: 'p-u1'"))},
        Row{"a collector reports as a post", Given(), When(Submit(), "10:00", kCollector),
            Then(SubmittedBy("source: REPORT_SOURCE_COLLECTOR reporter_token: ''"))},
        Row{"a gateway reports for a person", Given(),
            When(Submit("source: REPORT_SOURCE_HOTLINE_12345 reporter_token: 'p-1'"), "10:00", kGateway),
            Then(SubmittedBy("source: REPORT_SOURCE_HOTLINE_12345 reporter_token: 'p-1'"))},
        Row{"a registrar writes down a call", Given(),
            When(Submit("source: REPORT_SOURCE_HOTLINE_12345 reporter_token: 'p-1'"), "10:00", kRegistrar),
            Then(SubmittedBy("reporter_token: 'p-1'"))},
        Row{"a sensor reports by its gateway", Given(), When(Submit("source: REPORT_SOURCE_SENSOR"), "10:00", kGateway),
            Then(SubmittedBy("source: REPORT_SOURCE_SENSOR reporter_token: ''"))},
        Row{"an anonymous reporter is nobody", Given(), When(Submit(kCode + "anonymous: true"), "10:00", kNobody),
            Then(absl::StrCat("report_submitted {context {actor: 'anonymous' reporter_token: ''}} submitted_by: '' ",
                              kCode))},
        Row{"an anonymous call comes through the hotline", Given(),
            When(Submit(kCode + "anonymous: true source: REPORT_SOURCE_HOTLINE_12345"), "10:00", kGateway),
            Then("report_submitted {context {reporter_token: ''}} submitted_by: 'gateway-01'")},
        Row{"it may have been received long ago", Given(),
            When(Submit("reported_at {seconds: 1700000000}"), "10:00", kCitizen),
            Then(SubmittedBy("reported_at {seconds: 1700000000}"))},
        Row{"a clock slightly ahead counts as now", Given(),
            When(Submit("reported_at {seconds: 1794967500}"), "10:00", kCitizen),
            Then(SubmittedBy("reported_at {seconds: 1794967200}"))},
        Row{"a proposal that the standard knows stays", Given(),
            When(
                Submit(
                    "category {class_code: 'E0110' second_class_code: 'E0406' confidence: 70 standard_version: 'old'}"),
                "10:00", kCitizen),
            Then(SubmittedBy("category {class_code: 'E0110' second_class_code: 'E0406' confidence: 70 "
                             "standard_version: '2026-1'}"))},
        Row{"a proposal that it does not know is dropped", Given(),
            When(Submit("category {class_code: 'E9999' confidence: 70 proposed_by: 'text:keywords-1'}"), "10:00",
                 kCitizen),
            Then(SubmittedBy("category {class_code: '' confidence: 0 proposed_by: 'text:keywords-1'}"))},
        Row{"an unknown runner up is dropped", Given(),
            When(Submit("category {class_code: 'E0110' second_class_code: 'E9999'}"), "10:00", kCitizen),
            Then(SubmittedBy("category {class_code: 'E0110' second_class_code: ''}"))}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    SubmitRefused, ReportsTest,
    testing::Values(
        Row{"without token it is anonymous", Given(), When(Submit(), "10:00", kNobody),
            Refused(v1::REASON_LOGIN_OR_ANONYMOUS)},
        Row{"anonymous without a code", Given(), When(Submit("anonymous: true"), "10:00", kNobody),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"a code without being anonymous", Given(), When(Submit(kCode), "10:00", kCitizen),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"anonymous for somebody", Given(),
            When(Submit(kCode + "anonymous: true reporter_token: 'p-1' source: REPORT_SOURCE_SENSOR"), "10:00",
                 kGateway),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"a citizen for another", Given(), When(Submit("reporter_token: 'p-1'"), "10:00", kCitizen),
            Refused(v1::REASON_BEHALF_NOT_YOURS)},
        Row{"a gateway has to say the source", Given(), When(Submit(), "10:00", kGateway),
            Refused(v1::REASON_SOURCE_MISSING)},
        Row{"a citizen is no hotline", Given(), When(Submit("source: REPORT_SOURCE_HOTLINE_12345"), "10:00", kCitizen),
            Refused(v1::REASON_SOURCE_NOT_YOURS)},
        Row{"a citizen is no collector", Given(), When(Submit("source: REPORT_SOURCE_COLLECTOR"), "10:00", kCitizen),
            Refused(v1::REASON_SOURCE_NOT_YOURS)},
        Row{"a gateway is no collector", Given(), When(Submit("source: REPORT_SOURCE_COLLECTOR"), "10:00", kGateway),
            Refused(v1::REASON_SOURCE_NOT_YOURS)},
        Row{"a registrar is no sensor", Given(), When(Submit("source: REPORT_SOURCE_SENSOR"), "10:00", kRegistrar),
            Refused(v1::REASON_SOURCE_NOT_YOURS)},
        Row{"a collector does not speak for leaders", Given(),
            When(Submit("source: REPORT_SOURCE_LEADER"), "10:00", kCollector), Refused(v1::REASON_SOURCE_NOT_YOURS)},
        Row{"a video comes as an alert", Given(), When(Submit("source: REPORT_SOURCE_VIDEO"), "10:00", kGateway),
            Refused(v1::REASON_SOURCE_NOT_YOURS)},
        Row{"an analyst does not report", Given(), When(Submit(), "10:00", kAnalyst),
            Refused(v1::REASON_SOURCE_NOT_YOURS)},
        Row{"without text", Given(), When(Submit("", ""), "10:00", kCitizen), Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"text not sealed", Given(), When(Submit("", "text {masked: 'x' length: 1}"), "10:00", kCitizen),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"text too long", Given(),
            When(Submit("", "text {sealed {ciphertext: 'x'} masked: 'x' length: 4001}"), "10:00", kCitizen),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"place words too long", Given(),
            When(Submit("place_text {sealed {ciphertext: 'x'} masked: 'x' length: 201}"), "10:00", kCitizen),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"a place that is none", Given(), When(Submit("location {latitude: 91 longitude: 1}"), "10:00", kCitizen),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"a place left at zero", Given(), When(Submit("location {}"), "10:00", kCitizen),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"a photo without its digest", Given(), When(Submit("photos {uri: 'p/1.jpg'}"), "10:00", kCitizen),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"a photo from outside", Given(),
            When(Submit(absl::StrCat("photos {uri: 'https://x/1.jpg' sha256: '", Hash('a'), "'}")), "10:00", kCitizen),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"a voice among the photos", Given(),
            When(Submit(absl::StrCat("photos {uri: 'v/1' kind: KIND_VOICE sha256: '", Hash('a'), "'}")), "10:00",
                 kCitizen),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"a photo among the voices", Given(),
            When(Submit(absl::StrCat("voices {uri: 'v/1' sha256: '", Hash('a'), "'}")), "10:00", kCitizen),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"an id with blanks", Given(), When(Submit("source_id: 'a b'"), "10:00", kCitizen),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"reported ahead of now", Given(), When(Submit("reported_at {seconds: 1794967501}"), "10:00", kCitizen),
            Refused(v1::REASON_AHEAD_OF_TIME)},
        Row{"reported before there was time", Given(), When(Submit("reported_at {seconds: 0}"), "10:00", kCitizen),
            Refused(v1::REASON_AHEAD_OF_TIME)}),
    Name);

const std::string kLocate = absl::StrCat("locate_report {", kOnName, kHere, "}");

INSTANTIATE_TEST_SUITE_P(
    Locate, ReportsTest,
    testing::Values(
        Row{"staff find the place and it goes on", Given(Waiting()), When(kLocate, "10:05", kRegistrar),
            Then("report_located {context {status: REPORT_STATUS_FORWARDED actor: 'registrar-01' location {latitude: "
                 "30.3} occurred_at {seconds: 1794967500}}}",
                 "report_forwarded {context {location {longitude: 120}} masked_text: '垃圾没人收'}")},
        Row{"what was added meanwhile goes with it",
            Given(Waiting(), Did(absl::StrCat("add_to_report {", kOnName, kText, kPhoto, "}"), "10:01", kCitizen)),
            When(kLocate, "10:05", kCollector),
            Then("report_located {}",
                 "report_forwarded {masked_text: '垃圾没人收\\n补充：垃圾没人收' photos {uri: 'p/1.jpg'}}")},
        Row{"what has a place is not located again", Given(Forwarded()), When(kLocate, "10:05", kRegistrar),
            Refused(v1::REASON_ALREADY_LOCATED)},
        Row{"nor twice", Given(Waiting(), Did(kLocate, "10:05", kRegistrar)), When(kLocate, "10:06", kRegistrar),
            Refused(v1::REASON_ALREADY_LOCATED)},
        Row{"nor what was withdrawn",
            Given(Waiting(), Did(absl::StrCat("withdraw_report {", kOnName, "}"), "10:01", kCitizen)),
            When(kLocate, "10:05", kRegistrar), Refused(v1::REASON_ALREADY_LOCATED)},
        Row{"a location is needed", Given(Waiting()),
            When(absl::StrCat("locate_report {", kOnName, "}"), "10:05", kRegistrar),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"an etag has to fit", Given(Waiting()),
            When(absl::StrCat("locate_report {etag: 'v9' ", kOnName, kHere, "}"), "10:05", kRegistrar),
            Refused(v1::REASON_ETAG_MISMATCH)},
        Row{"the etag seen fits", Given(Waiting()),
            When(absl::StrCat("locate_report {etag: 'v1' ", kOnName, kHere, "}"), "10:05", kRegistrar),
            Then("report_located {}", "report_forwarded {}")},
        Row{"an unknown report is not located", Given(),
            When("locate_report {name: 'reports/r-x'}", "10:05", kRegistrar), Refused(v1::REASON_REPORT_NOT_FOUND)}),
    Name);

std::string Add(const std::string& more, const std::string& caller_token = "p-u1") {
  return absl::StrCat("caller_token: '", caller_token, "' add_to_report {", kOnName, more, "}");
}

Steps ManyAdded() {
  Steps steps = Given(Forwarded());
  for (int i = 0; i < kMaxSupplements; ++i) Append(steps, Did(Add(kText), "10:01", kCitizen));
  return steps;
}

INSTANTIATE_TEST_SUITE_P(
    Add, ReportsTest,
    testing::Values(
        Row{"words are added", Given(Forwarded()), When(Add(kText), "10:05", kCitizen),
            Then("report_supplemented {context {status: REPORT_STATUS_FORWARDED actor: 'p-u1'}} text "
                 "{masked: '垃圾没人收'}")},
        Row{"a picture alone is added", Given(Forwarded()), When(Add(kPhoto), "10:05", kCitizen),
            Then("report_supplemented {photo_count: 1} photos {uri: 'p/1.jpg'}")},
        Row{"a picture uploaded here is named", Given(Forwarded()), When(Add(kUpload), "10:05", kCitizen),
            Then("report_supplemented {photo_count: 1 uploads: 'uploads/u-1'}")},
        Row{"the person behind a call adds too",
            Given(Did(Submit("source: REPORT_SOURCE_HOTLINE_12345 reporter_token: 'p-u1'"), "10:00", kGateway)),
            When(Add(kText), "10:05", kCitizen), Then("report_supplemented {}")},
        Row{"the code stands for nobody", Given(Anonymous()), When(Add(kText + kCode), "10:05", kNobody),
            Then("report_supplemented {context {actor: 'anonymous'}}")},
        Row{"a wrong code stands for none", Given(Anonymous()),
            When(Add(absl::StrCat(kText, "tracking_hash: '", Hash('d'), "'")), "10:05", kNobody),
            Refused(v1::REASON_REPORT_NOT_FOUND)},
        Row{"no code stands for none", Given(Anonymous()), When(Add(kText), "10:05", kNobody),
            Refused(v1::REASON_REPORT_NOT_FOUND)},
        Row{"to another citizen there is no such report", Given(Forwarded()), When(Add(kText, "p-u2"), "10:05", kOther),
            Refused(v1::REASON_REPORT_NOT_FOUND)},
        Row{"an unknown report has no supplement", Given(),
            When("add_to_report {name: 'reports/r-x'}", "10:05", kCitizen), Refused(v1::REASON_REPORT_NOT_FOUND)},
        Row{"nothing to add", Given(Forwarded()), When(Add(""), "10:05", kCitizen),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"too much to add", Given(Forwarded()),
            When(Add("text {sealed {ciphertext: 'x'} masked: 'x' length: 4001}"), "10:05", kCitizen),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"a wrong picture", Given(Forwarded()), When(Add("photos {uri: 'p'}"), "10:05", kCitizen),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"a stale etag", Given(Forwarded()), When(Add("etag: 'v1' " + kText), "10:05", kCitizen),
            Refused(v1::REASON_ETAG_MISMATCH)},
        Row{"the last one is taken", Given(Forwarded(), Did(Add(kText), "10:01", kCitizen)),
            When(Add("etag: 'v3' " + kText), "10:05", kCitizen), Then("report_supplemented {}")},
        Row{"there is an end of adding", ManyAdded(), When(Add(kText), "10:05", kCitizen),
            Refused(v1::REASON_TOO_MANY_SUPPLEMENTS)},
        Row{"still while it is handled", Given(Forwarded(), Did(kSigned, "10:01", kPolicy)),
            When(Add(kText), "10:05", kCitizen),
            Then("report_supplemented {context {status: REPORT_STATUS_IN_DISPOSAL}}")},
        Row{"not to what is closed", Given(Forwarded(), Did(kClosed, "10:01", kPolicy)),
            When(Add(kText), "10:05", kCitizen), Refused(v1::REASON_REPORT_ENDED)},
        Row{"not to what is declined", Given(Forwarded(), Did(kDeclined, "10:01", kPolicy)),
            When(Add(kText), "10:05", kCitizen), Refused(v1::REASON_REPORT_ENDED)}),
    Name);

const std::string kWithdraw = absl::StrCat("withdraw_report {", kOnName, "}");

INSTANTIATE_TEST_SUITE_P(
    Withdraw, ReportsTest,
    testing::Values(Row{"taken back while it waits", Given(Waiting()), When(kWithdraw, "10:05", kCitizen),
                        Then("report_withdrawn {context {status: REPORT_STATUS_WITHDRAWN actor: 'p-u1'}}")},
                    Row{"taken back while a case is open", Given(Forwarded(), Did(kOpened, "10:01", kPolicy)),
                        When(kWithdraw, "10:05", kCitizen), Then("report_withdrawn {}")},
                    Row{"not once a case is registered", Given(Forwarded(), Did(kRegistered, "10:01", kPolicy)),
                        When(kWithdraw, "10:05", kCitizen), Refused(v1::REASON_TOO_LATE_TO_WITHDRAW)},
                    Row{"not twice", Given(Forwarded(), Did(kWithdraw, "10:01", kCitizen)),
                        When(kWithdraw, "10:05", kCitizen), Refused(v1::REASON_TOO_LATE_TO_WITHDRAW)},
                    Row{"not by another", Given(Forwarded()), When(kWithdraw, "10:05", kOther),
                        Refused(v1::REASON_REPORT_NOT_FOUND)},
                    Row{"not by staff either", Given(Forwarded()), When(kWithdraw, "10:05", kRegistrar),
                        Refused(v1::REASON_REPORT_NOT_FOUND)},
                    Row{"by the code", Given(Anonymous()),
                        When(absl::StrCat("withdraw_report {", kOnName, kCode, "}"), "10:05", kNobody),
                        Then("report_withdrawn {}")},
                    Row{"with a stale etag not", Given(Forwarded()),
                        When(absl::StrCat("withdraw_report {etag: 'v1' ", kOnName, "}"), "10:05", kCitizen),
                        Refused(v1::REASON_ETAG_MISMATCH)}),
    Name);

std::string Limited(const std::string& kind, const std::string& limit = "") {
  return Progress(
      absl::StrCat("kind: NOTICE_KIND_", kind, " disposal_due_at {seconds: 1794981600} disposal_limit: '", limit, "'"));
}

INSTANTIATE_TEST_SUITE_P(
    Words, ReportsTest,
    testing::Values(
        Row{"a deadline with its limit", Given(Forwarded()), When(Limited("DISPATCHED", "4工作时"), "10:05", kPolicy),
            Then("reporter_notified {disposal_limit: '4工作时' text_zh: '已派遣至责任单位，处置时限至 2026-11-18 "
                 "14:00（4工作时）。' text_en: 'Dispatched to the unit in charge, due by 2026-11-18 14:00 (4 working "
                 "hours).'}")},
        Row{"a limit once told still holds",
            Given(Forwarded(), Did(Limited("DISPATCHED", "4工作时"), "10:05", kPolicy), Did(kClosed, "10:06", kPolicy)),
            When(Limited("SIGNED"), "10:10", kPolicy), Then("reporter_notified {disposal_limit: '4工作时'}")},
        Row{"a later one is the one that holds",
            Given(Forwarded(), Did(Limited("DISPATCHED", "4工作时"), "10:05", kPolicy)),
            When(Limited("SIGNED", "1工作日"), "10:10", kPolicy),
            Then("reporter_notified {disposal_limit: '1工作日'}")},
        Row{"in the words that hold", Given(Forwarded()), When(kClosed, "10:10", kPolicy),
            Then("reporter_notified {text_zh: '办好了'}")},
        Row{"why it was declined", Given(Forwarded()), When(kDeclined, "10:05", kPolicy),
            Then("reporter_notified {text_zh: '不予立案：同一问题已由其他案件办理。' text_en: 'Declined: Another case "
                 "deals with it already.'}")},
        Row{"at night nobody is disturbed", Given(Forwarded()), When(kOpened, "22:00", kPolicy),
            Then("reporter_notified {context {occurred_at {seconds: 1795010400}} push_not_before {seconds: "
                 "1795042800}}")}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    Points, ReportsTest,
    testing::Values(
        Row{"the reporter hears of points", Given(Forwarded(), Did(kRegistered, "10:01", kPolicy)),
            When(Points("c-1"), "10:05", kPolicy),
            Then("reporter_notified {context {status: REPORT_STATUS_REGISTERED case: 'cases/c-1'} kind: "
                 "NOTICE_KIND_POINTS points: 10 case_moved_at {seconds: 7} text_zh: '积分到账：感谢您的反映，已获得 10 "
                 "积分。'} points_rule: 'report_registered' points_source: 'cases/c-1'")},
        Row{"once per grant", Given(Forwarded(), Did(Points("c-1"), "10:05", kPolicy)),
            When(Points("c-1"), "10:06", kPolicy), ThenNothing()},
        Row{"another grant is another notice", Given(Forwarded(), Did(Points("c-1"), "10:05", kPolicy)),
            When(Points("c-2"), "10:06", kPolicy), Then("reporter_notified {kind: NOTICE_KIND_POINTS}")},
        Row{"also when it has ended", Given(Forwarded(), Did(kClosed, "10:01", kPolicy)),
            When(Points("c-1"), "10:05", kPolicy),
            Then("reporter_notified {context {status: REPORT_STATUS_CLOSED} points: 10}")},
        Row{"who withdrew hears of none",
            Given(Forwarded(), Did("caller_token: 'p-u1' withdraw_report {name: "
                                   "'reports/$1'}",
                                   "10:01", kCitizen)),
            When(Points("c-1"), "10:05", kPolicy), ThenNothing()},
        Row{"points of another are not told", Given(Forwarded()), When(Points("c-1", "p-u2"), "10:05", kPolicy),
            Refused(v1::REASON_REPORT_NOT_FOUND)},
        Row{"an anonymous report has none", Given(Anonymous()), When(Points("c-1", ""), "10:05", kPolicy),
            Refused(v1::REASON_REPORT_NOT_FOUND)},
        Row{"an unknown report has none", Given(),
            When("record_points {report: 'reports/r-x' owner_token: 'p-u1'}", "10:05", kPolicy),
            Refused(v1::REASON_REPORT_NOT_FOUND)}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    Follow, ReportsTest,
    testing::Values(
        Row{"the reporter hears of the case", Given(Forwarded()),
            When(Progress("kind: NOTICE_KIND_CASE_OPENED status: REPORT_STATUS_IN_CASE case_moved_at {seconds: 7}"),
                 "10:05", kPolicy),
            Then("reporter_notified {context {report: 'reports/$1' status: REPORT_STATUS_IN_CASE case: 'cases/c-1' "
                 "actor: "
                 "'policy:follow_case' occurred_at {seconds: 1794967500}} kind: NOTICE_KIND_CASE_OPENED case_moved_at "
                 "{seconds: 7}}")},
        Row{"and of a deadline", Given(Forwarded(), Did(kOpened, "10:01", kPolicy)),
            When(Progress("kind: NOTICE_KIND_DISPATCHED status: REPORT_STATUS_REGISTERED disposal_due_at {seconds: 9}"),
                 "10:05", kPolicy),
            Then("reporter_notified {context {status: REPORT_STATUS_REGISTERED} disposal_due_at {seconds: 9}}")},
        Row{"and why it was declined", Given(Forwarded()), When(kDeclined, "10:05", kPolicy),
            Then("reporter_notified {context {status: REPORT_STATUS_DECLINED}} decline_ground: "
                 "'DECLINE_GROUND_DUPLICATE'")},
        Row{"a kind is told once", Given(Forwarded(), Did(kSigned, "10:01", kPolicy)), When(kSigned, "10:05", kPolicy),
            ThenNothing()},
        Row{"the status never goes back", Given(Forwarded(), Did(kSigned, "10:01", kPolicy)),
            When(kDispatched, "10:05", kPolicy),
            Then("reporter_notified {context {status: REPORT_STATUS_IN_DISPOSAL} kind: NOTICE_KIND_DISPATCHED}")},
        Row{"an ended report stays ended", Given(Forwarded(), Did(kClosed, "10:01", kPolicy)),
            When(kDeclined, "10:05", kPolicy), Then("reporter_notified {context {status: REPORT_STATUS_CLOSED}}")},
        Row{"who withdrew hears no more", Given(Forwarded(), Did(kWithdraw, "10:01", kCitizen)),
            When(kOpened, "10:05", kPolicy), ThenNothing()},
        Row{"another case does not answer it", Given(Forwarded(), Did(kOpened, "10:01", kPolicy)),
            When("record_case_progress {report: 'reports/$1' case: 'cases/c-2' kind: NOTICE_KIND_SIGNED}", "10:05",
                 kPolicy),
            Refused(v1::REASON_OTHER_CASE)},
        Row{"but one opened earlier takes it over",
            Given(Forwarded(), Did(Of("c-2", "9", "CASE_OPENED"), "10:01", kPolicy)),
            When(Of("c-3", "8", "MERGED"), "10:05", kPolicy),
            Then("reporter_notified {context {case: 'cases/c-3' case_opened_at {seconds: 8} status: "
                 "REPORT_STATUS_IN_CASE} kind: NOTICE_KIND_MERGED}")},
        Row{"and another one again, of which it is told as well",
            Given(Forwarded(), Did(Of("c-2", "9", "MERGED"), "10:01", kPolicy)),
            When(Of("c-3", "8", "MERGED"), "10:05", kPolicy), Then("reporter_notified {kind: NOTICE_KIND_MERGED}")},
        Row{"at the same time the lower id", Given(Forwarded(), Did(Of("c-2", "9", "CASE_OPENED"), "10:01", kPolicy)),
            When(Of("c-1", "9", "MERGED"), "10:05", kPolicy), Then("reporter_notified {context {case: 'cases/c-1'}}")},
        Row{"one opened later is an old word", Given(Forwarded(), Did(Of("c-3", "8", "MERGED"), "10:01", kPolicy)),
            When(Of("c-2", "9", "MERGED"), "10:05", kPolicy), Refused(v1::REASON_OTHER_CASE)},
        Row{"and so is its opening", Given(Forwarded(), Did(Of("c-3", "8", "MERGED"), "10:01", kPolicy)),
            When(Of("c-2", "9", "CASE_OPENED"), "10:05", kPolicy), Refused(v1::REASON_OTHER_CASE)},
        Row{"from then on only that one speaks",
            Given(Forwarded(), Did(Of("c-2", "9", "CASE_OPENED"), "10:01", kPolicy),
                  Did(Of("c-3", "8", "MERGED"), "10:02", kPolicy)),
            When(Of("c-3", "8", "SIGNED"), "10:05", kPolicy),
            Then("reporter_notified {context {case: 'cases/c-3'} kind: NOTICE_KIND_SIGNED}")},
        Row{"an unknown report hears nothing", Given(),
            When("record_case_progress {report: 'reports/r-x'}", "10:05", kPolicy),
            Refused(v1::REASON_REPORT_NOT_FOUND)}),
    Name);

TEST(ReportsTest, WithoutAnActiveStandardNoClassIsProposed) {
  EXPECT_EQ(CheckRow({"", Given(), When(Submit(kHere + "category {class_code: 'E0110'}"), "10:00", kCitizen),
                      Then(SubmittedBy("category {class_code: ''}"), "report_forwarded {}")},
                     /*with_reference=*/false),
            "");
}

// The event that a command makes, as text, for what it does not say.
std::string Made(Steps given, const Step& when, bool with_reference = true) {
  References references;
  if (with_reference) AddNotices(references);
  Shard shard(MakeShard(0), v1::JournalEvent::default_instance(), v1::Command::default_instance(), &references);
  for (const auto& step : given) EXPECT_EQ(shard.Run(step).reason, "");
  const auto happening = shard.Run(when);
  return happening.events.size() == 1 ? happening.events[0] : "not one event";
}

TEST(ReportsTest, ALimitIsToldWithADeadlineOnlyAndNotOfAnotherCase) {
  const Steps dispatched = Given(Forwarded(), Did(Limited("DISPATCHED", "4工作时"), "10:05", kPolicy));
  EXPECT_THAT(Made(dispatched, When(Limited("SIGNED"), "10:10", kPolicy)), HasSubstr("disposal_limit"));
  EXPECT_THAT(Made(dispatched, When(kClosed, "10:10", kPolicy)), Not(HasSubstr("disposal_limit")));
  EXPECT_THAT(
      Made(Given(dispatched, Did(Limited("MERGED"), "10:06", kPolicy)), When(Limited("SIGNED"), "10:10", kPolicy)),
      Not(HasSubstr("disposal_limit")));
}

TEST(ReportsTest, OnlyAtNightIsAnybodySparedAndNotFromWhatIsUrgent) {
  EXPECT_THAT(Made(Given(Forwarded()), When(kOpened, "22:00", kPolicy)), HasSubstr("push_not_before"));
  EXPECT_THAT(Made(Given(Forwarded()), When(kOpened, "21:59", kPolicy)), Not(HasSubstr("push_not_before")));
  EXPECT_THAT(Made(Given(Forwarded()), When(kDeclined, "23:00", kPolicy)), Not(HasSubstr("push_not_before")));
}

TEST(ReportsTest, WithoutActiveNoticesTheWordsOfThisReleaseHoldAtAnyHour) {
  EXPECT_THAT(Made(Given(Forwarded()), When(kClosed, "23:00", kPolicy), /*with_reference=*/false),
              AllOf(HasSubstr("已办结：经核查通过，感谢您的反映。"), Not(HasSubstr("push_not_before"))));
}

TEST(ReportsTest, ACommandOfALaterReleaseIsRefused) {
  EXPECT_EQ(CheckRow({"", Given(), When("", "10:00", kCitizen), Refused(v1::REASON_INVALID_ARGUMENT)}), "");
}

std::vector<std::string> RowsAfter(std::vector<Step> steps) {
  References references;
  Shard shard(MakeShard(0), v1::JournalEvent::default_instance(), v1::Command::default_instance(), &references);
  for (const auto& step : steps) EXPECT_EQ(shard.Run(step).reason, "");
  auto rows = shard.machine().Rows(shard.resources()[0]);
  for (auto& row : rows) row = row.substr(0, row.rfind('\x1f', row.rfind('\x1f') - 1));
  return rows;
}

TEST(ReportsTest, StandsInTheListsOfThoseConcerned) {
  EXPECT_EQ(RowsAfter({Waiting()}), (std::vector<std::string>{"all\x1f", "status\x1fREPORT_STATUS_WAITING_FOR_LOCATION",
                                                              "reporter\x1f"
                                                              "p-u1",
                                                              "submitter\x1fu1"}));
  EXPECT_EQ(RowsAfter({Anonymous(), Did(kOpened, "10:01", kPolicy)}),
            (std::vector<std::string>{"all\x1f", "status\x1fREPORT_STATUS_IN_CASE"}));
}

// A proposal while nobody knew the place.
TEST(ForwardedTest, WhereAPictureWasTakenIsNotPassedOn) {
  References none;
  Shard shard(MakeShard(0), v1::JournalEvent::default_instance(), v1::Command::default_instance(), &none);
  const auto events = shard.Run(When(Submit(kHere + kUpload), "10:00", kCitizen)).events;
  ASSERT_EQ(events.size(), 2);
  EXPECT_NE(events[0].find("taken_location"), std::string::npos);
  EXPECT_EQ(events[1].find("taken_location"), std::string::npos) << events[1];
}

}  // namespace
}  // namespace civicmesh::intake
