// The process is killed again and again while more citizens than there are places sign up for activities in several
// shards, on the real Kafka and Redis: every answer given holds, and no activity has a sign-up more or less than it has
// places.
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "civicmesh/volunteering/v1/volunteering_service.grpc.pb.h"
#include "gmock/gmock.h"
#include "services/runtime/base/person_tokens.h"
#include "services/runtime/decider/posts_for_tests.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/service_to_kill_for_tests.h"

namespace civicmesh::volunteering {
namespace {

using Stub = v1::VolunteeringService::Stub;

constexpr int kShards = 8, kActivities = 4, kCitizens = 40, kPlaces = 15, kThreads = 8, kKills = 2;
const ActorView kOrganiser{.subject = "organiser-01", .posts = Posts({"ORGANISER"})};

class VolunteeringKill : public testing::Test {
 protected:
  std::unique_ptr<Stub> Connect() const { return v1::VolunteeringService::NewStub(service_.Connect()); }

  std::string Publish(Stub& stub) {
    v1::PublishActivityRequest request;
    request.set_request_id(service_.NewRequestId());
    request.set_title_zh("文明劝导");
    request.set_place_zh("学林街路口");
    request.mutable_location()->set_latitude(30);
    request.mutable_starts_at()->set_seconds(absl::ToUnixSeconds(absl::Now()) + 86400);
    request.mutable_ends_at()->set_seconds(request.starts_at().seconds() + 7200);
    request.set_capacity(kPlaces);
    request.set_risks_zh("车流较大");
    v1::Activity activity;
    const auto status = service_.Call(stub, kOrganiser, &Stub::PublishActivity, request, &activity);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return activity.name();
  }
  // "" where the citizen is in, else the reason.
  std::string SignUp(Stub& stub, const std::string& activity, int citizen) {
    const ActorView caller{.subject = absl::StrCat("citizen-", citizen), .posts = Posts({"CITIZEN"})};
    v1::SignUpRequest request;
    request.set_name(activity);
    request.set_request_id(service_.NewRequestId());
    request.set_age_band(v1::AGE_BAND_ADULT);
    v1::ServiceRecord record;
    const auto status = service_.Call(stub, caller, &Stub::SignUp, request, &record);
    return status.ok() ? "" : absl::StrCat(ReasonOf(status), " ", status.error_message());
  }
  std::set<std::string> Listed(Stub& stub, const std::string& activity) {
    v1::ListServiceRecordsRequest request;
    request.set_parent(activity);
    v1::ListServiceRecordsResponse response;
    const auto status = service_.Call(stub, kOrganiser, &Stub::ListServiceRecords, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::set<std::string> tokens;
    for (const auto& record : response.service_records()) tokens.insert(record.volunteer_token());
    EXPECT_EQ(tokens.size(), static_cast<size_t>(response.service_records_size()));
    return tokens;
  }

  ServiceToKill service_{SERVICE, "volunteering", kShards};
};

TEST_F(VolunteeringKill, EveryAnswerHoldsAndNoPlaceIsGivenTwice) {
  std::vector<std::string> activities;
  auto stub = Connect();
  for (int i = 0; i < kActivities; ++i) activities.push_back(Publish(*stub));

  std::atomic<int> next{0}, answered{0};
  std::map<std::pair<int, int>, std::string> answers;  // by activity and citizen; each thread writes its own
  for (int i = 0; i < kActivities * kCitizens; ++i) answers[{i % kActivities, i / kActivities}] = "";
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&] {
      auto own = Connect();
      for (int i = next++; i < kActivities * kCitizens; i = next++) {
        const int activity = i % kActivities, citizen = i / kActivities;
        answers[{activity, citizen}] = SignUp(*own, activities[activity], citizen);
        ++answered;
      }
    });
  // In the middle of the first places, and around the last ones.
  for (int kill = 1; kill <= kKills; ++kill) {
    while (answered < kill * kActivities * kPlaces / kKills && next < kActivities * kCitizens)
      std::this_thread::yield();
    service_.Kill();
    service_.Spawn();
  }
  for (auto& thread : threads) thread.join();

  for (int a = 0; a < kActivities; ++a) {
    std::set<std::string> in;
    for (int citizen = 0; citizen < kCitizens; ++citizen) {
      const std::string& answer = answers[{a, citizen}];
      if (answer.empty())
        in.insert(PersonTokens(PersonTokens::kDevelopmentKey).Of(absl::StrCat("citizen-", citizen)));
      else
        EXPECT_THAT(answer, testing::StartsWith("REASON_FULL"));
    }
    EXPECT_EQ(in.size(), static_cast<size_t>(kPlaces));
    EXPECT_EQ(Listed(*stub, activities[a]), in);
  }
}

}  // namespace
}  // namespace civicmesh::volunteering
