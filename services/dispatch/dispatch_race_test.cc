// Two replicas share the shards and are killed in turn, while reports of the same things come in from all shards of
// intake and two registrars, each at a replica of its own, take up every case at once, on the real Kafka and Redis: one
// case per thing, which answers each of its reports once; one registrar per step; no case number twice; and every
// answer holds.
#include <grpcpp/grpcpp.h>

#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "civicmesh/dispatch/v1/dispatch_service.grpc.pb.h"
#include "gmock/gmock.h"
#include "services/dispatch/dispatch_geometry.h"
#include "services/dispatch/domain/cases_for_tests.h"
#include "services/dispatch/report_facts_for_tests.h"
#include "services/runtime/base/names.h"
#include "services/runtime/decider/posts_for_tests.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/service_to_kill_for_tests.h"

namespace civicmesh::dispatch {
namespace {

using Stub = v1::DispatchService::Stub;

constexpr int kShards = 8, kPlaces = 12, kReportsEach = 10, kReplicas = 2, kKills = 2;
constexpr absl::Duration kPatience = absl::Seconds(90);

const ActorView kRegistrarOf[kReplicas] = {{.subject = "registrar-01", .posts = Posts({"REGISTRAR"})},
                                           {.subject = "registrar-02", .posts = Posts({"REGISTRAR"})}};

// Middles of unit grids all over the sample district, so that several shards have some.
std::vector<civicmesh::type::v1::GeoPoint> Places() {
  const auto district = FromSample<reference::v1::District>("district.json");
  std::vector<civicmesh::type::v1::GeoPoint> places;
  for (int i = 0; i < kPlaces; ++i) {
    const auto& ring = district.grids(i * district.grids_size() / kPlaces).ring();
    civicmesh::type::v1::GeoPoint middle;
    for (const auto& corner : ring) {
      middle.set_latitude(middle.latitude() + corner.latitude() / ring.size());
      middle.set_longitude(middle.longitude() + corner.longitude() / ring.size());
    }
    places.push_back(middle);
  }
  return places;
}

class DispatchRace : public testing::Test {
 protected:
  void SetUp() override {
    ServiceToKill& service = *replicas_[0];
    service.LoadReference(kStandardKind, FromSample<reference::v1::Standard>("standard.json").SerializeAsString());
    service.LoadReference(kDistrictKind, FromSample<reference::v1::District>("district.json").SerializeAsString());
    service.LoadReference(kCalendarKind,
                          FromSample<reference::v1::WorkCalendar>("calendar-2026.json").SerializeAsString());
  }

  static std::string Name(const char* what, const char* variable) {
    const std::string name = absl::StrCat(what, std::random_device()());
    setenv(variable, name.c_str(), 1);  // for the program
    return name;
  }

  static std::vector<std::unique_ptr<ServiceToKill>> Replicas(const std::string& domain) {
    std::vector<std::unique_ptr<ServiceToKill>> replicas;
    for (int i = 0; i < kReplicas; ++i)
      replicas.push_back(std::make_unique<ServiceToKill>(DISPATCH_FOR_KILL_TEST, domain, kShards));
    return replicas;
  }

  // Every case there is, as that replica's registrar sees it.
  std::vector<v1::Case> Cases(int replica, Stub& stub) {
    v1::ListCasesRequest request;
    request.set_page_size(200);
    v1::ListCasesResponse response;
    const auto status = replicas_[replica]->Call(stub, kRegistrarOf[replica], &Stub::ListCases, request, &response);
    EXPECT_TRUE(status.ok()) << ReasonOf(status);
    return {response.cases().begin(), response.cases().end()};
  }

  // One registrar's day: takes up and registers each case as soon as it is there, until all places have one.
  void Work(int replica) {
    auto stub = v1::DispatchService::NewStub(replicas_[replica]->Connect());
    std::set<std::string> seen;
    const absl::Time until = absl::Now() + kPatience;
    while (seen.size() < kPlaces && absl::Now() < until && !HasFailure())
      for (const auto& found : Cases(replica, *stub)) {
        if (!seen.insert(found.name()).second) continue;
        v1::AcceptCaseRequest accept;
        accept.set_name(found.name());
        accept.set_request_id(replicas_[replica]->NewRequestId());
        Take(replica, "accepted", found.name(), *stub, &Stub::AcceptCase, accept);
        v1::RegisterCaseRequest registering;
        registering.set_name(found.name());
        registering.set_request_id(replicas_[replica]->NewRequestId());
        registering.set_condition_id("1");
        Take(replica, "registered", found.name(), *stub, &Stub::RegisterCase, registering);
      }
  }
  // One of the two does it; the other is told that the case is past that. The winner of the next step need not be the
  // same, for it is tried by both whatever became of this one.
  template <typename Request>
  void Take(int replica, const char* step, const std::string& name, Stub& stub,
            grpc::Status (Stub::*rpc)(grpc::ClientContext*, const Request&, v1::Case*), const Request& request) {
    v1::Case answer;
    const auto status = replicas_[replica]->Call(stub, kRegistrarOf[replica], rpc, request, &answer);
    EXPECT_TRUE(status.ok() || ReasonOf(status) == "REASON_WRONG_STATUS") << ReasonOf(status);
    absl::MutexLock lock(&mutex_);
    done_[step][name] += status.ok();
    ++answered_;
  }

  const std::string domain_ = Name("dispatch", "DISPATCH_TEST_DOMAIN");
  ReportFacts intake_{std::getenv("CIVICMESH_TEST_BROKER"), domain_ + "-intake", kShards};
  std::vector<std::unique_ptr<ServiceToKill>> replicas_ = Replicas(domain_);
  absl::Mutex mutex_;
  std::map<std::string, std::map<std::string, int>> done_ ABSL_GUARDED_BY(mutex_);
  int answered_ ABSL_GUARDED_BY(mutex_) = 0;
};

TEST_F(DispatchRace, OneCasePerThingAndOneRegistrarPerStep) {
  const auto places = Places();
  std::set<int> shards;
  for (const auto& place : places) shards.insert(ShardOf(HomeCell(place.latitude(), place.longitude()), kShards));
  ASSERT_GE(shards.size(), 2u);

  std::vector<std::thread> threads;
  for (int half = 0; half < 2; ++half)
    threads.emplace_back([&, half] {
      for (int n = half; n < kReportsEach; n += 2)
        for (int place = 0; place < kPlaces; ++place)
          intake_.Forward(absl::StrCat("reports/r-", place, "-", n), places[place], (place + n) % kShards);
    });
  for (int replica = 0; replica < kReplicas; ++replica) threads.emplace_back([this, replica] { Work(replica); });
  for (int kill = 1; kill <= kKills; ++kill) {
    const auto enough = [&] { return answered_ >= kill * kPlaces; };
    absl::MutexLock lock(&mutex_);
    // A thread that failed answers no more, so the wait has an end.
    mutex_.AwaitWithTimeout(absl::Condition(&enough), kPatience);
    replicas_[kill % kReplicas]->Kill();
    replicas_[kill % kReplicas]->Spawn();
  }
  for (auto& thread : threads) thread.join();
  // The other one takes over everything, and alone can say that all is at rest.
  replicas_[1]->Kill();
  replicas_[0]->Quiesce();

  auto stub = v1::DispatchService::NewStub(replicas_[0]->Connect());
  std::set<std::string> numbers, reports;
  const auto cases = Cases(0, *stub);
  EXPECT_EQ(cases.size(), static_cast<size_t>(kPlaces));
  absl::MutexLock lock(&mutex_);
  for (const auto& one : cases) {
    EXPECT_EQ(one.report_count(), kReportsEach) << one.name();
    EXPECT_EQ(one.reports_size(), kReportsEach) << one.name();
    for (const auto& report : one.reports()) EXPECT_TRUE(reports.insert(report.report()).second) << report.report();
    EXPECT_EQ(one.status(), v1::CASE_STATUS_REGISTERED);
    EXPECT_TRUE(numbers.insert(one.case_number()).second) << one.case_number();
    for (const char* step : {"accepted", "registered"}) EXPECT_EQ(done_[step][one.name()], 1) << step << one.name();
  }
}

}  // namespace
}  // namespace civicmesh::dispatch
