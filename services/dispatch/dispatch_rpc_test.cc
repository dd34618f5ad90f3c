// The handlers over a whole service on the in-memory twins: a case's life as its callers see it.
#include "services/dispatch/dispatch_rpc.h"

#include <grpcpp/grpcpp.h>

#include <limits>
#include <map>
#include <set>

#include "civicmesh/dispatch/v1/dispatch_service.grpc.pb.h"
#include "gmock/gmock.h"
#include "services/dispatch/domain/cases_for_tests.h"
#include "services/runtime/rpc/access_for_tests.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/fields_for_tests.h"
#include "services/runtime/rpc/service_for_tests.h"

namespace civicmesh::dispatch {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

ServiceSpec Spec() {
  return {.domain = "dispatch",
          .machines = [](int) { return std::make_unique<DispatchShard>(); },
          .references = ReferenceParsers(),
          .services = [](const ServiceContext& service) { return std::vector{MakeDispatchRpc(service)}; }};
}

class DispatchRpcTest : public testing::Test {
 protected:
  void SetUp() override {
    service_.LoadReference(kStandardKind, FromSample<reference::v1::Standard>("standard.json").SerializeAsString());
    service_.LoadReference(kDistrictKind, FromSample<reference::v1::District>("district.json").SerializeAsString());
    service_.LoadReference(kCalendarKind,
                           FromSample<reference::v1::WorkCalendar>("calendar-2026.json").SerializeAsString());
  }

  // Calls `rpc` as `actor` at 10:00 of that Wednesday plus `minutes`.
  template <typename Request, typename Response>
  grpc::Status Call(const ActorView& actor, int minutes,
                    grpc::Status (v1::DispatchService::Stub::*rpc)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
    auto stub = v1::DispatchService::NewStub(service_.Channel());
    char time[32];
    std::snprintf(time, sizeof time, "2026-11-18T%02d:%02d:00+08:00", 10 + minutes / 60, minutes % 60);
    auto context = service_.As(actor, time);
    return ((*stub).*rpc)(context.get(), request, response);
  }

  v1::OpenCaseRequest NewOpening() {
    v1::OpenCaseRequest request;
    request.set_request_id(service_.NewRequestId());
    request.set_source(civicmesh::type::v1::REPORT_SOURCE_COLLECTOR);
    request.set_class_code("E0110");
    request.mutable_location()->set_latitude(30.3000);
    request.mutable_location()->set_longitude(119.9630);
    request.set_text("路口有一堆垃圾");
    return request;
  }
  v1::Case Open() {
    v1::Case opened;
    const auto status = Call(kCollector, 0, &v1::DispatchService::Stub::OpenCase, NewOpening(), &opened);
    EXPECT_TRUE(status.ok()) << ReasonOf(status);
    return opened;
  }
  template <typename Request>
  Request About(const v1::Case& c) {
    Request request;
    request.set_name(c.name());
    request.set_etag(c.etag());
    request.set_request_id(service_.NewRequestId());
    return request;
  }
  // The step has to succeed; `c` becomes its answer.
  template <typename Request>
  void Step(const ActorView& actor, int minutes,
            grpc::Status (v1::DispatchService::Stub::*rpc)(grpc::ClientContext*, const Request&, v1::Case*),
            const Request& request, v1::Case* c) {
    const auto status = Call(actor, minutes, rpc, request, c);
    ASSERT_TRUE(status.ok()) << Request::descriptor()->name() << ": " << ReasonOf(status);
  }
  static void AddPhoto(civicmesh::type::v1::Attachment::Kind kind, civicmesh::type::v1::Attachment* photo) {
    photo->set_uri("photos/1");
    photo->set_sha256(std::string(32, 's'));
    photo->set_kind(kind);
  }
  v1::Case Dispatched() {
    v1::Case c = Open();
    Step(kRegistrar, 1, &v1::DispatchService::Stub::AcceptCase, About<v1::AcceptCaseRequest>(c), &c);
    auto registering = About<v1::RegisterCaseRequest>(c);
    registering.set_condition_id("1");
    Step(kRegistrar, 2, &v1::DispatchService::Stub::RegisterCase, registering, &c);
    Step(kDispatcher, 3, &v1::DispatchService::Stub::DispatchCase, About<v1::DispatchCaseRequest>(c), &c);
    return c;
  }
  grpc::Status Get(const ActorView& actor, const std::string& name, v1::Case* c) {
    v1::GetCaseRequest request;
    request.set_name(name);
    return Call(actor, 0, &v1::DispatchService::Stub::GetCase, request, c);
  }
  v1::ListCasesResponse List(const ActorView& actor, const v1::ListCasesRequest& request) {
    v1::ListCasesResponse response;
    const auto status = Call(actor, 0, &v1::DispatchService::Stub::ListCases, request, &response);
    EXPECT_TRUE(status.ok()) << ReasonOf(status);
    return response;
  }

  ServiceForTests service_{Spec()};
};

TEST_F(DispatchRpcTest, APictureUploadedHereNeedsItsTicketAndIsLinkedForWhoSeesTheCase) {
  civicmesh::type::v1::Attachment facts;
  facts.set_uri("uploads/u-1");
  facts.set_sha256(std::string(32, 's'));
  facts.set_width_px(640);
  v1::Case c = Dispatched();
  Step(kWorker, 10, &v1::DispatchService::Stub::SignCase, About<v1::SignCaseRequest>(c), &c);
  auto feedback = About<v1::SubmitFeedbackRequest>(c);
  auto& photo = *feedback.add_photos();
  photo = facts;
  photo.clear_width_px();
  photo.set_kind(civicmesh::type::v1::Attachment::KIND_AFTER);
  const auto submit = [&](const std::string& subject) {
    if (!subject.empty()) photo.set_ticket(service_.attachments().Ticket(subject, facts, false, absl::Now()));
    return ReasonOf(Call(kWorker, 60, &v1::DispatchService::Stub::SubmitFeedback, feedback, &c));
  };
  EXPECT_EQ(submit(""), "REASON_UPLOAD_TICKET");
  EXPECT_EQ(submit(kInspector.subject), "REASON_UPLOAD_TICKET");
  EXPECT_EQ(submit(kWorker.subject), "");
  ASSERT_THAT(c.feedback_photos(), SizeIs(1));
  EXPECT_EQ(c.feedback_photos(0).width_px(), 640);
  EXPECT_EQ(c.feedback_photos(0).ticket(), "");

  v1::Case read;
  ASSERT_TRUE(Get(kInspector, c.name(), &read).ok());
  EXPECT_THAT(read.feedback_photos(0).link(), HasSubstr("http://city.test/civicmesh-media/u-1/photo.jpg?"));
}

TEST_F(DispatchRpcTest, ACaseLives) {
  v1::Case c = Dispatched();
  EXPECT_EQ(c.status(), v1::CASE_STATUS_DISPATCHED);
  EXPECT_THAT(c.case_number(), HasSubstr("99010120261118"));
  EXPECT_EQ(c.unit(), "u-sanitation");
  EXPECT_EQ(c.limit_text(), "4工作时");
  Step(kWorker, 10, &v1::DispatchService::Stub::SignCase, About<v1::SignCaseRequest>(c), &c);
  Step(kWorker, 20, &v1::DispatchService::Stub::StartDisposal, About<v1::StartDisposalRequest>(c), &c);
  auto feedback = About<v1::SubmitFeedbackRequest>(c);
  AddPhoto(civicmesh::type::v1::Attachment::KIND_AFTER, feedback.add_photos());
  feedback.set_note("已清运");
  Step(kWorker, 60, &v1::DispatchService::Stub::SubmitFeedback, feedback, &c);
  auto inspection = About<v1::InspectCaseRequest>(c);
  inspection.set_passed(true);
  AddPhoto(civicmesh::type::v1::Attachment::KIND_NEAR, inspection.add_photos());
  Step(kInspector, 70, &v1::DispatchService::Stub::InspectCase, inspection, &c);
  auto revisit = About<v1::RevisitCaseRequest>(c);
  revisit.set_rating(v1::RATING_SATISFIED);
  Step(kRegistrar, 80, &v1::DispatchService::Stub::RevisitCase, revisit, &c);
  EXPECT_EQ(c.status(), v1::CASE_STATUS_REVISITED);
  EXPECT_EQ(c.notes().at("SubmitFeedback"), "已清运");
  EXPECT_THAT(c.clocks(), SizeIs(4)) << "staff opened it: nobody is waited for who could be asked";

  // What was answered is what is read, also from a hot state made anew from the journal.
  service_.Restart(/*wipe=*/true);
  v1::Case read;
  ASSERT_TRUE(Get(kRegistrar, c.name(), &read).ok());
  EXPECT_EQ(read.etag(), c.etag());
  EXPECT_EQ(read.status(), v1::CASE_STATUS_REVISITED);
}

TEST_F(DispatchRpcTest, ARepeatedRequestIsTheSameCase) {
  const v1::OpenCaseRequest request = NewOpening();
  v1::Case first, second;
  ASSERT_TRUE(Call(kCollector, 0, &v1::DispatchService::Stub::OpenCase, request, &first).ok());
  ASSERT_TRUE(Call(kCollector, 1, &v1::DispatchService::Stub::OpenCase, request, &second).ok());
  EXPECT_EQ(first.name(), second.name());
  EXPECT_THAT(List(kRegistrar, {}).cases(), SizeIs(1));
  v1::OpenCaseRequest other = request;
  other.set_text("别的事");
  EXPECT_EQ(Call(kCollector, 2, &v1::DispatchService::Stub::OpenCase, other, &second).error_code(),
            grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(DispatchRpcTest, ALostRaceIsAborted) {
  const v1::Case seen = Open();
  v1::Case c = seen;
  Step(kRegistrar, 1, &v1::DispatchService::Stub::AcceptCase, About<v1::AcceptCaseRequest>(seen), &c);
  const auto late =
      Call(kRegistrar, 2, &v1::DispatchService::Stub::StartVerification, About<v1::StartVerificationRequest>(seen), &c);
  EXPECT_EQ(late.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(ReasonOf(late), "REASON_ETAG_MISMATCH");
}

TEST_F(DispatchRpcTest, AForeignCaseAndNoneAnswerAlike) {
  v1::Case c = Dispatched();
  EXPECT_TRUE(Get(kWorker, c.name(), &c).ok());
  const auto foreign = Get(kStranger, c.name(), &c), missing = Get(kStranger, "cases/c-00aaaaaaaaaaaaaaaa", &c),
             malformed = Get(kStranger, "cases/nonsense", &c);
  EXPECT_EQ(foreign.error_code(), grpc::StatusCode::NOT_FOUND);
  for (const auto& other : {missing, malformed}) {
    EXPECT_EQ(other.error_details(), foreign.error_details());
    EXPECT_EQ(other.error_message(), foreign.error_message());
  }
  const auto sign = Call(kStranger, 4, &v1::DispatchService::Stub::SignCase, About<v1::SignCaseRequest>(c), &c);
  EXPECT_EQ(sign.error_details(), foreign.error_details());
}

TEST_F(DispatchRpcTest, PersonalNumbersDoNotReachTheLog) {
  v1::OpenCaseRequest request = NewOpening();
  request.set_text("联系人 138 0013 8000");
  v1::Case c;
  EXPECT_EQ(ReasonOf(Call(kCollector, 0, &v1::DispatchService::Stub::OpenCase, request, &c)),
            "REASON_PERSONAL_DATA_IN_TEXT");
  // The command was never appended: the same request_id is free for another text.
  request.set_text("联系人见附件");
  EXPECT_TRUE(Call(kCollector, 0, &v1::DispatchService::Stub::OpenCase, request, &c).ok());
}

TEST_F(DispatchRpcTest, ListsByStatusUnitAndGrid) {
  const v1::Case waiting = Open(), dispatched = Dispatched();
  v1::ListCasesRequest request;
  EXPECT_THAT(List(kRegistrar, request).cases(), SizeIs(2));
  request.set_status(v1::CASE_STATUS_REPORTED);
  ASSERT_THAT(List(kRegistrar, request).cases(), SizeIs(1));
  EXPECT_EQ(List(kRegistrar, request).cases(0).name(), waiting.name());
  request.set_status(v1::CASE_STATUS_DISPATCHED);
  request.set_unit("u-roads");
  EXPECT_THAT(List(kRegistrar, request).cases(), IsEmpty());
  request.set_unit("u-sanitation");
  request.set_grid("990101001001001");
  EXPECT_THAT(List(kRegistrar, request).cases(), SizeIs(1));
  request.set_grid("990101001001002");
  EXPECT_THAT(List(kRegistrar, request).cases(), IsEmpty());
  // A unit's worker gets the unit's own, whatever is asked.
  ASSERT_THAT(List(kWorker, {}).cases(), SizeIs(1));
  EXPECT_EQ(List(kWorker, {}).cases(0).name(), dispatched.name());
  EXPECT_THAT(List(kStranger, {}).cases(), IsEmpty());
  v1::ListCasesRequest theirs;
  theirs.set_unit("u-sanitation");
  v1::ListCasesResponse response;
  EXPECT_EQ(ReasonOf(Call(kStranger, 5, &v1::DispatchService::Stub::ListCases, theirs, &response)),
            "REASON_NOT_YOUR_UNIT");
}

TEST_F(DispatchRpcTest, TellsWhy) {
  const v1::Case c = Dispatched();
  v1::ExplainCaseRequest request;
  request.set_name(c.name());
  v1::ExplainCaseResponse response;
  ASSERT_TRUE(Call(kWorker, 5, &v1::DispatchService::Stub::ExplainCase, request, &response).ok());
  std::vector<std::string> told;
  for (const auto& choice : response.choices()) told.push_back(choice.text_zh());
  EXPECT_THAT(
      told, ElementsAre(
                "小类 E0110 由受理员选定。", "位置落在单元网格 990101001001001 的边界内（辖区数据 2026-1）。",
                "小类 E0110 属职责 sanitation，责任清单第 duty-01 条把网格 990101001001001 的该职责交给 u-sanitation。",
                "立案条件 1 的处置时限为4工作时，自 2026-11-18 10:03 起按日历 2026-1 计算，至 2026-11-18 16:03。",
                "50 米、24 小时内没有同小类的在办案件。"));
  EXPECT_EQ(Call(kStranger, 5, &v1::DispatchService::Stub::ExplainCase, request, &response).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(DispatchRpcTest, OnlyPostsThatAnRpcNamesMayCallIt) {
  EXPECT_THAT(WrongAnswersToPosts(service_, "civicmesh.dispatch.v1.DispatchService"), IsEmpty());
}

// What a request on a case needs beside its name, so that only the case decides.
std::string FieldsOf(const std::string& method) {
  const std::string photo = "photos {uri: 'p/1' sha256: '" + std::string(32, 's') + "' kind: KIND_AFTER} ";
  static const std::map<std::string, std::string> kFields = {
      {"RecordVerification", "result: VERIFICATION_RESULT_EXISTS"},
      {"RegisterCase", "condition_id: '1'"},
      {"DeclineCase", "ground: DECLINE_GROUND_NOT_EXISTING note: 'x'"},
      {"SubmitFeedback", photo},
      {"ReturnCase", "duty_entry: 'duty-01' note: 'x'"},
      {"JudgeReturn", "verdict: RETURN_VERDICT_JUSTIFIED note: 'x'"},
      {"InspectCase", photo + "passed: true"},
      {"RevisitCase", "rating: RATING_SATISFIED"},
      {"RequestExtension", "note: 'x'"},
      {"DecideExtension", "note: 'x'"},
      {"PostponeCase", "note: 'x'"}};
  auto fields = kFields.find(method);
  return fields == kFields.end() ? "" : fields->second;
}

TEST_F(DispatchRpcTest, ACaseOutOfReachIsAnsweredAsOneThatIsNotThere) {
  const v1::Case within = Dispatched();  // by u-sanitation, in the first street
  v1::OpenCaseRequest opening = NewOpening();
  opening.set_class_code("E0113");
  opening.mutable_location()->set_latitude(30.26172);
  opening.mutable_location()->set_longitude(120.02567);
  v1::Case beyond;
  ASSERT_TRUE(Call(kCollector, 0, &v1::DispatchService::Stub::OpenCase, opening, &beyond).ok());
  ASSERT_NE(beyond.grid().substr(0, 9), within.grid().substr(0, 9));
  std::string nowhere = within.name();
  nowhere.back() = nowhere.back() == 'a' ? 'b' : 'a';

  int tried = 0;
  const auto* rpcs = v1::GetCaseRequest::descriptor()->file()->service(0);
  for (int m = 0; m < rpcs->method_count(); ++m) {
    const auto* method = rpcs->method(m);
    if (!method->input_type()->FindFieldByName("name")) continue;
    for (Scope scope : {Scope::kUnit, Scope::kStreet})
      for (const std::string& post : PostsWithScope(*method, scope)) {
        const bool unit = scope == Scope::kUnit;
        const ActorView actor{
            .subject = "someone-" + post,
            .posts = {
                {.role = post, .unit = unit ? within.unit() : "", .area = unit ? "" : within.grid().substr(0, 9)}}};
        ++tried;
        EXPECT_EQ(WrongAnswersToObjects(service_, {.method = method,
                                                   .actor = actor,
                                                   .time = "2026-11-18T10:05:00+08:00",
                                                   .request =
                                                       [&](const std::string& name) {
                                                         return RequestFor(service_, *method, FieldsOf(method->name()),
                                                                           name);
                                                       },
                                                   .within = within.name(),
                                                   .beyond = beyond.name(),
                                                   .nowhere = nowhere}),
                  "");
      }
  }
  EXPECT_GT(tried, 30);
}

TEST_F(DispatchRpcTest, ListsOnlyWhatLiesInTheArea) {
  const v1::Case c = Open();
  v1::ListCasesRequest all;
  const auto of = [](const std::string& area) {
    return ActorView{.subject = "registrar-of-" + area, .posts = {{.role = "REGISTRAR", .unit = "", .area = area}}};
  };
  EXPECT_THAT(List(of(c.grid().substr(0, 9)), all).cases(), SizeIs(1));
  EXPECT_THAT(List(of("990101004"), all).cases(), IsEmpty());
}

// What may stand in the fields of dispatch's requests (proto/civicmesh/dispatch/v1/dispatch_service.proto).
FieldRules Rules() {
  FieldRules rules = {{"OpenCaseRequest.source", Value()},
                      {"OpenCaseRequest.class_code", Id()},
                      {"OpenCaseRequest.text", Words(2000)},
                      {"OpenCaseRequest.photos", List(20)},
                      {"OpenCaseRequest.reported_at", Time(/*past=*/true, /*future=*/false)},
                      {"RecordVerificationRequest.result", Value()},
                      {"RecordVerificationRequest.photos", List(20)},
                      {"RegisterCaseRequest.class_code", Id()},
                      {"RegisterCaseRequest.condition_id", Id()},
                      {"DeclineCaseRequest.ground", Value()},
                      {"DeclineCaseRequest.referral", Words(500)},
                      {"DeclineCaseRequest.duplicate_of", Id()},
                      {"DispatchCaseRequest.override_unit", Id()},
                      {"DispatchCaseRequest.override_reason", Words(500)},
                      {"SubmitFeedbackRequest.photos", List(20)},
                      {"ReturnCaseRequest.duty_entry", Id()},
                      {"ReturnCaseRequest.site_secured", Flag()},
                      {"JudgeReturnRequest.verdict", Value()},
                      {"InspectCaseRequest.passed", Flag()},
                      {"InspectCaseRequest.photos", List(20)},
                      {"RevisitCaseRequest.rating", Value()},
                      {"RevisitCaseRequest.solved", Flag()},
                      {"RevisitCaseRequest.contacted_in_time", Flag()},
                      {"DecideExtensionRequest.approved", Flag()},
                      {"PostponeCaseRequest.until", Time(false, false)},
                      {"ListCasesRequest.status", Value()},
                      {"ListCasesRequest.unit", Id()},
                      {"ListCasesRequest.grid", Free("only looked for")},
                      {"Attachment.uri", ObjectKey()},
                      {"Attachment.sha256", Digest()},
                      {"Attachment.kind", Value()},
                      {"Attachment.size_bytes", Number(0, std::numeric_limits<int64_t>::max())},
                      {"GeoPoint.latitude", Degrees(90)},
                      {"GeoPoint.longitude", Degrees(180)}};
  const auto* service = v1::GetCaseRequest::descriptor()->file()->service(0);
  for (int m = 0; m < service->method_count(); ++m) {
    const auto* fields = service->method(m)->input_type();
    if (fields->FindFieldByName("name")) rules[fields->name() + ".name"] = Name();
    if (fields->FindFieldByName("note")) rules[fields->name() + ".note"] = Words(500);
  }
  return AndTickets(rules);
}

// A case on its way, and what is sent about it next.
class CasesOnTheirWay : public DispatchRpcTest {
 protected:
  using Stub = v1::DispatchService::Stub;

  // `steps` of: accepted, registered, dispatched, signed, in disposal, fed back, closed.
  v1::Case After(int steps) {
    v1::Case c = Open();
    auto registering = About<v1::RegisterCaseRequest>(c);
    registering.set_condition_id("1");
    v1::SubmitFeedbackRequest feedback;
    AddPhoto(civicmesh::type::v1::Attachment::KIND_AFTER, feedback.add_photos());
    v1::InspectCaseRequest inspection;
    inspection.set_passed(true);
    AddPhoto(civicmesh::type::v1::Attachment::KIND_NEAR, inspection.add_photos());
    const auto next = [&](auto request) {
      request.set_name(c.name());
      request.set_request_id(service_.NewRequestId());
      request.clear_etag();
      return request;
    };
    if (steps > 0) Step(kRegistrar, 1, &Stub::AcceptCase, next(v1::AcceptCaseRequest()), &c);
    if (steps > 1) Step(kRegistrar, 2, &Stub::RegisterCase, next(registering), &c);
    if (steps > 2) Step(kDispatcher, 3, &Stub::DispatchCase, next(v1::DispatchCaseRequest()), &c);
    if (steps > 3) Step(kWorker, 4, &Stub::SignCase, next(v1::SignCaseRequest()), &c);
    if (steps > 4) Step(kWorker, 5, &Stub::StartDisposal, next(v1::StartDisposalRequest()), &c);
    if (steps > 5) Step(kWorker, 6, &Stub::SubmitFeedback, next(feedback), &c);
    if (steps > 6) Step(kInspector, 7, &Stub::InspectCase, next(inspection), &c);
    return c;
  }
  v1::Case Verifying() {
    v1::Case c = After(1);
    Step(kRegistrar, 2, &Stub::StartVerification, About<v1::StartVerificationRequest>(c), &c);
    return c;
  }
  v1::Case Returned() {
    v1::Case c = After(4);
    auto request = About<v1::ReturnCaseRequest>(c);
    request.set_duty_entry("duty-03");
    request.set_note("x");
    Step(kWorker, 5, &Stub::ReturnCase, request, &c);
    return c;
  }
  v1::Case AskedToWait() {
    v1::Case c = After(5);
    auto request = About<v1::RequestExtensionRequest>(c);
    request.set_note("x");
    Step(kWorker, 6, &Stub::RequestExtension, request, &c);
    return c;
  }

  RequestCase On(const std::string& method, const ActorView& actor, std::function<v1::Case()> thing,
                 const std::string& fields) {
    const auto* found = v1::GetCaseRequest::descriptor()->file()->service(0)->FindMethodByName(method);
    return {method, actor, "2026-11-18T10:30:00+08:00",
            [=, this] { return RequestFor(service_, *found, fields, thing().name()); }};
  }
  std::vector<RequestCase> Cases() {
    const auto after = [this](int steps) { return [=, this] { return After(steps); }; };
    const std::string photo =
        "photos {uri: 'p/1' sha256: '" + std::string(32, 's') + "' kind: KIND_AFTER size_bytes: 9} ";
    const std::string place = "{latitude: 30.3 longitude: 119.963} ";
    return {
        On(
            "OpenCase", kCollector, [] { return v1::Case(); },
            "source: REPORT_SOURCE_COLLECTOR class_code: 'E0110' text: 'x' reported_at {seconds: 1794967000} "
            "location " +
                place + photo),
        On("AcceptCase", kRegistrar, after(0), ""),
        On("StartVerification", kRegistrar, after(1), ""),
        On(
            "RecordVerification", kCollector, [this] { return Verifying(); },
            "result: VERIFICATION_RESULT_EXISTS note: 'x' " + photo),
        On("RegisterCase", kRegistrar, after(1), "class_code: 'E0110' condition_id: '1' corrected_location " + place),
        On("DeclineCase", kRegistrar, after(1),
           "ground: DECLINE_GROUND_DUPLICATE note: 'x' referral: 'x' duplicate_of: 'cases/c-01aaaaaaaaaaaaaaaa'"),
        On("DispatchCase", kDispatcher, after(2), "override_unit: 'u-roads' override_reason: 'x'"),
        On("SignCase", kWorker, after(3), ""),
        On("StartDisposal", kWorker, after(4), ""),
        On("SubmitFeedback", kWorker, after(5), "note: 'x' " + photo),
        On("ReturnCase", kWorker, after(4), "duty_entry: 'duty-03' note: 'x' site_secured: true"),
        On(
            "JudgeReturn", kDispatcher, [this] { return Returned(); }, "verdict: RETURN_VERDICT_WRONGFUL note: 'x'"),
        On("InspectCase", kInspector, after(6), "passed: true note: 'x' " + photo),
        On("RevisitCase", kRegistrar, after(7), "rating: RATING_SATISFIED solved: true contacted_in_time: true"),
        On("RequestExtension", kWorker, after(5), "note: 'x'"),
        On(
            "DecideExtension", kDispatcher, [this] { return AskedToWait(); }, "approved: true note: 'x'"),
        On("PostponeCase", kLeader, after(5), "note: 'x' until {seconds: 1795572000}"),
        On("UrgeCase", kDispatcher, after(3), "note: 'x'"),
        On("GetCase", kRegistrar, after(0), ""),
        On("ExplainCase", kRegistrar, after(0), ""),
        On("ListCases", kRegistrar, after(0),
           "page_size: 3 status: CASE_STATUS_REPORTED unit: 'u-sanitation' grid: '990101001001001'")};
  }
};

TEST_F(CasesOnTheirWay, NoFieldTakesWhatNobodyShouldSend) {
  EXPECT_THAT(WrongAnswersToFields(service_, "civicmesh.dispatch.v1.DispatchService", Rules(), Cases()), IsEmpty());
}

TEST_F(DispatchRpcTest, APostNamesTheSourcesThatItKnows) {
  using namespace civicmesh::type::v1;  // NOLINT(google-build-using-namespace): the sources
  const std::set<int> told = {REPORT_SOURCE_HOTLINE_12345, REPORT_SOURCE_LEADER, REPORT_SOURCE_MEDIA,
                              REPORT_SOURCE_DEPARTMENT, REPORT_SOURCE_INSPECTION};
  std::set<int> heard = told;
  heard.insert(REPORT_SOURCE_SENSOR);
  const std::map<std::string, std::set<int>> known = {
      {"COLLECTOR", {REPORT_SOURCE_COLLECTOR, REPORT_SOURCE_INSPECTION}},
      {"REGISTRAR", told},
      {"SHIFT_LEADER", told},
      {"GATEWAY", heard}};
  const auto* method = v1::OpenCaseRequest::descriptor()->file()->service(0)->FindMethodByName("OpenCase");
  const auto* sources = google::protobuf::GetEnumDescriptor<ReportSource>();
  for (const auto& [post, named] : NamedPosts(*method))
    for (int s = 0; named && s < sources->value_count(); ++s) {
      ASSERT_TRUE(known.count(post)) << "nobody has decided what " << post << " may name";
      v1::OpenCaseRequest request = NewOpening();
      request.set_source(static_cast<ReportSource>(sources->value(s)->number()));
      v1::Case c;
      const auto status = Call({.subject = "one-" + post, .posts = Posts({post.c_str()})}, 0,
                               &v1::DispatchService::Stub::OpenCase, request, &c);
      EXPECT_EQ(status.ok(), known.at(post).count(request.source()) > 0) << post << " " << sources->value(s)->name();
    }
}

}  // namespace
}  // namespace civicmesh::dispatch
