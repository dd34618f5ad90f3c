// The process is killed again and again while more citizens than there are places sign up for activities in several
// shards, on the real Kafka and Redis: every answer given holds, and no activity has a sign-up more or less than it has
// places.
#include <grpcpp/grpcpp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "civicmesh/volunteering/v1/volunteering_service.grpc.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/journal/kafka_topics.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/test_tokens.h"

namespace civicmesh::volunteering {
namespace {

using Stub = v1::VolunteeringService::Stub;

constexpr int kShards = 8, kActivities = 4, kCitizens = 40, kPlaces = 15, kThreads = 8, kKills = 2;
constexpr char kOrganiser[] = "organiser-01";
// The bound is only for a test that fails.
constexpr absl::Duration kPatience = absl::Seconds(90);

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  EXPECT_NE(value, nullptr) << name << " is not set: tests/run sets it";
  return value ? value : "";
}

class VolunteeringKill : public testing::Test {
 protected:
  void SetUp() override {
    auto made = CreateTopics({.brokers = broker_, .domain = "volunteering", .shards = kShards}, {});
    ASSERT_TRUE(made.ok()) << made;
    std::ofstream(jwks_) << issuer_.Jwks();
    Spawn();
  }
  void TearDown() override {
    Kill();
    unlink(jwks_.c_str());
    unlink(socket_.substr(5).c_str());
  }

  void Spawn() {
    const std::string kafka = "--kafka=" + broker_, redis = "--redis=unix:" + Environment("CIVICMESH_TEST_REDIS"),
                      listen = "--listen=" + socket_, jwks = "--jwks=" + jwks_,
                      shards = absl::StrCat("--shards=", kShards);
    pid_ = fork();
    if (pid_ == 0) {
      execl(SERVICE, SERVICE, kafka.c_str(), redis.c_str(), listen.c_str(), jwks.c_str(), shards.c_str(), "--issuer=i",
            "--audience=a", nullptr);
      _exit(127);
    }
  }
  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(std::exchange(pid_, 0), nullptr, 0);
  }

  std::unique_ptr<Stub> Connect() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
    return v1::VolunteeringService::NewStub(
        grpc::CreateCustomChannel(socket_, grpc::InsecureChannelCredentials(), arguments));
  }
  // As a client does it: unknown is asked again, with the same request_id.
  template <typename Request, typename Response>
  grpc::Status Call(Stub& stub, const std::string& subject, const std::string& role,
                    grpc::Status (Stub::*rpc)(grpc::ClientContext*, const Request&, Response*), const Request& request,
                    Response* response) {
    const std::string token = issuer_.Token({{"iss", "i"},
                                             {"aud", "a"},
                                             {"sub", subject},
                                             {"exp", absl::ToUnixSeconds(absl::Now()) + 300},
                                             {"roles", {role}}});
    const absl::Time until = absl::Now() + kPatience;
    grpc::Status status;
    do {
      grpc::ClientContext context;
      context.set_wait_for_ready(true);
      context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(5)));
      context.AddMetadata("authorization", "Bearer " + token);
      status = (stub.*rpc)(&context, request, response);
    } while (absl::Now() < until && (status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                                     status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED));
    return status;
  }
  std::string NewRequestId() {
    const int64_t ms = absl::ToUnixMillis(absl::Now());
    return absl::StrFormat("%08x-%04x-7000-8000-%012x", ms >> 16, ms & 0xffff, ++requests_);
  }

  std::string Publish(Stub& stub) {
    v1::PublishActivityRequest request;
    request.set_request_id(NewRequestId());
    request.set_title_zh("文明劝导");
    request.set_place_zh("学林街路口");
    request.mutable_location()->set_latitude(30);
    request.mutable_starts_at()->set_seconds(absl::ToUnixSeconds(absl::Now()) + 86400);
    request.mutable_ends_at()->set_seconds(request.starts_at().seconds() + 7200);
    request.set_capacity(kPlaces);
    request.set_risks_zh("车流较大");
    v1::Activity activity;
    const auto status = Call(stub, kOrganiser, "ORGANISER", &Stub::PublishActivity, request, &activity);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return activity.name();
  }
  // "" where the citizen is in, else the reason.
  std::string SignUp(Stub& stub, const std::string& activity, int citizen) {
    v1::SignUpRequest request;
    request.set_name(activity);
    request.set_request_id(NewRequestId());
    request.set_age_band(v1::AGE_BAND_ADULT);
    v1::ServiceRecord record;
    const auto status = Call(stub, absl::StrCat("citizen-", citizen), "CITIZEN", &Stub::SignUp, request, &record);
    return status.ok() ? "" : absl::StrCat(ReasonOf(status), " ", status.error_message());
  }
  std::set<std::string> Listed(Stub& stub, const std::string& activity) {
    v1::ListServiceRecordsRequest request;
    request.set_parent(activity);
    v1::ListServiceRecordsResponse response;
    const auto status = Call(stub, kOrganiser, "ORGANISER", &Stub::ListServiceRecords, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::set<std::string> tokens;
    for (const auto& record : response.service_records()) tokens.insert(record.volunteer_token());
    EXPECT_EQ(tokens.size(), static_cast<size_t>(response.service_records_size()));
    return tokens;
  }

  const std::string broker_ = Environment("CIVICMESH_TEST_BROKER");
  const std::string name_ = absl::StrCat("volunteering", std::random_device()());
  const std::string jwks_ = absl::StrCat(testing::TempDir(), "/", name_, ".json");
  const std::string socket_ = absl::StrCat("unix:/tmp/", name_, ".sock");
  TestIssuer issuer_;
  std::atomic<int> requests_{0};
  pid_t pid_ = 0;
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
    Kill();
    Spawn();
  }
  for (auto& thread : threads) thread.join();

  for (int a = 0; a < kActivities; ++a) {
    std::set<std::string> in;
    for (int citizen = 0; citizen < kCitizens; ++citizen) {
      const std::string& answer = answers[{a, citizen}];
      if (answer.empty())
        in.insert(PersonToken(absl::StrCat("citizen-", citizen)));
      else
        EXPECT_THAT(answer, testing::StartsWith("REASON_FULL"));
    }
    EXPECT_EQ(in.size(), static_cast<size_t>(kPlaces));
    EXPECT_EQ(Listed(*stub, activities[a]), in);
  }
}

}  // namespace
}  // namespace civicmesh::volunteering
