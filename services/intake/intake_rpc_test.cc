// Intake's handlers over a whole service on the in-memory twins: reports and alerts as their callers see them.
#include "services/intake/intake_rpc.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <fstream>
#include <limits>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "civicmesh/intake/v1/intake_service.grpc.pb.h"
#include "civicmesh/points/v1/points_events.pb.h"
#include "services/intake/intake_for_tests.h"
#include "services/intake/intake_policies.h"
#include "services/intake/intake_reference.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/base/names.h"
#include "services/runtime/decider/posts_for_tests.h"
#include "services/runtime/rpc/access_for_tests.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/fields_for_tests.h"
#include "services/runtime/rpc/service_for_tests.h"
#include "services/runtime/shard/policy_runner.h"

namespace civicmesh::intake {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

const ActorView kCitizen{.subject = "u1", .posts = Posts({"CITIZEN"})};
const ActorView kOther{.subject = "u2", .posts = Posts({"CITIZEN"})};
const ActorView kNobody;
const ActorView kRegistrar{.subject = "registrar-01", .posts = Posts({"REGISTRAR"})};
const ActorView kHotline{.subject = "gateway-12345", .posts = Posts({"GATEWAY"})};
const ActorView kCameras{.subject = "gateway-video", .posts = Posts({"GATEWAY"})};
const ActorView kReviewer{.subject = "reviewer-01", .posts = Posts({"REVIEWER"})};

constexpr char kText[] = "垃圾桶满了没人收，回电13800000058，车牌浙A12345";
constexpr char kMasked[] = "垃圾桶满了没人收，回电【手机号】，车牌【车牌号】";

template <typename T>
std::string FromSample(const std::string& file) {
  std::ifstream in(std::string(CIVICMESH_SOURCE_DIR "/deploy/sample/") + file);
  std::stringstream text;
  text << in.rdbuf();
  T message;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(text.str(), &message).ok()) << file;
  return message.SerializeAsString();
}

// Plays dispatch's events, one by one.
class Facts : public GroupReader {
 public:
  template <typename Fact>
  void Add(const Fact& fact, const std::string& time) {
    const int64_t offset = static_cast<int64_t>(records_.size());
    LogRecord record{.offset = offset, .value = fact.SerializeAsString()};
    record.headers = {{"ce_id", absl::StrCat("dispatch/0/", offset, "/0")},
                      {"ce_type", Fact::descriptor()->full_name()},
                      {"ce_subject", "what it is about"},
                      {"ce_time", time}};
    records_.push_back(std::move(record));
  }
  int Poll(LogSink& sink, int, int) override {
    int count = 0;
    for (; next_ < records_.size(); ++next_, ++count) sink.OnRecord({Topic::kEvents, 0}, records_[next_]);
    return count;
  }
  void Commit(int, int64_t) override {}
  void Rewind() override { next_ = 0; }
  std::map<int, int64_t> Held() override { return {{0, 0}}; }

 private:
  std::vector<LogRecord> records_;
  size_t next_ = 0;
};

class IntakeRpcTest : public testing::Test {
 protected:
  IntakeRpcTest() : stub_(v1::IntakeService::NewStub(service_.Channel())) {}
  void SetUp() override {
    service_.LoadReference(kStandard, FromSample<reference::v1::Standard>("standard.json"));
    service_.LoadReference(kDistrict, FromSample<reference::v1::District>("district.json"));
    // Answered after the activations were decided: from here on they hold in every shard.
    for (int shard = 0; shard < service_.shards(); ++shard)
      Submit(kHotline,
             absl::StrCat("source: REPORT_SOURCE_SENSOR text: '先到' request_id: '", RequestIdOf(shard), "'"));
  }
  std::string RequestIdOf(int shard) {
    std::string id = service_.NewRequestId();
    while (ShardOf(id, service_.shards()) != shard) id = service_.NewRequestId();
    return id;
  }

  template <typename Request, typename Response>
  grpc::Status Call(const ActorView& actor,
                    grpc::Status (v1::IntakeService::Stub::*rpc)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response, const std::string& time = "10:00") {
    auto context = service_.As(actor, "2026-11-18T" + time + ":00+08:00");
    response->Clear();
    return (stub_.get()->*rpc)(context.get(), request, response);
  }
  // A request from its text, with a request_id where it has one and none was given.
  template <typename Request>
  Request Make(const std::string& text) {
    Request request;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &request)) << text;
    const auto* field = Request::descriptor()->FindFieldByName("request_id");
    if (field && request.GetReflection()->GetString(request, field).empty())
      request.GetReflection()->SetString(&request, field, service_.NewRequestId());
    return request;
  }
  v1::Report Submit(const ActorView& actor, const std::string& text) {
    v1::Report report;
    const auto status =
        Call(actor, &v1::IntakeService::Stub::SubmitReport, Make<v1::SubmitReportRequest>(text), &report);
    EXPECT_TRUE(status.ok()) << ReasonOf(status) << " " << text;
    return report;
  }
  v1::Report SubmitKText(const ActorView& actor, const std::string& more = "") {
    return Submit(actor, absl::StrCat("text: '", kText, "' location {latitude: 30.3 longitude: 119.97} ", more));
  }
  v1::RaiseAlertRequest NewAlert(const std::string& source_id) {
    return Make<v1::RaiseAlertRequest>(
        absl::StrCat("camera: 'cam-001' box {left: 0.1 top: 0.1 width: 0.2 height: 0.2} camera_class: 6 confidence: 93 "
                     "model_version: '1.3' captured_at {seconds: 1794967140} source_id: '",
                     source_id, "' photos {uri: 'p/1' sha256: '", std::string(32, 's'), "'}"));
  }
  v1::Alert RaiseAlert(const ActorView& actor) {
    v1::Alert alert;
    const auto status = Call(actor, &v1::IntakeService::Stub::RaiseAlert, NewAlert(actor.subject), &alert);
    EXPECT_TRUE(status.ok()) << ReasonOf(status);
    return alert;
  }
  std::string ReasonOfSubmit(const ActorView& actor, const std::string& text) {
    v1::Report report;
    return ReasonOf(Call(actor, &v1::IntakeService::Stub::SubmitReport, Make<v1::SubmitReportRequest>(text), &report));
  }
  grpc::Status Get(const ActorView& actor, const std::string& name, v1::Report* report, const std::string& code = "") {
    v1::GetReportRequest request;
    request.set_name(name);
    request.set_tracking_code(code);
    return Call(actor, &v1::IntakeService::Stub::GetReport, request, report);
  }
  std::vector<std::string> List(const ActorView& actor, const std::string& request, std::string* token = nullptr) {
    v1::ListReportsResponse response;
    const auto status =
        Call(actor, &v1::IntakeService::Stub::ListReports, Make<v1::ListReportsRequest>(request), &response);
    EXPECT_TRUE(status.ok()) << ReasonOf(status);
    std::vector<std::string> names;
    for (const auto& report : response.reports()) names.push_back(report.name());
    if (token) *token = response.next_page_token();
    return names;
  }

  IntakeForTests intake_for_tests_;
  ServiceForTests service_{intake_for_tests_.Spec([this](const ServiceContext& s, std::shared_ptr<Vault> vault) {
    return std::vector{MakeIntakeRpc(s, std::move(vault), *intake_for_tests_.city_key, intake_for_tests_.receipts)};
  })};
  const std::unique_ptr<v1::IntakeService::Stub> stub_;
};

// R13: nothing is decided, and citizens report all the same.
TEST_F(IntakeRpcTest, WhileNothingIsDecidedAReportIsReceivedAndItsReceiptTellsWhatBecameOfIt) {
  service_.Pause();
  const std::string id = service_.NewRequestId();
  const v1::Report mine = SubmitKText(kCitizen, absl::StrCat("request_id: '", id, "'"));
  EXPECT_EQ(mine.status(), v1::REPORT_STATUS_RECEIVED);
  EXPECT_NE(mine.status_zh(), "");
  EXPECT_EQ(mine.text(), "");
  const v1::Report anonymous = SubmitKText(kNobody, "anonymous: true");
  EXPECT_EQ(anonymous.status(), v1::REPORT_STATUS_RECEIVED);
  EXPECT_NE(anonymous.tracking_code(), "");
  const v1::Report wrong = SubmitKText(kCitizen, "reported_at {seconds: 1900000000}");
  EXPECT_EQ(wrong.status(), v1::REPORT_STATUS_RECEIVED);

  v1::Report read;
  const auto ask = [&](const ActorView& actor, const v1::Report& of) {
    v1::GetReportRequest request;
    request.set_name(of.name());
    request.set_tracking_code(of.tracking_code());
    request.set_receipt(of.receipt());
    return Call(actor, &v1::IntakeService::Stub::GetReport, request, &read);
  };
  for (const auto& [actor, of] : {std::pair(kCitizen, mine), {kNobody, anonymous}, {kCitizen, wrong}}) {
    EXPECT_TRUE(ask(actor, of).ok());
    EXPECT_EQ(read.name(), of.name());
    EXPECT_EQ(read.status(), v1::REPORT_STATUS_RECEIVED);
    EXPECT_EQ(read.receipt(), of.receipt());
  }
  EXPECT_EQ(ReasonOf(ask(kOther, mine)), "REASON_RECEIPT_NOT_YOURS");

  service_.Resume();
  service_.Quiesce();
  EXPECT_TRUE(ask(kCitizen, mine).ok());
  EXPECT_EQ(read.status(), v1::REPORT_STATUS_FORWARDED);
  EXPECT_EQ(read.text(), kText);
  EXPECT_EQ(read.receipt(), "");
  EXPECT_TRUE(ask(kNobody, anonymous).ok());
  EXPECT_EQ(read.status(), v1::REPORT_STATUS_FORWARDED);
  EXPECT_EQ(ReasonOf(ask(kCitizen, wrong)), "REASON_AHEAD_OF_TIME");
  EXPECT_EQ(SubmitKText(kCitizen, absl::StrCat("request_id: '", id, "'")).name(), mine.name());
}

TEST_F(IntakeRpcTest, AReportIsForwardedWithAClassAndReadByItsReporterAsWritten) {
  const v1::Report report = SubmitKText(kCitizen, "source_id: 'A-1'");
  EXPECT_EQ(report.status(), v1::REPORT_STATUS_FORWARDED);
  EXPECT_EQ(report.status_zh(), "已转办");
  EXPECT_EQ(report.text(), kText);
  EXPECT_EQ(report.category().class_code(), "E0192");
  EXPECT_EQ(report.category().proposed_by(), "text:keywords-1");
  EXPECT_THAT(report.category().evidence(), Not(IsEmpty()));
  EXPECT_EQ(report.source_id(), "A-1");
  EXPECT_FALSE(report.anonymous());
  EXPECT_EQ(report.tracking_code(), "");
  v1::Report read;
  ASSERT_TRUE(Get(kCitizen, report.name(), &read).ok());
  EXPECT_EQ(read.SerializeAsString(), report.SerializeAsString());
}

TEST_F(IntakeRpcTest, StaffReadItMaskedAndWithoutVoices) {
  const std::string sha(32, 's');
  const v1::Report own = SubmitKText(
      kCitizen,
      absl::StrCat("place_text: '13幢，找13800000058' voices {uri: 'v/1' kind: KIND_VOICE sha256: '", sha, "'}"));
  EXPECT_EQ(own.place_text(), "13幢，找13800000058");
  EXPECT_THAT(own.voices(), SizeIs(1));
  v1::Report read;
  ASSERT_TRUE(Get(kRegistrar, own.name(), &read).ok());
  EXPECT_EQ(read.text(), kMasked);
  EXPECT_EQ(read.place_text(), "13幢，找【手机号】");
  EXPECT_THAT(read.voices(), IsEmpty());
}

TEST_F(IntakeRpcTest, AnUploadNeedsItsTicketAndIsLinkedForWhoMaySeeIt) {
  type::v1::Attachment photo, voice;
  photo.set_uri("uploads/u-photo");
  photo.set_width_px(640);
  photo.mutable_taken_location()->set_latitude(30.3);
  voice.set_uri("uploads/u-voice");
  voice.set_length_ms(1500);
  for (auto* one : {&photo, &voice}) one->set_sha256(std::string(32, 's'));
  const auto ticket = [&](const type::v1::Attachment& facts, bool is_voice) {
    return service_.attachments().Ticket(kCitizen.subject, facts, is_voice, absl::Now());
  };
  const std::string photos = "photos {uri: 'uploads/u-photo' kind: KIND_NEAR ticket: '%s'} ",
                    voices = "voices {uri: 'uploads/u-voice' kind: KIND_VOICE ticket: '%s'} ";
  const auto with = [](std::string fields, const std::string& signature) {
    return fields.replace(fields.find("%s"), 2, signature);
  };
  for (const std::string& fields : {with(photos, ""), with(photos, ticket(voice, true)), with(voices, "x")})
    EXPECT_EQ(ReasonOfSubmit(kCitizen, "text: '垃圾' " + fields), "REASON_UPLOAD_TICKET") << fields;
  const v1::Report own = SubmitKText(kCitizen, with(photos, ticket(photo, false)) + with(voices, ticket(voice, true)));
  EXPECT_EQ(own.photos(0).width_px(), 640);

  v1::Report read;
  ASSERT_TRUE(Get(kCitizen, own.name(), &read).ok());
  EXPECT_THAT(read.photos(0).thumbnail_link(), StartsWith("http://city.test/civicmesh-media/u-photo/thumbnail.jpg?"));
  EXPECT_EQ(read.photos(0).taken_location().latitude(), 30.3);
  EXPECT_THAT(read.voices(0).link(), StartsWith("http://city.test/civicmesh-media/u-voice/voice.ogg?"));
  ASSERT_TRUE(Get(kRegistrar, own.name(), &read).ok());
  EXPECT_THAT(read.photos(0).link(), StartsWith("http://city.test/civicmesh-media/u-photo/photo.jpg?"));
  EXPECT_THAT(read.voices(), IsEmpty());
}

TEST_F(IntakeRpcTest, NothingThatAPersonWroteStandsInClearAnywhere) {
  Submit(kCitizen, absl::StrCat("text: '", kText,
                                "' place_text: '找13800000058' contact {name: '史无名' phone: "
                                "'13900000059'}"));
  const v1::Report report =
      SubmitKText(kHotline, "source: REPORT_SOURCE_HOTLINE_12345 reporter_reference: 'caller-778'");
  const v1::Report nobody = SubmitKText(kCitizen, "anonymous: true");
  v1::Report answer;
  ASSERT_TRUE(
      Call(kHotline, &v1::IntakeService::Stub::AddToReport,
           Make<v1::AddToReportRequest>(absl::StrCat("name: '", report.name(), "' text: '我的邮箱nobody@example.com'")),
           &answer)
          .ok());
  service_.Restart(/*wipe=*/true);
  const std::string bytes = service_.AllBytes();
  EXPECT_THAT(bytes, AllOf(HasSubstr("垃圾桶满了没人收"), HasSubstr("【手机号】"), HasSubstr("【邮箱】")));
  for (const char* secret : {"13800000058", "浙A12345", "nobody@example.com", "caller-778", "史无名", "13900000059"})
    EXPECT_THAT(bytes + service_.keys().AllBytes(), Not(HasSubstr(secret)));
  EXPECT_THAT(bytes, Not(HasSubstr(nobody.tracking_code())));
}

TEST_F(IntakeRpcTest, WhoReportsAnonymouslyWithATokenLeavesNoTrace) {
  const ActorView shy{.subject = "very-own-subject", .posts = Posts({"CITIZEN"})};
  SubmitKText(shy, "anonymous: true");
  const std::string bytes = service_.AllBytes();
  EXPECT_THAT(bytes, HasSubstr("anonymous"));
  EXPECT_THAT(bytes, AllOf(Not(HasSubstr(shy.subject)), Not(HasSubstr(service_.persons().Of(shy.subject)))));
}

TEST_F(IntakeRpcTest, ARetryGetsTheSameReportAndTheSameCode) {
  const auto request = Make<v1::SubmitReportRequest>(absl::StrCat("text: '", kText, "' anonymous: true"));
  v1::Report first, again;
  ASSERT_TRUE(Call(kNobody, &v1::IntakeService::Stub::SubmitReport, request, &first).ok());
  ASSERT_TRUE(Call(kNobody, &v1::IntakeService::Stub::SubmitReport, request, &again).ok());
  EXPECT_EQ(first.SerializeAsString(), again.SerializeAsString());
  EXPECT_NE(first.tracking_code(), "");
  auto other = request;
  other.set_text("别的");
  EXPECT_EQ(ReasonOf(Call(kNobody, &v1::IntakeService::Stub::SubmitReport, other, &again)), "REASON_ALREADY_EXISTS");
  EXPECT_EQ(again.tracking_code(), "");
}

TEST_F(IntakeRpcTest, TheTrackingCodeStandsForAnAnonymousReporter) {
  const v1::Report report = SubmitKText(kCitizen, "anonymous: true");
  EXPECT_TRUE(report.anonymous());
  v1::Report read;
  std::string typed = report.tracking_code();
  std::transform(typed.begin(), typed.end(), typed.begin(), toupper);
  ASSERT_TRUE(Get(kNobody, report.name(), &read, typed).ok());
  EXPECT_EQ(read.text(), kText);
  EXPECT_EQ(read.tracking_code(), "");
  for (const auto& [actor, code] : {std::pair{kNobody, ""}, {kNobody, "0000-0000-0000-0000"}, {kCitizen, ""}})
    EXPECT_EQ(ReasonOf(Get(actor, report.name(), &read, code)), "REASON_NOT_FOUND");
  EXPECT_THAT(List(kCitizen, ""), IsEmpty());

  const auto withdraw = absl::StrCat("name: '", report.name(), "' tracking_code: '");
  EXPECT_EQ(ReasonOf(Call(kNobody, &v1::IntakeService::Stub::WithdrawReport,
                          Make<v1::WithdrawReportRequest>(withdraw + "x'"), &read)),
            "REASON_REPORT_NOT_FOUND");
  ASSERT_TRUE(Call(kNobody, &v1::IntakeService::Stub::WithdrawReport,
                   Make<v1::WithdrawReportRequest>(withdraw + report.tracking_code() + "'"), &read)
                  .ok());
  EXPECT_EQ(read.status(), v1::REPORT_STATUS_WITHDRAWN);
  EXPECT_EQ(read.text(), kText);
}

TEST_F(IntakeRpcTest, AnothersReportIsNotFound) {
  const v1::Report report = SubmitKText(kCitizen);
  v1::Report read;
  EXPECT_EQ(ReasonOf(Get(kOther, report.name(), &read)), "REASON_NOT_FOUND");
  EXPECT_EQ(ReasonOf(Get(kNobody, report.name(), &read)), "REASON_NOT_FOUND");
  EXPECT_EQ(ReasonOf(Get(kHotline, report.name(), &read)), "REASON_NOT_FOUND");
  EXPECT_EQ(read.text(), "");
  // The same answer as for what does not exist.
  const std::string missing = "reports/" + MakeId("r", 0, "none");
  EXPECT_EQ(Get(kOther, missing, &read).error_details(), Get(kOther, report.name(), &read).error_details());
  for (const char* name : {"reports/r-x", "cases/c-1", ""})
    EXPECT_EQ(ReasonOf(Get(kCitizen, name, &read)), "REASON_NOT_FOUND");
  EXPECT_EQ(ReasonOf(Get(kCitizen, "reports/" + MakeId("r", 7, "far"), &read)), "REASON_NOT_FOUND");
  EXPECT_EQ(ReasonOf(Call(kOther, &v1::IntakeService::Stub::AddToReport,
                          Make<v1::AddToReportRequest>(absl::StrCat("text: 'x' name: '", report.name(), "'")), &read)),
            "REASON_REPORT_NOT_FOUND");
}

TEST_F(IntakeRpcTest, AHotlineReportsForAPersonWhoReadsItToo) {
  const v1::Report report = SubmitKText(kHotline, "source: REPORT_SOURCE_HOTLINE_12345 reporter_reference: 'u1'");
  EXPECT_EQ(report.text(), kMasked);  // it is the person's, not the hotline's
  v1::Report read;
  ASSERT_TRUE(Get(kHotline, report.name(), &read).ok());
  EXPECT_EQ(read.text(), kMasked);
  ASSERT_TRUE(Get(kCitizen, report.name(), &read).ok());
  EXPECT_EQ(read.text(), kText);
  EXPECT_THAT(List(kCitizen, ""), ElementsAre(report.name()));
}

TEST_F(IntakeRpcTest, NumbersOfPeopleAreNoReferences) {
  EXPECT_EQ(ReasonOfSubmit(kHotline, "text: 'x' source: REPORT_SOURCE_HOTLINE_12345 reporter_reference: '13800000058'"),
            "REASON_PERSONAL_DATA_IN_REFERENCE");
  EXPECT_EQ(ReasonOfSubmit(kCitizen, "text: 'x' source_id: '13800000058'"), "REASON_PERSONAL_DATA_IN_REFERENCE");
  EXPECT_THAT(service_.AllBytes(), Not(HasSubstr("13800000058")));
}

TEST_F(IntakeRpcTest, RefusesWithoutTextOrWithTooMuch) {
  EXPECT_EQ(ReasonOfSubmit(kCitizen, "text: ' 　 '"), "REASON_INVALID_ARGUMENT");
  std::string text;
  for (int i = 0; i < 4000; ++i) text += "字";
  EXPECT_EQ(ReasonOfSubmit(kCitizen, "text: '" + text + "'"), "");
  EXPECT_EQ(ReasonOfSubmit(kCitizen, "text: '" + text + "字'"), "REASON_INVALID_ARGUMENT");
  EXPECT_EQ(ReasonOfSubmit(kNobody, "text: 'x'"), "REASON_LOGIN_OR_ANONYMOUS");
  EXPECT_EQ(ReasonOfSubmit(kCitizen, "text: 'x' contact {phone: 'me@home'}"), "REASON_INVALID_ARGUMENT");
  EXPECT_EQ(ReasonOfSubmit(kCitizen, "text: 'x' request_id: 'no'"), "REASON_BAD_REQUEST_ID");
}

TEST_F(IntakeRpcTest, WhatIsUnclearGoesToAPerson) {
  const v1::Report report = Submit(kCitizen, "text: '你好，有个事情想说一下'");
  EXPECT_EQ(report.category().class_code(), "");
  EXPECT_EQ(report.category().proposed_by(), "text:keywords-1");
}

TEST_F(IntakeRpcTest, StaffLocateWhatWaits) {
  const v1::Report report = Submit(kCitizen, absl::StrCat("text: '", kText, "' place_text: '桥边'"));
  EXPECT_EQ(report.status(), v1::REPORT_STATUS_WAITING_FOR_LOCATION);
  EXPECT_THAT(List(kRegistrar, "status: REPORT_STATUS_WAITING_FOR_LOCATION"), testing::Contains(report.name()));
  v1::Report located;
  const auto request = Make<v1::LocateReportRequest>(
      absl::StrCat("name: '", report.name(), "' location {latitude: 30.3 longitude: 119.97}"));
  EXPECT_EQ(ReasonOf(Call(kCitizen, &v1::IntakeService::Stub::LocateReport, request, &located)),
            "REASON_PERMISSION_DENIED");
  ASSERT_TRUE(Call(kRegistrar, &v1::IntakeService::Stub::LocateReport, request, &located).ok());
  EXPECT_EQ(located.status(), v1::REPORT_STATUS_FORWARDED);
  EXPECT_EQ(located.text(), kMasked);
  EXPECT_THAT(List(kRegistrar, "status: REPORT_STATUS_WAITING_FOR_LOCATION"), Not(testing::Contains(report.name())));
}

TEST_F(IntakeRpcTest, ListsTheCallersOwnNewestFirstInPages) {
  std::vector<std::string> names;
  for (int i = 0; i < 3; ++i)
    names.insert(names.begin(),
                 Submit(kCitizen, absl::StrCat("text: '路灯不亮' reported_at {seconds: ", 1700000000 + i, "}")).name());
  const std::string foreign = Submit(kOther, "text: '路灯不亮'").name();
  EXPECT_EQ(List(kCitizen, ""), names);
  std::string token;
  EXPECT_THAT(List(kCitizen, "page_size: 2", &token), ElementsAre(names[0], names[1]));
  EXPECT_THAT(List(kCitizen, absl::StrCat("page_size: 2 page_token: '", token, "'"), &token), ElementsAre(names[2]));
  EXPECT_EQ(token, "");
  EXPECT_THAT(List(kHotline, ""), SizeIs(2));  // of SetUp
  EXPECT_THAT(List(kRegistrar, ""), SizeIs(2 + 4));
  v1::ListReportsResponse response;
  EXPECT_EQ(ReasonOf(Call(kCitizen, &v1::IntakeService::Stub::ListReports,
                          Make<v1::ListReportsRequest>("status: REPORT_STATUS_FORWARDED"), &response)),
            "REASON_INVALID_ARGUMENT");
}

TEST_F(IntakeRpcTest, TheReporterHearsWhatBecomesOfIt) {
  const v1::Report report = SubmitKText(kCitizen);
  Facts facts;
  dispatch::v1::CaseOpened opened;
  opened.mutable_context()->set_case_("cases/c-1");
  opened.mutable_context()->set_status(dispatch::v1::CASE_STATUS_REPORTED);
  opened.mutable_context()->add_reports(report.name());
  facts.Add(opened, "2026-11-18T10:01:00+08:00");
  dispatch::v1::CaseDispatched dispatched;
  *dispatched.mutable_context() = opened.context();
  dispatched.mutable_context()->set_status(dispatch::v1::CASE_STATUS_DISPATCHED);
  dispatched.mutable_context()->mutable_disposal_due_at()->set_seconds(1794967200 + 4 * 3600);
  dispatched.set_first(true);
  auto* clock = dispatched.add_clocks();
  clock->set_kind(dispatch::v1::CLOCK_KIND_DISPOSAL);
  clock->set_limit_text("4工作时");
  facts.Add(dispatched, "2026-11-18T10:20:00+08:00");
  points::v1::PointsGranted granted;
  granted.mutable_context()->set_owner_token(service_.persons().Of(kCitizen.subject));
  granted.set_rule("report_registered");
  granted.set_source("cases/c-1");
  granted.set_points(10);
  granted.set_report(report.name());
  Facts of_points;
  of_points.Add(granted, "2026-11-18T10:25:00+08:00");
  PolicyRunner cases(Policies(service_.shards(), {})[0], /*driven=*/true, &facts, &service_.journal());
  PolicyRunner earned(Policies(service_.shards(), {})[1], /*driven=*/true, &of_points, &service_.journal());
  for (int i = 0; i < 2; ++i) {  // the whole topics again change nothing
    cases.Turn(10, 0);
    earned.Turn(10, 0);
    facts.Rewind();
    of_points.Rewind();
  }

  // Its answer is decided after the policy's commands.
  v1::Report read;
  ASSERT_TRUE(Call(kCitizen, &v1::IntakeService::Stub::AddToReport,
                   Make<v1::AddToReportRequest>(absl::StrCat("text: '还在' name: '", report.name(), "'")), &read,
                   "10:30")
                  .ok());
  EXPECT_EQ(read.status(), v1::REPORT_STATUS_REGISTERED);
  EXPECT_EQ(read.case_(), "cases/c-1");
  ASSERT_THAT(read.notices(), SizeIs(3));
  EXPECT_EQ(read.notices(0).text_zh(), "已受理：您反映的问题已生成案件。");
  EXPECT_EQ(read.notices(1).text_zh(), "已派遣至责任单位，处置时限至 2026-11-18 14:00（4工作时）。");
  EXPECT_EQ(read.notices(1).text_en(), "Dispatched to the unit in charge, due by 2026-11-18 14:00 (4 working hours).");
  EXPECT_EQ(read.notices(1).disposal_limit(), "4工作时");
  EXPECT_EQ(read.notices(1).told_at().seconds(), 1794967200 + 20 * 60);
  EXPECT_FALSE(read.notices(1).has_push_not_before());
  EXPECT_EQ(read.notices(2).kind(), v1::NOTICE_KIND_POINTS);
  EXPECT_EQ(read.notices(2).points(), 10);
  EXPECT_THAT(read.notices(2).text_zh(), HasSubstr("10 积分"));
  EXPECT_THAT(read.supplements(), SizeIs(1));
  EXPECT_EQ(read.supplements(0).text(), "还在");
}

// Citizens withdraw in both shards while the one case of all their reports moves on.
TEST_F(IntakeRpcTest, NobodyWithdrawsWhatIsRegisteredHoweverTheyRace) {
  constexpr int kReports = 24;
  std::vector<v1::Report> reports;
  dispatch::v1::CaseOpened opened;
  opened.mutable_context()->set_case_("cases/c-1");
  opened.mutable_context()->set_status(dispatch::v1::CASE_STATUS_REPORTED);
  for (int i = 0; i < kReports; ++i) {
    reports.push_back(SubmitKText(kCitizen, absl::StrCat("request_id: '", RequestIdOf(i % 2), "'")));
    opened.mutable_context()->add_reports(reports.back().name());
  }
  dispatch::v1::CaseRegistered registered;
  *registered.mutable_context() = opened.context();
  registered.mutable_context()->set_status(dispatch::v1::CASE_STATUS_REGISTERED);
  Facts facts;
  facts.Add(opened, "2026-11-18T10:01:00+08:00");
  facts.Add(registered, "2026-11-18T10:02:00+08:00");
  PolicyRunner runner(Policies(service_.shards(), {})[0], /*driven=*/true, &facts, &service_.journal());

  std::vector<std::string> reasons(kReports);
  std::vector<v1::WithdrawReportRequest> requests;
  for (const auto& report : reports)
    requests.push_back(Make<v1::WithdrawReportRequest>(absl::StrCat("name: '", report.name(), "'")));
  std::atomic<int> started{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      v1::Report answer;
      for (int i = t; i < kReports; i += 4, ++started)
        reasons[i] = ReasonOf(Call(kCitizen, &v1::IntakeService::Stub::WithdrawReport, requests[i], &answer));
    });
  while (started < kReports / 3) std::this_thread::yield();
  runner.Turn(10, 0);
  for (auto& thread : threads) thread.join();

  int withdrawn = 0;
  for (int i = 0; i < kReports; ++i) {
    // Its refusal comes after the policy's commands.
    v1::Report read;
    EXPECT_NE(ReasonOf(Call(kCitizen, &v1::IntakeService::Stub::WithdrawReport,
                            Make<v1::WithdrawReportRequest>(absl::StrCat("name: '", reports[i].name(), "'")), &read)),
              "");
    ASSERT_TRUE(Get(kCitizen, reports[i].name(), &read).ok());
    withdrawn += reasons[i].empty();
    if (reasons[i].empty()) {
      EXPECT_EQ(read.status(), v1::REPORT_STATUS_WITHDRAWN);
      EXPECT_LE(read.notices_size(), 1);
    } else {
      EXPECT_EQ(reasons[i], "REASON_TOO_LATE_TO_WITHDRAW");
      EXPECT_EQ(read.status(), v1::REPORT_STATUS_REGISTERED);
      EXPECT_EQ(read.notices_size(), 2);
    }
  }
  EXPECT_GE(withdrawn, kReports / 3);
}

TEST_F(IntakeRpcTest, AnAlertIsReviewedAndBecomesAReport) {
  const auto raise = NewAlert("s0033");
  v1::Alert alert, read;
  EXPECT_EQ(ReasonOf(Call(kCitizen, &v1::IntakeService::Stub::RaiseAlert, raise, &alert)), "REASON_PERMISSION_DENIED");
  ASSERT_TRUE(Call(kCameras, &v1::IntakeService::Stub::RaiseAlert, raise, &alert).ok());
  ASSERT_TRUE(Call(kCameras, &v1::IntakeService::Stub::RaiseAlert, raise, &read).ok());
  EXPECT_EQ(read.name(), alert.name());
  EXPECT_EQ(alert.camera_class_zh(), "暴露垃圾");
  EXPECT_THAT(alert.legal_basis_zh(), Not(IsEmpty()));

  v1::ListAlertsResponse waiting;
  ASSERT_TRUE(Call(kReviewer, &v1::IntakeService::Stub::ListAlerts, v1::ListAlertsRequest(), &waiting).ok());
  ASSERT_THAT(waiting.alerts(), SizeIs(1));
  EXPECT_EQ(waiting.alerts(0).SerializeAsString(), alert.SerializeAsString());
  v1::GetAlertRequest get;
  get.set_name(alert.name());
  EXPECT_TRUE(Call(kCameras, &v1::IntakeService::Stub::GetAlert, get, &read).ok());
  EXPECT_EQ(ReasonOf(Call(kHotline, &v1::IntakeService::Stub::GetAlert, get, &read)), "REASON_NOT_FOUND");

  const auto review = Make<v1::ReviewAlertRequest>(
      absl::StrCat("verdict: ALERT_VERDICT_CONFIRMED true_camera_class: 3 etag: 'v1' name: '", alert.name(), "'"));
  ASSERT_TRUE(Call(kReviewer, &v1::IntakeService::Stub::ReviewAlert, review, &read).ok());
  EXPECT_EQ(read.verdict(), v1::ALERT_VERDICT_CONFIRMED);
  ASSERT_TRUE(Call(kReviewer, &v1::IntakeService::Stub::ListAlerts, v1::ListAlertsRequest(), &waiting).ok());
  EXPECT_THAT(waiting.alerts(), IsEmpty());
  v1::Report report;
  ASSERT_TRUE(Get(kRegistrar, read.report(), &report).ok());
  EXPECT_EQ(report.source(), type::v1::REPORT_SOURCE_VIDEO);
  EXPECT_EQ(report.status(), v1::REPORT_STATUS_FORWARDED);
  EXPECT_EQ(report.alert(), alert.name());
  EXPECT_EQ(report.category().class_code(), "E0406");
  EXPECT_THAT(report.text(), HasSubstr("占道经营"));
  EXPECT_THAT(List(kCameras, ""), ElementsAre(report.name()));
}

TEST_F(IntakeRpcTest, EverythingIsThereAgainAfterARestart) {
  const v1::Report report = SubmitKText(kCitizen, "anonymous: true");
  for (bool wipe : {false, true}) {
    service_.Restart(wipe);
    const auto stub = v1::IntakeService::NewStub(service_.Channel());
    v1::GetReportRequest request;
    request.set_name(report.name());
    request.set_tracking_code(report.tracking_code());
    v1::Report read;
    auto context = service_.As(kNobody);
    ASSERT_TRUE(stub->GetReport(context.get(), request, &read).ok());
    EXPECT_EQ(read.text(), kText);
  }
}

TEST_F(IntakeRpcTest, OnlyPostsThatAnRpcNamesMayCallIt) {
  EXPECT_THAT(WrongAnswersToPosts(service_, "civicmesh.intake.v1.IntakeService"), IsEmpty());
}

TEST_F(IntakeRpcTest, AnothersThingIsAnsweredAsOneThatIsNotThere) {
  const std::map<std::string, std::string> fields = {{"AddToReport", "text: 'x'"}};
  const std::string text = "text: '有垃圾' location {latitude: 30.3 longitude: 119.97} ";
  const std::string beyond = SubmitKText(kOther).name(), alert_beyond = RaiseAlert(kCameras).name();
  int tried = 0;
  const auto* rpcs = v1::GetReportRequest::descriptor()->file()->service(0);
  for (int m = 0; m < rpcs->method_count(); ++m) {
    const auto* method = rpcs->method(m);
    if (!method->input_type()->FindFieldByName("name")) continue;
    for (const std::string& post : PostsWithScope(*method, Scope::kOwn)) {
      const ActorView actor{.subject = "someone-" + post, .posts = {{.role = post, .unit = "", .area = ""}}};
      const bool alert = method->name() == "GetAlert";
      const bool for_others = post == "REGISTRAR" || post == "SHIFT_LEADER" || post == "GATEWAY";
      const std::string within =
          alert ? RaiseAlert(actor).name()
                : Submit(actor, text + (for_others ? "source: REPORT_SOURCE_HOTLINE_12345" : "")).name();
      std::string nowhere = within;
      nowhere.back() = nowhere.back() == 'a' ? 'b' : 'a';
      auto more = fields.find(method->name());
      ++tried;
      EXPECT_EQ(WrongAnswersToObjects(service_, {.method = method,
                                                 .actor = actor,
                                                 .time = "2026-11-18T10:00:00+08:00",
                                                 .request =
                                                     [&](const std::string& name) {
                                                       return RequestFor(service_, *method,
                                                                         more == fields.end() ? "" : more->second,
                                                                         name);
                                                     },
                                                 .within = within,
                                                 .beyond = alert ? alert_beyond : beyond,
                                                 .nowhere = nowhere}),
                "");
    }
  }
  EXPECT_GE(tried, 12);
}

// What may stand in the fields of intake's requests (proto/civicmesh/intake/v1/intake_service.proto).
const FieldRules kRules = {
    {"SubmitReportRequest.text", Words(4000, /*personal=*/true)},
    {"SubmitReportRequest.photos", List(20)},
    {"SubmitReportRequest.voices", List(5)},
    {"SubmitReportRequest.source", Value()},
    {"SubmitReportRequest.place_text", Words(200, /*personal=*/true)},
    {"SubmitReportRequest.source_id", Id()},
    {"SubmitReportRequest.reported_at", Time(/*past=*/true, /*future=*/false)},
    {"SubmitReportRequest.anonymous", Flag()},
    {"SubmitReportRequest.reporter_reference", Only({"GATEWAY", "REGISTRAR", "SHIFT_LEADER"}, Reference())},
    {"Contact.name", Words(50, /*personal=*/true)},
    {"Contact.phone", Words(30, /*personal=*/true)},
    {"Contact.email", Words(100, /*personal=*/true)},
    {"GetReportRequest.name", Name()},
    {"GetReportRequest.tracking_code", Free("typed by people; only its digest is compared")},
    {"GetReportRequest.receipt", Id()},
    {"ListReportsRequest.status", Only({"COLLECTOR", "REGISTRAR", "DISPATCHER", "SHIFT_LEADER", "ANALYST"}, Value())},
    {"AddToReportRequest.name", Name()},
    {"AddToReportRequest.tracking_code", Free("typed by people; only its digest is compared")},
    {"AddToReportRequest.text", Words(4000, /*personal=*/true)},
    {"AddToReportRequest.photos", List(20)},
    {"WithdrawReportRequest.name", Name()},
    {"WithdrawReportRequest.tracking_code", Free("typed by people; only its digest is compared")},
    {"LocateReportRequest.name", Name()},
    {"RaiseAlertRequest.camera", Id()},
    {"RaiseAlertRequest.camera_class", Number(1, 12)},
    {"RaiseAlertRequest.confidence", Number(0, 100)},
    {"RaiseAlertRequest.model_version", Id()},
    {"RaiseAlertRequest.captured_at", Time(/*past=*/true, /*future=*/false)},
    {"RaiseAlertRequest.photos", List(20)},
    {"RaiseAlertRequest.source_id", Id()},
    {"Box.left", Degrees(1)},
    {"Box.top", Degrees(1)},
    {"Box.width", Degrees(1)},
    {"Box.height", Degrees(1)},
    {"ReviewAlertRequest.name", Name()},
    {"ReviewAlertRequest.verdict", Value()},
    {"ReviewAlertRequest.true_camera_class", Number(0, 12)},
    {"GetAlertRequest.name", Name()},
    {"Attachment.uri", ObjectKey()},
    {"Attachment.sha256", Digest()},
    {"Attachment.kind", Value()},
    {"Attachment.size_bytes", Number(0, std::numeric_limits<int64_t>::max())},
    {"GeoPoint.latitude", Degrees(90)},
    {"GeoPoint.longitude", Degrees(180)}};

TEST_F(IntakeRpcTest, NoFieldTakesWhatNobodyShouldSend) {
  const auto on = [this](const std::string& method, const ActorView& actor, std::function<std::string()> name,
                         const std::string& fields, std::set<std::string> unset = {}) {
    const auto* found = v1::GetReportRequest::descriptor()->file()->service(0)->FindMethodByName(method);
    return RequestCase{method, actor, "2026-11-18T10:00:00+08:00",
                       [=, this] { return RequestFor(service_, *found, fields, name()); }, std::move(unset)};
  };
  const auto none = [] { return std::string(); };
  const auto mine = [this] { return SubmitKText(kCitizen).name(); };
  const auto alert = [this] { return RaiseAlert(kCameras).name(); };
  const std::string file = "{uri: 'p/1' size_bytes: 9 sha256: '" + std::string(32, 's') + "' kind: KIND_",
                    photos = "photos " + file + "NEAR} ", place = "location {latitude: 30.3 longitude: 119.97} ";
  EXPECT_THAT(
      WrongAnswersToFields(
          service_, "civicmesh.intake.v1.IntakeService", AndTickets(kRules),
          {on("SubmitReport", kHotline, none,
              photos + place + "voices " + file +
                  "VOICE} text: 'x' place_text: 'x' source: REPORT_SOURCE_HOTLINE_12345 source_id: 'A-1' "
                  "reported_at {seconds: 1794967000} reporter_reference: 'caller-1' "
                  "contact {name: 'x' phone: '1' email: 'x'}"),
           on("SubmitReport", kCitizen, none, "text: 'x'",
              {"photos",      "photos.uri",         "photos.sha256",      "photos.kind",   "photos.size_bytes",
               "voices",      "voices.uri",         "voices.sha256",      "voices.kind",   "voices.size_bytes",
               "source",      "location.latitude",  "location.longitude", "place_text",    "source_id",
               "reported_at", "reporter_reference", "contact.name",       "contact.phone", "contact.email"}),
           on("GetReport", kCitizen, mine, "tracking_code: 'x'", {"receipt"}),
           on("ListReports", kRegistrar, none, "page_size: 3 status: REPORT_STATUS_FORWARDED"),
           on("AddToReport", kCitizen, mine, "tracking_code: 'x' text: 'x' " + photos),
           on("WithdrawReport", kCitizen, mine, "tracking_code: 'x'"),
           on(
               "LocateReport", kRegistrar, [this] { return Submit(kCitizen, "text: 'x'").name(); }, place),
           on("RaiseAlert", kCameras, none,
              "camera: 'cam-001' box {left: 0.1 top: 0.1 width: 0.2 height: 0.2} camera_class: 6 confidence: 93 "
              "model_version: '1.3' captured_at {seconds: 1794967140} source_id: 'x' " +
                  photos),
           on("ReviewAlert", kReviewer, alert, "verdict: ALERT_VERDICT_CONFIRMED true_camera_class: 3"),
           on("GetAlert", kReviewer, alert, ""), on("ListAlerts", kReviewer, none, "page_size: 3")}),
      IsEmpty());
}

TEST_F(IntakeRpcTest, APostNamesTheSourcesThatItKnows) {
  using namespace type::v1;  // NOLINT(google-build-using-namespace): the sources
  const std::set<int> heard = {REPORT_SOURCE_HOTLINE_12345, REPORT_SOURCE_LEADER, REPORT_SOURCE_MEDIA,
                               REPORT_SOURCE_DEPARTMENT, REPORT_SOURCE_INSPECTION};
  std::set<int> handed_in = heard;
  handed_in.insert({REPORT_SOURCE_CITIZEN_APP, REPORT_SOURCE_SENSOR});
  const std::map<std::string, std::set<int>> known = {
      {"CITIZEN", {REPORT_SOURCE_UNSPECIFIED, REPORT_SOURCE_CITIZEN_APP}},
      {"COLLECTOR", {REPORT_SOURCE_UNSPECIFIED, REPORT_SOURCE_COLLECTOR, REPORT_SOURCE_INSPECTION}},
      {"REGISTRAR", heard},
      {"SHIFT_LEADER", heard},
      {"GATEWAY", handed_in}};
  const auto* method = v1::GetReportRequest::descriptor()->file()->service(0)->FindMethodByName("SubmitReport");
  const auto* sources = google::protobuf::GetEnumDescriptor<ReportSource>();
  for (const auto& [post, named] : NamedPosts(*method))
    for (int s = 0; named && s < sources->value_count(); ++s) {
      ASSERT_TRUE(known.count(post)) << "nobody has decided what " << post << " may name";
      const std::string refused = ReasonOfSubmit({.subject = "one-" + post, .posts = Posts({post})},
                                                 "text: 'x' source: " + sources->value(s)->name());
      EXPECT_EQ(refused.empty(), known.at(post).count(sources->value(s)->number()) > 0)
          << post << " " << sources->value(s)->name() << " " << refused;
    }
}

}  // namespace
}  // namespace civicmesh::intake
