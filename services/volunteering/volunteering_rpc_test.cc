// The whole service over the in-memory twins: who may call what, what callers see, and many at once.
#include "services/volunteering/volunteering_rpc.h"
#include "services/runtime/decider/posts_for_tests.h"

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "civicmesh/volunteering/v1/volunteering_service.grpc.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/rpc/access_for_tests.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/fields_for_tests.h"
#include "services/runtime/rpc/service_for_tests.h"
#include "services/volunteering/domain/shard.h"

namespace civicmesh::volunteering {
namespace {

constexpr char kDayBefore[] = "2026-11-17T10:00:00+08:00", kMorning[] = "2026-11-18T09:00:00+08:00",
               kStart[] = "2026-11-18T14:00:00+08:00", kLater[] = "2026-11-18T15:30:00+08:00",
               kEvening[] = "2026-11-18T18:00:00+08:00";
constexpr int64_t kStartsAt = 1794981600, kTwoHours = 7200;

const ActorView kOrganiser{.subject = "organiser-01", .posts = Posts({"ORGANISER"})};
const ActorView kOther{.subject = "organiser-02", .posts = Posts({"ORGANISER"})};
const ActorView kNobody;
ActorView Citizen(int n) { return {.subject = absl::StrCat("citizen-", n), .posts = Posts({"CITIZEN"})}; }

class VolunteeringRpcTest : public testing::Test {
 protected:
  using Stub = v1::VolunteeringService::StubInterface;
  template <typename Request, typename Response>
  using Method = grpc::Status (Stub::*)(grpc::ClientContext*, const Request&, Response*);

  void SetUp() override { stub_ = v1::VolunteeringService::NewStub(service_.Channel()); }

  // The reason of a refusal, "" where it went well.
  template <typename Request, typename Response>
  std::string Call(Method<Request, Response> method, const ActorView& actor, const std::string& time,
                   const Request& request, Response* response) {
    response->Clear();
    const grpc::Status status = ((*stub_).*method)(service_.As(actor, time).get(), request, response);
    const std::string reason = ReasonOf(status);
    return status.ok() ? "" : reason.empty() ? status.error_message() : reason;
  }

  v1::PublishActivityRequest ToPublish(int capacity, int64_t starts_at = kStartsAt) {
    v1::PublishActivityRequest request;
    request.set_request_id(service_.NewRequestId());
    request.set_title_zh("文明劝导");
    request.set_place_zh("学林街路口");
    request.mutable_location()->set_latitude(30.29);
    request.mutable_location()->set_longitude(119.97);
    request.mutable_starts_at()->set_seconds(starts_at);
    request.mutable_ends_at()->set_seconds(starts_at + kTwoHours);
    request.set_capacity(capacity);
    request.set_risks_zh("车流较大");
    return request;
  }
  v1::Activity Publish(int capacity, int64_t starts_at = kStartsAt) {
    v1::Activity activity;
    EXPECT_EQ(Call(&Stub::PublishActivity, kOrganiser, kDayBefore, ToPublish(capacity, starts_at), &activity), "");
    return activity;
  }
  v1::SignUpRequest ToSignUp(const std::string& activity) {
    v1::SignUpRequest request;
    request.set_name(activity);
    request.set_request_id(service_.NewRequestId());
    request.set_age_band(v1::AGE_BAND_ADULT);
    return request;
  }
  v1::ServiceRecord SignUp(const std::string& activity, int citizen) {
    v1::ServiceRecord record;
    EXPECT_EQ(Call(&Stub::SignUp, Citizen(citizen), kDayBefore, ToSignUp(activity), &record), "");
    return record;
  }
  template <typename Request>
  Request On(const std::string& record) {
    Request request;
    request.set_name(record);
    request.set_request_id(service_.NewRequestId());
    return request;
  }
  std::string GetRecord(const ActorView& actor, const std::string& name, v1::ServiceRecord* record) {
    v1::GetServiceRecordRequest request;
    request.set_name(name);
    return Call(&Stub::GetServiceRecord, actor, "", request, record);
  }
  v1::Activity GetActivity(const std::string& name) {
    v1::GetActivityRequest request;
    request.set_name(name);
    v1::Activity activity;
    EXPECT_EQ(Call(&Stub::GetActivity, kNobody, "", request, &activity), "");
    return activity;
  }
  // All pages.
  std::vector<v1::ServiceRecord> Records(const ActorView& actor, const std::string& parent, int page_size) {
    v1::ListServiceRecordsRequest request;
    request.set_parent(parent);
    request.set_page_size(page_size);
    std::vector<v1::ServiceRecord> all;
    do {
      v1::ListServiceRecordsResponse response;
      EXPECT_EQ(Call(&Stub::ListServiceRecords, actor, "", request, &response), "");
      EXPECT_LE(response.service_records_size(), page_size);
      all.insert(all.end(), response.service_records().begin(), response.service_records().end());
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return all;
  }
  std::vector<std::string> Activities(const std::string& organiser, int page_size) {
    v1::ListActivitiesRequest request;
    request.set_organiser(organiser);
    request.set_page_size(page_size);
    std::vector<std::string> names;
    do {
      v1::ListActivitiesResponse response;
      EXPECT_EQ(Call(&Stub::ListActivities, kNobody, "", request, &response), "");
      for (const auto& activity : response.activities()) names.push_back(activity.name());
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return names;
  }

  ServiceForTests service_{{.domain = "volunteering",
                            .machines = MakeShard,
                            .services = [](const ServiceContext& s) { return std::vector{MakeVolunteeringRpc(s)}; }},
                           /*shards=*/4};
  std::unique_ptr<Stub> stub_;
};

TEST_F(VolunteeringRpcTest, FromSignUpToConfirmedMinutes) {
  const v1::Activity activity = Publish(2);
  EXPECT_EQ(activity.status(), v1::ACTIVITY_STATUS_PUBLISHED);
  EXPECT_EQ(activity.organiser(), "organiser-01");
  v1::ServiceRecord record = SignUp(activity.name(), 1);
  EXPECT_EQ(record.name(), absl::StrCat(activity.name(), "/serviceRecords/", service_.persons().Of("citizen-1")));
  EXPECT_EQ(record.status(), v1::SERVICE_STATUS_SIGNED_UP);
  EXPECT_EQ(record.title_zh(), "文明劝导");
  EXPECT_EQ(GetActivity(activity.name()).signed_up(), 1);
  EXPECT_NE(GetActivity(activity.name()).etag(), activity.etag());

  const std::string name = record.name();
  EXPECT_EQ(Call(&Stub::CheckIn, Citizen(1), kStart, On<v1::CheckInRequest>(name), &record), "");
  EXPECT_EQ(record.status(), v1::SERVICE_STATUS_CHECKED_IN);
  EXPECT_EQ(Call(&Stub::CheckOut, kOrganiser, kLater, On<v1::CheckOutRequest>(name), &record), "");
  EXPECT_EQ(record.recorded_minutes(), 90);
  auto confirm = On<v1::ConfirmServiceRequest>(name);
  confirm.set_minutes(80);
  confirm.set_etag("1");
  EXPECT_EQ(Call(&Stub::ConfirmService, kOrganiser, kEvening, confirm, &record), "REASON_ETAG_MISMATCH");
  confirm = On<v1::ConfirmServiceRequest>(name);
  confirm.set_minutes(80);
  ASSERT_EQ(GetRecord(kOrganiser, name, &record), "");
  confirm.set_etag(record.etag());
  EXPECT_EQ(Call(&Stub::ConfirmService, kOrganiser, kEvening, confirm, &record), "");
  EXPECT_EQ(record.status(), v1::SERVICE_STATUS_CONFIRMED);
  EXPECT_EQ(record.confirmed_minutes(), 80);
  // A retry gets the same answer, another intention is refused.
  EXPECT_EQ(Call(&Stub::ConfirmService, kOrganiser, kEvening, confirm, &record), "");
  EXPECT_EQ(record.confirmed_minutes(), 80);
  confirm.set_request_id(service_.NewRequestId());
  confirm.clear_etag();
  EXPECT_EQ(Call(&Stub::ConfirmService, kOrganiser, kEvening, confirm, &record), "REASON_ALREADY_CONFIRMED");
}

// With a token of a citizens' app, which gives a citizen's rights whatever posts its holder has.
TEST_F(VolunteeringRpcTest, AnOrganiserSignsUpForOthersActivitiesAlone) {
  const ActorView at_home{.subject = kOrganiser.subject, .posts = Posts({"CITIZEN"})};
  const ActorView another{.subject = "organiser-02", .posts = Posts({"ORGANISER"})};
  v1::ServiceRecord record;
  EXPECT_EQ(Call(&Stub::SignUp, at_home, kDayBefore, ToSignUp(Publish(2).name()), &record), "REASON_OWN_ACTIVITY");
  v1::Activity others;
  ASSERT_EQ(Call(&Stub::PublishActivity, another, kDayBefore, ToPublish(2, kStartsAt), &others), "");
  EXPECT_EQ(Call(&Stub::SignUp, at_home, kDayBefore, ToSignUp(others.name()), &record), "");
}

TEST_F(VolunteeringRpcTest, FiftyAtOnceForEightPlaces) {
  const std::string activity = Publish(8).name();
  constexpr int kCitizens = 50;
  struct One {
    std::unique_ptr<grpc::ClientContext> context;
    v1::SignUpRequest request;
    v1::ServiceRecord record;
    grpc::Status status;
  };
  std::vector<One> all(kCitizens);
  absl::BlockingCounter done(kCitizens);
  for (int i = 0; i < kCitizens; ++i) {
    One& one = all[i];
    one.context = service_.As(Citizen(i), kDayBefore);
    one.request = ToSignUp(activity);
  }
  for (One& one : all)
    stub_->async()->SignUp(one.context.get(), &one.request, &one.record, [&one, &done](grpc::Status status) {
      one.status = std::move(status);
      done.DecrementCount();
    });
  done.Wait();
  std::vector<std::string> in;
  for (const One& one : all) {
    if (one.status.ok())
      in.push_back(one.record.name());
    else
      EXPECT_EQ(ReasonOf(one.status), "REASON_FULL") << one.status.error_message();
  }
  EXPECT_EQ(in.size(), 8u);

  const auto listed = [&] {
    std::vector<std::string> names;
    for (const auto& record : Records(kOrganiser, activity, 3)) names.push_back(record.name());
    return names;
  };
  EXPECT_THAT(listed(), testing::UnorderedElementsAreArray(in));
  EXPECT_EQ(GetActivity(activity).signed_up(), 8);
  // The log remembers it all.
  service_.Restart(/*wipe=*/true);
  stub_ = v1::VolunteeringService::NewStub(service_.Channel());
  EXPECT_THAT(listed(), testing::UnorderedElementsAreArray(in));
  EXPECT_EQ(GetActivity(activity).signed_up(), 8);
}

TEST_F(VolunteeringRpcTest, WhoVolunteersIsShownToThemAndTheOrganiserAlone) {
  const std::string activity = Publish(8).name();
  const std::string one = SignUp(activity, 1).name();
  SignUp(activity, 2);
  v1::ServiceRecord record;
  EXPECT_EQ(GetRecord(Citizen(1), one, &record), "");
  EXPECT_EQ(GetRecord(kOrganiser, one, &record), "");
  EXPECT_EQ(GetRecord(Citizen(2), one, &record), "REASON_RECORD_NOT_FOUND");
  EXPECT_EQ(GetRecord(kOther, one, &record), "REASON_RECORD_NOT_FOUND");
  EXPECT_EQ(
      GetRecord(Citizen(3), absl::StrCat(activity, "/serviceRecords/", service_.persons().Of("citizen-3")), &record),
      "REASON_RECORD_NOT_FOUND");
  EXPECT_EQ(GetRecord(kNobody, one, &record), "REASON_UNAUTHENTICATED");
  EXPECT_EQ(Records(kOrganiser, activity, 50).size(), 2u);
  EXPECT_EQ(Records(Citizen(2), activity, 50).size(), 1u);
  EXPECT_EQ(Records(kOther, activity, 50).size(), 0u);
  EXPECT_EQ(Call(&Stub::CheckIn, Citizen(2), kStart, On<v1::CheckInRequest>(one), &record), "REASON_RECORD_NOT_FOUND");
  EXPECT_EQ(Call(&Stub::CheckIn, kOther, kStart, On<v1::CheckInRequest>(one), &record), "REASON_RECORD_NOT_FOUND");
  EXPECT_EQ(Call(&Stub::SignUp, kOther, kDayBefore, ToSignUp(activity), &record), "REASON_PERMISSION_DENIED");
  v1::Activity published;
  EXPECT_EQ(Call(&Stub::PublishActivity, Citizen(1), kDayBefore, ToPublish(1), &published), "REASON_PERMISSION_DENIED");
}

TEST_F(VolunteeringRpcTest, OwnRecordsOverAllShardsTheLatestActivityFirst) {
  std::vector<std::string> records;
  for (int day = 0; day < 12; ++day) records.push_back(SignUp(Publish(8, kStartsAt + day * 86400).name(), 1).name());
  v1::ServiceRecord cancelled;
  EXPECT_EQ(Call(&Stub::CancelSignUp, Citizen(1), kMorning, On<v1::CancelSignUpRequest>(records[3]), &cancelled), "");
  EXPECT_EQ(cancelled.status(), v1::SERVICE_STATUS_CANCELLED);
  SignUp(Publish(8).name(), 2);

  const auto own = Records(Citizen(1), "activities/-", 5);
  ASSERT_EQ(own.size(), records.size());
  for (size_t i = 0; i < own.size(); ++i) EXPECT_EQ(own[i].name(), records[own.size() - 1 - i]);
  EXPECT_EQ(own[8].status(), v1::SERVICE_STATUS_CANCELLED);
  EXPECT_TRUE(Records(kOrganiser, "activities/-", 5).empty());
}

TEST_F(VolunteeringRpcTest, ListsWhatHasNotEndedAndAllOfAnOrganiser) {
  std::vector<std::string> names;
  for (int day = 0; day < 7; ++day) names.push_back(Publish(8, kStartsAt + day * 86400).name());
  v1::ServiceRecord record = SignUp(names[2], 1);
  v1::Activity activity;
  EXPECT_EQ(Call(&Stub::CancelActivity, kOrganiser, kMorning, On<v1::CancelActivityRequest>(names[2]), &activity), "");
  EXPECT_EQ(activity.status(), v1::ACTIVITY_STATUS_CANCELLED);
  EXPECT_EQ(activity.signed_up(), 0);
  const std::string called_off = record.name();
  EXPECT_EQ(GetRecord(Citizen(1), called_off, &record), "");
  EXPECT_EQ(record.status(), v1::SERVICE_STATUS_CANCELLED);
  // The first one's end comes with the next command of its shard.
  EXPECT_EQ(Call(&Stub::SignUp, Citizen(1), kEvening, ToSignUp(names[0]), &record), "REASON_TOO_LATE");
  EXPECT_EQ(GetActivity(names[0]).status(), v1::ACTIVITY_STATUS_ENDED);

  EXPECT_THAT(Activities("", 2), testing::ElementsAre(names[1], names[3], names[4], names[5], names[6]));
  const std::vector<std::string> latest_first(names.rbegin(), names.rend());
  EXPECT_EQ(Activities("organiser-01", 3), latest_first);
  EXPECT_TRUE(Activities("organiser-02", 3).empty());
}

TEST_F(VolunteeringRpcTest, RefusesWhatNamesNothing) {
  v1::ServiceRecord record;
  v1::Activity activity;
  for (const std::string name :
       {"", "activities/-", "activities/v-zz00000000000000000", "activities/v-0000000000000000"}) {
    EXPECT_EQ(Call(&Stub::SignUp, Citizen(1), kDayBefore, ToSignUp(name), &record), "REASON_ACTIVITY_NOT_FOUND");
    EXPECT_EQ(Call(&Stub::CheckIn, Citizen(1), kDayBefore, On<v1::CheckInRequest>(name), &record),
              "REASON_RECORD_NOT_FOUND");
    v1::GetActivityRequest get;
    get.set_name(name);
    EXPECT_EQ(Call(&Stub::GetActivity, kNobody, "", get, &activity), "REASON_ACTIVITY_NOT_FOUND");
  }
  v1::ListServiceRecordsRequest list;
  list.set_parent(Publish(1).name());
  list.set_page_size(-1);
  v1::ListServiceRecordsResponse records;
  EXPECT_EQ(Call(&Stub::ListServiceRecords, kOrganiser, "", list, &records), "REASON_INVALID_ARGUMENT");
  list.set_page_size(1);
  list.set_page_token("made up");
  EXPECT_EQ(Call(&Stub::ListServiceRecords, kOrganiser, "", list, &records), "REASON_BAD_PAGE_TOKEN");
  // A personal number in a text never reaches the log: the same request_id is free for the corrected text.
  v1::PublishActivityRequest publish = ToPublish(1);
  publish.set_title_zh("电话13800000000");
  EXPECT_EQ(Call(&Stub::PublishActivity, kOrganiser, kDayBefore, publish, &activity), "REASON_PERSONAL_DATA_IN_TEXT");
  publish.set_title_zh("劝导");
  EXPECT_EQ(Call(&Stub::PublishActivity, kOrganiser, kDayBefore, publish, &activity), "");
}

TEST_F(VolunteeringRpcTest, OnlyPostsThatAnRpcNamesMayCallIt) {
  EXPECT_THAT(WrongAnswersToPosts(service_, "civicmesh.volunteering.v1.VolunteeringService"), testing::IsEmpty());
}

TEST_F(VolunteeringRpcTest, AnothersThingIsAnsweredAsOneThatIsNotThere) {
  const std::string mine = Publish(5).name(), record = SignUp(mine, 1).name(), neighbours = SignUp(mine, 2).name();
  v1::Activity others;
  ASSERT_EQ(Call(&Stub::PublishActivity, kOther, kDayBefore, ToPublish(5), &others), "");
  const std::string foreign = SignUp(others.name(), 3).name();
  int tried = 0;
  const auto* rpcs = v1::GetActivityRequest::descriptor()->file()->service(0);
  for (int m = 0; m < rpcs->method_count(); ++m) {
    const auto* method = rpcs->method(m);
    for (const std::string& post : PostsWithScope(*method, Scope::kOwn)) {
      const bool organiser = post == "ORGANISER";
      // Everybody may see an activity: whose it is is no secret. Its records may be listed: one finds those within
      // reach.
      if (method->name() == "CancelActivity" || method->name() == "ListServiceRecords") continue;
      std::string nowhere = record;
      nowhere.back() = nowhere.back() == 'a' ? 'b' : 'a';
      ++tried;
      EXPECT_EQ(
          WrongAnswersToObjects(
              service_, {.method = method,
                         .actor = organiser ? kOrganiser : Citizen(1),
                         .time = kDayBefore,
                         .request = [&](const std::string& name) { return RequestFor(service_, *method, "", name); },
                         .within = record,
                         .beyond = organiser ? foreign : neighbours,
                         .nowhere = nowhere}),
          "");
    }
  }
  EXPECT_GE(tried, 8);
}

// What may stand in the fields of volunteering's requests (proto/civicmesh/volunteering/v1/volunteering_service.proto).
const FieldRules kRules = {{"PublishActivityRequest.title_zh", Words(100)},
                           {"PublishActivityRequest.place_zh", Words(100)},
                           {"PublishActivityRequest.starts_at", Time(/*past=*/false, /*future=*/false)},
                           {"PublishActivityRequest.ends_at", Time(/*past=*/false, /*future=*/false)},
                           {"PublishActivityRequest.capacity", Number(1, 500)},
                           {"PublishActivityRequest.minimum_age", Number(0, 18)},
                           {"PublishActivityRequest.risks_zh", Words(500)},
                           {"PublishActivityRequest.personal_danger", Flag()},
                           {"PublishActivityRequest.insured", Flag()},
                           {"GeoPoint.latitude", Degrees(90)},
                           {"GeoPoint.longitude", Degrees(180)},
                           {"CancelActivityRequest.name", Name()},
                           {"GetActivityRequest.name", Name()},
                           {"ListActivitiesRequest.organiser", Free("only looked for")},
                           {"SignUpRequest.name", Name()},
                           {"SignUpRequest.age_band", Value()},
                           {"SignUpRequest.guardian_consent", Flag()},
                           {"CancelSignUpRequest.name", Name()},
                           {"CheckInRequest.name", Name()},
                           {"CheckOutRequest.name", Name()},
                           {"ConfirmServiceRequest.name", Name()},
                           {"ConfirmServiceRequest.minutes", Number(1, 90)},
                           {"GetServiceRecordRequest.name", Name()},
                           {"ListServiceRecordsRequest.parent", Name()}};

TEST_F(VolunteeringRpcTest, NoFieldTakesWhatNobodyShouldSend) {
  // Time goes on only: what happens before is done first, and all is tried while the activity goes on.
  const std::string activity = Publish(100).name();
  std::vector<std::string> signed_up, checked_in, checked_out;
  const auto take = [](std::vector<std::string>* from) {
    const std::string name = from->back();
    from->pop_back();
    return name;
  };
  v1::ServiceRecord record;
  for (int i = 0; i < 40; ++i) signed_up.push_back(SignUp(activity, i).name());
  for (int i = 0; i < 20; ++i) {
    checked_in.push_back(take(&signed_up));
    EXPECT_EQ(Call(&Stub::CheckIn, kOrganiser, kStart, On<v1::CheckInRequest>(checked_in.back()), &record), "");
  }
  for (int i = 0; i < 10; ++i) {
    checked_out.push_back(take(&checked_in));
    EXPECT_EQ(Call(&Stub::CheckOut, kOrganiser, kLater, On<v1::CheckOutRequest>(checked_out.back()), &record), "");
  }
  const auto tomorrow = [this] { return Publish(3, kStartsAt + 86400).name(); };
  const auto on = [this](const std::string& method, const ActorView& actor, std::function<std::string()> name,
                         const std::string& fields) {
    const auto* found = v1::GetActivityRequest::descriptor()->file()->service(0)->FindMethodByName(method);
    return RequestCase{method, actor, kLater, [=, this] { return RequestFor(service_, *found, fields, name()); }};
  };
  const auto it = [&] { return activity; };
  EXPECT_THAT(WrongAnswersToFields(
                  service_, "civicmesh.volunteering.v1.VolunteeringService", kRules,
                  {on("PublishActivity", kOrganiser, it,
                      "title_zh: 'x' place_zh: 'x' location {latitude: 30.29 longitude: 119.97} starts_at {seconds: "
                      "1795068000} "
                      "ends_at {seconds: 1795075200} capacity: 3 minimum_age: 18 risks_zh: 'x' personal_danger: true "
                      "insured: true"),
                   on("CancelActivity", kOrganiser, tomorrow, ""), on("GetActivity", kNobody, it, ""),
                   on("ListActivities", kNobody, it, "page_size: 3 organiser: 'organiser-01'"),
                   on("SignUp", Citizen(70), tomorrow, "age_band: AGE_BAND_ADULT guardian_consent: true"),
                   on(
                       "CancelSignUp", Citizen(71), [&] { return SignUp(tomorrow(), 71).name(); }, ""),
                   on(
                       "GetServiceRecord", kOrganiser, [&] { return take(&signed_up); }, ""),
                   on("ListServiceRecords", kOrganiser, it, "page_size: 3"),
                   on(
                       "CheckIn", kOrganiser, [&] { return take(&signed_up); }, ""),
                   on(
                       "CheckOut", kOrganiser, [&] { return take(&checked_in); }, ""),
                   on(
                       "ConfirmService", kOrganiser, [&] { return take(&checked_out); }, "minutes: 1")}),
              testing::IsEmpty());
}

}  // namespace
}  // namespace civicmesh::volunteering
