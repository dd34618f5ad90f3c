// Open311 over a whole intake on the in-memory twins: what apps post becomes reports, and who sees what of them.
#include "services/intake/open311_rpc.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <grpcpp/grpcpp.h>

#include "absl/strings/str_cat.h"
#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "civicmesh/intake/v1/intake_journal.pb.h"
#include "civicmesh/intake/v1/intake_service.grpc.pb.h"
#include "civicmesh/intake/v1/open311_service.grpc.pb.h"
#include "nlohmann/json.hpp"
#include "services/intake/intake_for_tests.h"
#include "services/intake/intake_reference.h"
#include "services/intake/intake_rpc.h"
#include "services/intake/open311/questions.h"
#include "services/intake/open311/settings.h"
#include "services/intake/open311_views.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/decider/posts_for_tests.h"
#include "services/runtime/rpc/access_for_tests.h"
#include "services/runtime/rpc/service_for_tests.h"

namespace civicmesh::intake {
namespace {

using Json = nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Stub = v1::Open311Service::Stub;

constexpr char kGood[] =
    "api_key=phones&service_code=E0110&lat=30.30049&long=119.97051&description=垃圾没人收，电话13800000058";

struct Heard {
  int status = 200;
  std::string type, text;
  bool retry_after = false;
  Json json() const { return Json::parse(text); }
};

class Open311RpcTest : public testing::Test {
 protected:
  void SetUp() override {
    reference::v1::Standard standard;
    google::protobuf::TextFormat::ParseFromString(
        R"pb(
          version: "2026-1"
          classes {
            code: "E0110"
            name_zh: "暴露垃圾"
            keywords { text: "垃圾" weight: 9 }
          }
          classes {
            code: "E0406"
            name_zh: "占道经营"
            keywords { text: "摊" weight: 9 }
          })pb",
        &standard);
    service_.LoadReference(kStandard, standard.SerializeAsString());
    service_.Quiesce();
  }

  template <typename Request>
  Heard Ask(grpc::Status (Stub::*rpc)(grpc::ClientContext*, const Request&, google::api::HttpBody*),
            const std::string& request, const std::string& time = "10:00") {
    Request asked;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(request, &asked)) << request;
    return Ask(rpc, asked, time);
  }
  template <typename Request>
  Heard Ask(grpc::Status (Stub::*rpc)(grpc::ClientContext*, const Request&, google::api::HttpBody*),
            const Request& asked, const std::string& time = "10:00") {
    const auto context = service_.As({}, "2026-11-18T" + time + ":00+08:00");
    google::api::HttpBody body;
    const grpc::Status status = (stub_.get()->*rpc)(context.get(), asked, &body);
    EXPECT_TRUE(status.ok()) << status.error_message();
    Heard heard{.type = body.content_type(), .text = body.data()};
    for (const auto& [name, value] : context->GetServerInitialMetadata()) {
      if (name == "civicmesh-http-status") heard.status = std::stoi(std::string(value.data(), value.size()));
      heard.retry_after |= name == "retry-after";
    }
    return heard;
  }

  Heard Post(const std::string& form, const std::string& time = "10:00",
             const std::string& type = "application/x-www-form-urlencoded") {
    v1::PostServiceRequestRequest request;
    request.set_file("requests.json");
    request.mutable_body()->set_content_type(type);
    request.mutable_body()->set_data(form);
    return Ask(&Stub::PostServiceRequest, request, time);
  }
  std::string Posted(const std::string& form = kGood, const std::string& time = "10:00") {
    const Heard heard = Post(form, time);
    EXPECT_EQ(heard.status, 200) << heard.text;
    return heard.status == 200 ? heard.json()[0].value("service_request_id", "") : "";
  }
  Heard Get(const std::string& id, const std::string& more = "") {
    return Ask(&Stub::GetServiceRequest, absl::StrCat("file: 'requests/", id, ".json' ", more));
  }
  // The ids of a list.
  std::vector<std::string> List(const std::string& question = "") {
    const Heard heard = Ask(&Stub::ListServiceRequests, "file: 'requests.json' " + question, "12:00");
    EXPECT_EQ(heard.status, 200) << heard.text;
    std::vector<std::string> ids;
    for (const Json& one : heard.json()) ids.push_back(one["service_request_id"]);
    return ids;
  }
  // A report by another door of intake.
  std::string Submitted(const ActorView& actor) {
    v1::SubmitReportRequest request;
    request.set_request_id(service_.NewRequestId());
    request.set_text("垃圾");
    request.mutable_location()->set_latitude(30.3);
    request.mutable_location()->set_longitude(119.9);
    v1::Report report;
    const auto context = service_.As(actor, "2026-11-18T10:30:00+08:00");
    EXPECT_TRUE(intake_->SubmitReport(context.get(), request, &report).ok());
    return report.name().substr(report.name().find('/') + 1);
  }
  // Dispatch says so of the case of a report.
  template <typename Fact>
  void Happens(const std::string& id, dispatch::v1::CaseStatus status, const std::string& time = "11:00") {
    Fact fact;
    auto& context = *fact.mutable_context();
    context.set_case_("cases/c-00aaaaaaaaaaaaaaaa");
    context.add_reports("reports/" + id);
    context.set_status(status);
    context.mutable_occurred_at()->set_seconds(1794970800);  // 11:00
    service_.Publish("dispatch", 0, fact, "2026-11-18T" + time + ":00+08:00");
    service_.Quiesce();
  }
  void Registered(const std::string& id) {
    Happens<dispatch::v1::CaseRegistered>(id, dispatch::v1::CASE_STATUS_REGISTERED);
  }

  IntakeForTests intake_for_tests_;
  open311::SettingsFile settings_{
      {.url = "https://city.test/open311/v2",
       .changeset = "2026-11-01",
       .jurisdiction_id = "city.test",
       .clients = {{Sha256("phones"), {"app-phones", false}}, {Sha256("server"), {"app-server", true}}}},
      "",
      nullptr};
  ServiceForTests service_{intake_for_tests_.Spec([this](const ServiceContext& s, std::shared_ptr<Vault> vault) {
    return MakeIntakeServices(s, std::move(vault), *intake_for_tests_.city_key, intake_for_tests_.receipts, settings_);
  })};
  const std::unique_ptr<Stub> stub_ = v1::Open311Service::NewStub(service_.Channel());
  const std::unique_ptr<v1::IntakeService::Stub> intake_ = v1::IntakeService::NewStub(service_.Channel());
};

TEST_F(Open311RpcTest, TellsWhatCanBeReported) {
  const Heard services = Ask(&Stub::ListServices, "file: 'services.json'");
  EXPECT_EQ(services.type, "application/json; charset=utf-8");
  ASSERT_EQ(services.json().size(), 3);
  EXPECT_EQ(services.json()[0]["service_code"], "E0110");
  const Heard xml = Ask(&Stub::ListServices, "file: 'services.xml' jurisdiction_id: 'city.test'");
  EXPECT_EQ(xml.type, "text/xml; charset=utf-8");
  EXPECT_THAT(xml.text, HasSubstr("<service_name>暴露垃圾</service_name>"));
  EXPECT_EQ(Ask(&Stub::GetServiceDefinition, "file: 'services/E0110.json'").json()["service_code"], "E0110");
  EXPECT_THAT(Ask(&Stub::Discover, "file: 'discovery.xml'").text, HasSubstr("<url>https://city.test/open311/v2</url>"));
}

TEST_F(Open311RpcTest, APostIsAReportOfTheClassThatItNames) {
  const std::string id = Posted("api_key=phones&service_code=E0406&lat=30.3&long=119.9&description=垃圾");
  v1::GetReportRequest request;
  request.set_name("reports/" + id);
  v1::Report report;
  const auto context = service_.As({.subject = "registrar-01", .posts = Posts({"REGISTRAR"})});
  ASSERT_TRUE(intake_->GetReport(context.get(), request, &report).ok());
  EXPECT_EQ(report.text(), "垃圾");
  EXPECT_EQ(report.status(), v1::REPORT_STATUS_FORWARDED);
  EXPECT_EQ(report.source(), type::v1::REPORT_SOURCE_CITIZEN_APP);
  EXPECT_EQ(report.category().class_code(), "E0406");
  EXPECT_EQ(report.category().second_class_code(), "E0110");
  EXPECT_EQ(report.category().proposed_by(), "reporter");
  EXPECT_EQ(Get(id).json()[0]["service_name"], "占道经营");
}

TEST_F(Open311RpcTest, WhatFitsNoClassIsClassifiedByItsText) {
  const std::string id = Posted("api_key=phones&service_code=other&lat=30.3&long=119.9&description=垃圾");
  EXPECT_EQ(Get(id).json()[0]["service_code"], "E0110");
  const std::string unclear = Posted("api_key=phones&service_code=other&lat=30.3&long=119.9&description=请来看看");
  EXPECT_EQ(Get(unclear).json()[0]["service_code"], "other");
}

TEST_F(Open311RpcTest, OnlyAppsWithAKeyPost) {
  const std::string form = "service_code=E0110&lat=30.3&long=119.9";
  EXPECT_EQ(Post(form).status, 403);
  EXPECT_EQ(Post("api_key=wrong&" + form).status, 403);
  EXPECT_EQ(Post("api_key=" + form).status, 403);
  v1::PostServiceRequestRequest in_address;
  in_address.set_file("requests.json");
  in_address.set_api_key("phones");
  in_address.mutable_body()->set_content_type("application/x-www-form-urlencoded");
  in_address.mutable_body()->set_data(form);
  EXPECT_EQ(Ask(&Stub::PostServiceRequest, in_address).status, 200);
  EXPECT_EQ(Ask(&Stub::ListServiceRequests, "file: 'requests.json' api_key: 'wrong'").status, 403);
  EXPECT_EQ(Get("r-none", "api_key: 'wrong'").status, 403);
}

TEST_F(Open311RpcTest, RefusalsAreErrorDocumentsInTheFormatAskedFor) {
  const auto refused = [](const Heard& heard) {
    return heard.status == heard.json()[0]["code"] ? heard.status : -heard.status;
  };
  EXPECT_EQ(refused(Post("api_key=phones&service_code=X&lat=1&long=2&description=x")), 404);
  EXPECT_EQ(refused(Post("api_key=phones&lat=1")), 400);
  EXPECT_EQ(Post("api_key=phones&lat=1").json().size(), 3);
  EXPECT_EQ(refused(Post(kGood, "10:00", "application/json")), 400);
  EXPECT_EQ(refused(Post("%")), 400);
  EXPECT_EQ(refused(Post(absl::StrCat(kGood, "&jurisdiction_id=other.test"))), 404);
  EXPECT_EQ(refused(Get("r-none")), 404);
  EXPECT_EQ(refused(Ask(&Stub::ListServices, "file: 'services.json' jurisdiction_id: 'other.test'")), 404);
  EXPECT_EQ(refused(Ask(&Stub::GetServiceDefinition, "file: 'services/X.json'")), 404);
  EXPECT_EQ(refused(Ask(&Stub::GetToken, "file: 'tokens/x.json'")), 404);
  EXPECT_EQ(refused(Ask(&Stub::ListServiceRequests, "file: 'requests.json' status: 'x'")), 400);
  const Heard xml = Ask(&Stub::GetServiceRequest, "file: 'requests/r-none.xml'");
  EXPECT_EQ(xml.status, 404);
  EXPECT_THAT(xml.text, HasSubstr("<errors><error><code>404</code><description>没有这个请求"));
  EXPECT_EQ(Ask(&Stub::GetServiceRequest, "file: 'requests/r-none.txt'").status, 400);
}

// docs/adr/0008: registered is public, what came through here can be asked for by its id, nothing else is there.
TEST_F(Open311RpcTest, BeforeAClerkHasLookedNothingIsListed) {
  const std::string posted = Posted();
  const std::string other = Submitted({.subject = "u1", .posts = Posts({"CITIZEN"})});
  EXPECT_THAT(List(), IsEmpty());
  EXPECT_EQ(Get(other).status, 404);
  const Json shown = Get(posted).json()[0];
  EXPECT_EQ(shown["status"], "open");
  EXPECT_TRUE(shown["description"].is_null());
  Happens<dispatch::v1::CaseOpened>(posted, dispatch::v1::CASE_STATUS_REPORTED);
  EXPECT_THAT(List(), IsEmpty());
  Registered(posted);
  Registered(other);
  EXPECT_THAT(List(), ElementsAre(other, posted));
  EXPECT_EQ(Get(other).status, 200);
}

TEST_F(Open311RpcTest, NobodyReadsWhatPeopleWroteOrTheExactPlace) {
  const std::string id =
      Posted(absl::StrCat(kGood,
                          "&address_string=望湖路525号&email=a%40b.test&phone=13900000001&device_id=d-1"
                          "&first_name=San&last_name=Zhang&account_id=acc-1"));
  Registered(id);
  const Heard list = Ask(&Stub::ListServiceRequests, "file: 'requests.json'", "12:00");
  for (const std::string& text :
       {list.text, Get(id).text, Get(id, "api_key: 'phones'").text, Get(id, "api_key: 'server'").text}) {
    EXPECT_THAT(text, HasSubstr("\"lat\":30.3,\"long\":119.971"));
    EXPECT_THAT(text, AllOf(Not(HasSubstr("没人收")), Not(HasSubstr("望湖路")), Not(HasSubstr("13800000058"))));
  }
  const std::string bytes = service_.AllBytes() + service_.keys().AllBytes();
  EXPECT_THAT(bytes, HasSubstr("没人收"));
  for (const char* secret : {"a@b.test", "a%40b", "13900000001", "d-1", "Zhang", "acc-1", "13800000058"})
    EXPECT_THAT(bytes, Not(HasSubstr(secret)));
}

TEST_F(Open311RpcTest, AnAppThatKeepsItsKeyReadsItsOwnMasked) {
  const std::string own = Posted("api_key=server&service_code=E0110&lat=30.3&long=119.9&description=电话13800000058");
  const std::string others = Posted();
  EXPECT_THAT(List("api_key: 'server'"), ElementsAre(own));
  EXPECT_EQ(Get(own, "api_key: 'server'").json()[0]["description"], "电话【手机号】");
  EXPECT_TRUE(Get(others, "api_key: 'server'").json()[0]["description"].is_null());
  EXPECT_THAT(List("api_key: 'phones'"), IsEmpty());
}

TEST_F(Open311RpcTest, IsOpenUntilItIsClosed) {
  const std::string id = Posted();
  Registered(id);
  Happens<dispatch::v1::CaseSigned>(id, dispatch::v1::CASE_STATUS_SIGNED);
  EXPECT_THAT(List("status: 'open'"), ElementsAre(id));
  Happens<dispatch::v1::CaseClosed>(id, dispatch::v1::CASE_STATUS_CLOSED);
  EXPECT_THAT(List("status: 'open'"), IsEmpty());
  EXPECT_THAT(List("status: 'closed'"), ElementsAre(id));
  const Json shown = Get(id).json()[0];
  EXPECT_EQ(shown["status"], "closed");
  EXPECT_EQ(shown["updated_datetime"], "2026-11-18T11:00:00+08:00");
  EXPECT_THAT(std::string(shown["status_notes"]), HasSubstr("已办结"));
}

TEST(Open311ViewsTest, WhatAReporterEarnedIsNobodyElsesBusiness) {
  v1::ReportState report;
  report.mutable_context()->set_status(v1::REPORT_STATUS_CLOSED);
  report.add_notices()->set_kind(v1::NOTICE_KIND_CLOSED);
  report.add_notices()->set_kind(v1::NOTICE_KIND_POINTS);
  const auto shown = ShownTo({}, report, IntakeStandard(reference::v1::Standard()));
  ASSERT_TRUE(shown);
  EXPECT_THAT(shown->status_notes, HasSubstr("已办结"));
}

TEST_F(Open311RpcTest, WhatIsDeclinedIsClosedAndNotListed) {
  const std::string id = Posted();
  Happens<dispatch::v1::CaseDeclined>(id, dispatch::v1::CASE_STATUS_NOT_REGISTERED);
  EXPECT_EQ(Get(id).json()[0]["status"], "closed");
  EXPECT_THAT(List(), IsEmpty());
}

TEST_F(Open311RpcTest, ListsByServiceTimeIdsAndPage) {
  const std::string first = Posted(kGood, "10:01"), second = Posted(kGood, "10:02");
  const std::string third = Posted("api_key=phones&service_code=E0406&lat=30.3&long=119.9&description=摊", "10:03");
  for (const auto& id : {first, second, third}) Registered(id);
  Happens<dispatch::v1::CaseClosed>(second, dispatch::v1::CASE_STATUS_CLOSED);
  EXPECT_THAT(List(), ElementsAre(third, second, first));
  EXPECT_THAT(List("page_size: 2"), ElementsAre(third, second));
  EXPECT_THAT(List("service_code: 'E0110,X'"), ElementsAre(second, first));
  EXPECT_THAT(List("service_code: 'E0110' page_size: 1"), ElementsAre(second));
  EXPECT_THAT(List("end_date: '2026-11-18T10:02:00+08:00'"), ElementsAre(second, first));
  EXPECT_THAT(List("start_date: '2026-11-18T10:02:00+08:00'"), ElementsAre(third, second));
  EXPECT_THAT(List(absl::StrCat("service_request_id: '", first, ",r-none,", third, "'")), ElementsAre(first, third));
}

TEST_F(Open311RpcTest, ARepetitionIsToldByItsRequestId) {
  const std::string with_id = absl::StrCat(kGood, "&request_id=", service_.NewRequestId());
  const std::string id = Posted(with_id);
  EXPECT_EQ(Posted(with_id), id);
  EXPECT_NE(Posted(), Posted());
  EXPECT_EQ(Post(with_id + "&media_url=https://a.test").status, 400);
  EXPECT_EQ(Post(absl::StrCat(kGood, "&request_id=1")).status, 400);
}

TEST_F(Open311RpcTest, WhileNothingIsDecidedATokenStandsForTheId) {
  const std::string before = Posted();  // from then on it is known which standard holds
  service_.Pause();
  const Heard heard = Post(kGood);
  ASSERT_EQ(heard.status, 200) << heard.text;
  EXPECT_FALSE(heard.json()[0].contains("service_request_id"));
  const std::string token = heard.json()[0]["token"];
  const auto ask = [&] { return Ask(&Stub::GetToken, absl::StrCat("file: 'tokens/", token, ".json'")); };
  EXPECT_TRUE(ask().json()[0]["service_request_id"].is_null());
  service_.Resume();
  service_.Quiesce();
  const Json decided = ask().json()[0];
  EXPECT_EQ(decided["token"], token);
  EXPECT_EQ(Get(decided["service_request_id"]).status, 200);
  EXPECT_NE(decided["service_request_id"], before);
}

// A citizen's receipt is good for GetReport alone.
TEST_F(Open311RpcTest, ATokenOfAnotherDoorIsNone) {
  Posted();
  service_.Pause();
  v1::SubmitReportRequest request;
  request.set_request_id(service_.NewRequestId());
  request.set_text("x");
  v1::Report report;
  const auto context = service_.As({.subject = "u1", .posts = Posts({"CITIZEN"})}, "2026-11-18T10:00:00+08:00");
  ASSERT_TRUE(intake_->SubmitReport(context.get(), request, &report).ok());
  ASSERT_NE(report.receipt(), "");
  EXPECT_EQ(Ask(&Stub::GetToken, absl::StrCat("file: 'tokens/", report.receipt(), ".json'")).status, 404);
  service_.Resume();
}

TEST_F(Open311RpcTest, NobodyNeedsAToken) {
  EXPECT_THAT(WrongAnswersToPosts(service_, "civicmesh.intake.v1.Open311Service"), IsEmpty());
}

// Refusals are Open311's own documents here, so that no field may end a call in another way.
TEST_F(Open311RpcTest, WhateverStandsInAFieldIsAnsweredByADocument) {
  const std::map<std::string, std::string> files = {{"Discover", "discovery.json"},
                                                    {"ListServices", "services.json"},
                                                    {"GetServiceDefinition", "services/E0110.json"},
                                                    {"PostServiceRequest", "requests.json"},
                                                    {"ListServiceRequests", "requests.json"},
                                                    {"GetServiceRequest", "requests/" + Posted() + ".json"},
                                                    {"GetToken", "tokens/x.json"}};
  const std::string endless(100'000, 'x');
  const auto* rpcs = v1::DiscoverRequest::descriptor()->file()->FindServiceByName("Open311Service");
  for (int m = 0; m < rpcs->method_count(); ++m) {
    const auto& method = *rpcs->method(m);
    ASSERT_TRUE(files.count(method.name())) << method.name();
    for (int f = 0; f < method.input_type()->field_count(); ++f)
      for (const std::string& value :
           {std::string("a\x01z"), endless, std::string("../../etc/passwd"), std::string("-1")}) {
        const auto request = RequestFor(service_, method, "file: '" + files.at(method.name()) + "'", "");
        const auto* field = method.input_type()->field(f);
        const auto* r = request->GetReflection();
        if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_STRING) continue;
        field->is_repeated() ? r->AddString(request.get(), field, value) : r->SetString(request.get(), field, value);
        const auto status = civicmesh::Ask(Tried(service_), {}, "2026-11-18T10:00:00+08:00", method, *request);
        EXPECT_TRUE(status.ok()) << method.name() << "." << field->name() << ": " << Told(status);
      }
  }
  const std::string post = "api_key=phones&service_code=E0110&lat=30.3&long=119.97&";
  for (const char* field : {"description", "address_string", "address_id", "first_name", "email", "phone", "media_url",
                            "lat", "long", "service_code", "api_key", "jurisdiction_id", "request_id"})
    for (const std::string& value : {std::string("a%01z"), endless}) {
      // The first of a name counts.
      const Heard heard = Post(absl::StrCat(field, "=", value, "&", post));
      EXPECT_GE(heard.status, 400) << field;
      EXPECT_LT(heard.status, 500) << field;
    }
  const std::string bytes = service_.AllBytes();
  EXPECT_THAT(bytes, AllOf(Not(HasSubstr("a\x01z")), Not(HasSubstr(endless.substr(0, 20'001)))));
}

}  // namespace
}  // namespace civicmesh::intake
