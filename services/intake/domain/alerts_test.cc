// The rules of camera alerts as tables.
#include "services/intake/domain/alerts.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/intake/domain/tables_for_tests.h"

namespace civicmesh::intake {
namespace {

const std::string kPhoto = absl::StrCat("photos {uri: 'uploads/u-1' sha256: '", Hash('a'), "'} ");
const std::string kBox = "box {left: 0.2 top: 0.3 width: 0.5 height: 0.5} ";
const std::string kAt = "captured_at {seconds: 1794967140} ";

std::string Raise(const std::string& camera, const std::string& cls, const std::string& rest) {
  return absl::StrCat("raise_alert {camera: '", camera, "' camera_class: ", cls,
                      " confidence: 93 model_version: '1.3' source_id: 'a-1' ", rest, "}");
}
std::string Raise() { return Raise("cam-001", "6", kBox + kPhoto + kAt); }
std::string Replaced(const char* what, const char* by) { return absl::StrReplaceAll(Raise(), {{what, by}}); }
Step Raised() { return Did(Raise(), "10:00", kGateway); }
std::string Review(const std::string& more) { return absl::StrCat("review_alert {name: 'alerts/$1' ", more, "}"); }

class AlertsTest : public testing::TestWithParam<Row> {};
TEST_P(AlertsTest, Holds) { EXPECT_EQ(CheckRow(GetParam()), ""); }

std::string Name(const testing::TestParamInfo<Row>& info) {
  std::string name;
  for (char c : info.param.name) name += isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(
    Raise, AlertsTest,
    testing::Values(
        Row{"waits for review", Given(), When(Raise(), "10:00", kGateway),
            Then("alert_raised {alert: 'alerts/$1' occurred_at {seconds: 1794967200} camera: 'cam-001' camera_class: 6 "
                 "confidence: 93 model_version: '1.3' location {latitude: 30.3 longitude: 120} legal_basis_zh: "
                 "'办法第九条' uploads: 'uploads/u-1'} box {width: 0.5} photos {uri: 'uploads/u-1'} captured_at "
                 "{seconds: 1794967140} source_id: "
                 "'a-1' "
                 "camera_class_zh: '暴露垃圾' submitted_by: 'gateway-01'")},
        Row{"a class that the standard does not know", Given(),
            When(Raise("cam-001", "12", kBox + kPhoto + kAt), "10:00", kGateway),
            Then("alert_raised {camera_class: 12} camera_class_zh: ''")},
        Row{"no such camera", Given(), When(Raise("cam-009", "6", kBox + kPhoto + kAt), "10:00", kGateway),
            Refused(v1::REASON_UNKNOWN_CAMERA)},
        Row{"a camera without legal basis", Given(),
            When(Raise("cam-002", "6", kBox + kPhoto + kAt), "10:00", kGateway), Refused(v1::REASON_NO_LEGAL_BASIS)},
        Row{"class zero", Given(), When(Raise("cam-001", "0", kBox + kPhoto + kAt), "10:00", kGateway),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"class thirteen", Given(), When(Raise("cam-001", "13", kBox + kPhoto + kAt), "10:00", kGateway),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"without a box", Given(), When(Raise("cam-001", "6", kPhoto + kAt), "10:00", kGateway),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"a box beyond the picture", Given(),
            When(Raise("cam-001", "6", "box {left: 0.6 width: 0.5 height: 0.1} " + kPhoto + kAt), "10:00", kGateway),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"a box without size", Given(),
            When(Raise("cam-001", "6", "box {left: 0.6 width: 0.1} " + kPhoto + kAt), "10:00", kGateway),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"without a picture", Given(), When(Raise("cam-001", "6", kBox + kAt), "10:00", kGateway),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"without a time", Given(), When(Raise("cam-001", "6", kBox + kPhoto), "10:00", kGateway),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"taken ahead of now", Given(),
            When(Raise("cam-001", "6", kBox + kPhoto + "captured_at {seconds: 1794967501}"), "10:00", kGateway),
            Refused(v1::REASON_AHEAD_OF_TIME)},
        Row{"more than certain", Given(), When(Replaced("confidence: 93", "confidence: 101"), "10:00", kGateway),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"an id with blanks", Given(), When(Replaced("'a-1'", "'a b'"), "10:00", kGateway),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"no model named", Given(), When(Replaced("'1.3'", "''"), "10:00", kGateway),
            Refused(v1::REASON_INVALID_ARGUMENT)}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    Review, AlertsTest,
    testing::Values(
        Row{"confirmed it becomes a report", Given(Raised()),
            When(Review("verdict: ALERT_VERDICT_CONFIRMED"), "10:05", kReviewer),
            Then(
                "alert_reviewed {alert: 'alerts/$1' reviewer: 'reviewer-01' verdict: ALERT_VERDICT_CONFIRMED camera: "
                "'cam-001' camera_class: 6 true_camera_class: 6 confidence: 93 model_version: '1.3' raised_at "
                "{seconds: "
                "1794967200} occurred_at {seconds: 1794967500}}",
                "report_submitted {context {status: REPORT_STATUS_FORWARDED source: REPORT_SOURCE_VIDEO "
                "reporter_token: "
                "'' reported_at {seconds: 1794967140} location {latitude: 30.3} source_id: 'a-1' category {class_code: "
                "'E0110' proposed_by: 'camera:1.3' confidence: 93 standard_version: '2026-1'}} photo_count: 1 uploads: "
                "'uploads/u-1' alert: "
                "'alerts/$1'} submitted_by: 'gateway-01'",
                "report_forwarded {masked_text: '视频上报：暴露垃圾（摄像头 cam-001，经人工复核）' photos {uri: "
                "'uploads/u-1'}}")},
        Row{"the reviewer corrects the class", Given(Raised()),
            When(Review("verdict: ALERT_VERDICT_CONFIRMED true_camera_class: 3"), "10:05", kReviewer),
            Then("alert_reviewed {camera_class: 6 true_camera_class: 3}",
                 "report_submitted {context {category {class_code: 'E0406' proposed_by: 'reviewer' confidence: 100}}}",
                 "report_forwarded {}")},
        Row{"a class without a place in the standard", Given(Raised()),
            When(Review("verdict: ALERT_VERDICT_CONFIRMED true_camera_class: 12"), "10:05", kReviewer),
            Then("alert_reviewed {true_camera_class: 12}",
                 "report_submitted {context {category {class_code: '' proposed_by: 'reviewer'}}}",
                 "report_forwarded {masked_text: '视频上报：第12类（摄像头 cam-001，经人工复核）'}")},
        Row{"a false alarm ends there", Given(Raised()),
            When(Review("verdict: ALERT_VERDICT_FALSE"), "10:05", kReviewer),
            Then("alert_reviewed {verdict: ALERT_VERDICT_FALSE camera_class: 6 true_camera_class: 0 report: ''}")},
        Row{"once only", Given(Raised(), Did(Review("verdict: ALERT_VERDICT_FALSE"), "10:01", kReviewer)),
            When(Review("verdict: ALERT_VERDICT_CONFIRMED"), "10:05", kReviewer), Refused(v1::REASON_ALREADY_REVIEWED)},
        Row{"without a verdict", Given(Raised()), When(Review(""), "10:05", kReviewer),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"a false alarm of a class", Given(Raised()),
            When(Review("verdict: ALERT_VERDICT_FALSE true_camera_class: 3"), "10:05", kReviewer),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"a thirteenth class", Given(Raised()),
            When(Review("verdict: ALERT_VERDICT_CONFIRMED true_camera_class: 13"), "10:05", kReviewer),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"a stale etag", Given(Raised()),
            When(Review("etag: 'v2' verdict: ALERT_VERDICT_FALSE"), "10:05", kReviewer),
            Refused(v1::REASON_ETAG_MISMATCH)},
        Row{"an unknown alert", Given(), When("review_alert {name: 'alerts/al-x'}", "10:05", kReviewer),
            Refused(v1::REASON_ALERT_NOT_FOUND)},
        Row{"an alert is no report",
            Given(Raised(), Did(Review("verdict: ALERT_VERDICT_CONFIRMED"), "10:01", kReviewer)),
            When("locate_report {name: 'alerts/$1'}", "10:05", kRegistrar), Refused(v1::REASON_REPORT_NOT_FOUND)}),
    Name);

TEST(AlertsTest, WithoutAnActiveDistrictNoCameraIsKnown) {
  EXPECT_EQ(CheckRow({"", Given(), When(Raise(), "10:00", kGateway), Refused(v1::REASON_REFERENCE_MISSING)},
                     /*with_reference=*/false),
            "");
}

}  // namespace
}  // namespace civicmesh::intake
