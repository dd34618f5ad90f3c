#include "services/civicctl/replay/mesh.h"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <filesystem>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "civicmesh/intake/v1/intake_service.grpc.pb.h"
#include "civicmesh/runtime/v1/control_service.grpc.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/civicctl/call_for_tests.h"
#include "services/civicctl/keys.h"
#include "services/civicctl/replay/asking.h"

namespace civicmesh::civicctl {
namespace {

using runtime::v1::AdvanceTimeRequest;
using runtime::v1::AdvanceTimeResponse;
using runtime::v1::GetShardsRequest;
using runtime::v1::GetShardsResponse;

// Answers after so many failures, and remembers what came.
class Unsteady : public runtime::v1::ControlService::Service {
 public:
  grpc::Status GetShards(grpc::ServerContext* context, const GetShardsRequest*, GetShardsResponse* response) override {
    absl::MutexLock lock(&mutex);
    if (auto status = Came(*context); !status.ok()) return status;
    ++answers;
    for (int i = 0; i < answers; ++i) response->add_shards();
    return grpc::Status::OK;
  }
  grpc::Status AdvanceTime(grpc::ServerContext* context, const AdvanceTimeRequest*, AdvanceTimeResponse*) override {
    absl::MutexLock lock(&mutex);
    return Came(*context);
  }

  absl::Mutex mutex;
  int failures ABSL_GUARDED_BY(mutex) = 0;
  grpc::StatusCode code ABSL_GUARDED_BY(mutex) = grpc::StatusCode::UNAVAILABLE;
  int answers ABSL_GUARDED_BY(mutex) = 0;
  std::vector<std::string> headers ABSL_GUARDED_BY(mutex);

 private:
  grpc::Status Came(const grpc::ServerContext& context) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    std::string line;
    for (const char* name : {"civicmesh-time", "x-civicmesh-service"}) {
      const auto header = context.client_metadata().find(name);
      if (header != context.client_metadata().end())
        absl::StrAppend(&line, name, "=", std::string(header->second.data(), header->second.size()), " ");
    }
    absl::StrAppend(&line, context.client_metadata().count("authorization") ? "token" : "no token");
    headers.push_back(line);
    return failures-- > 0 ? grpc::Status(code, "not now") : grpc::Status::OK;
  }
};

// Takes a report in at once and decides it when it is asked again.
class SlowIntake : public intake::v1::IntakeService::Service {
 public:
  grpc::Status SubmitReport(grpc::ServerContext* context, const intake::v1::SubmitReportRequest*,
                            intake::v1::Report* report) override {
    const auto trace = context->client_metadata().find("traceparent");
    absl::MutexLock lock(&mutex);
    traces.emplace(trace->second.data(), trace->second.size());
    report->set_status(++submissions < 3 ? intake::v1::REPORT_STATUS_RECEIVED : intake::v1::REPORT_STATUS_FORWARDED);
    return grpc::Status::OK;
  }

  absl::Mutex mutex;
  int submissions ABSL_GUARDED_BY(mutex) = 0;
  std::set<std::string> traces ABSL_GUARDED_BY(mutex);
};

class MeshTest : public testing::Test {
 protected:
  MeshTest() {
    std::filesystem::create_directories(folder_);
    EXPECT_EQ(Call(KeysCommand(), {"keys", "--out", folder_}).code, 0);
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    builder.RegisterService(&intake_);
    server_ = builder.BuildAndStart();
    door_ = absl::StrCat("http://127.0.0.1:", port);
    Begin();
  }
  ~MeshTest() override {
    server_->Shutdown();
    std::filesystem::remove_all(folder_);
  }

  // A run of a replay, with the diary of those before.
  void Begin() {
    diary_ = Diary::Open(folder_ + "/diary", {}, absl::Now()).value();
    mesh_ = Mesh::Make({.door = door_, .keys = folder_, .patience = absl::Seconds(2)}, &loop_, diary_.get()).value();
    mesh_->on_failure = [this](absl::Status status) { failure_ = std::move(status); };
  }
  // How many shards the answer says.
  int Shards(const std::string& key) {
    std::optional<int> seen;
    mesh_->Call<GetShardsResponse>(
        {}, absl::InfinitePast(), GetShardsRequest(),
        [&](const grpc::Status&, const GetShardsResponse& r) { seen = r.shards_size(); }, key);
    loop_.RunUntil([&] { return seen.has_value(); });
    return *seen;
  }
  void Fail(int times, grpc::StatusCode code = grpc::StatusCode::UNAVAILABLE) {
    absl::MutexLock lock(&service_.mutex);
    service_.failures = times;
    service_.code = code;
  }
  std::vector<std::string> Headers() {
    absl::MutexLock lock(&service_.mutex);
    return service_.headers;
  }
  grpc::Status Advance(const Caller& caller) {
    std::optional<grpc::Status> answer;
    AdvanceTimeRequest request;
    request.set_service("intake");
    mesh_->Call<AdvanceTimeResponse>(caller, absl::FromUnixSeconds(1'790'000'000), request,
                                     [&](const grpc::Status& status, const AdvanceTimeResponse&) { answer = status; });
    loop_.RunUntil([&] { return answer.has_value(); });
    return *answer;
  }

  const std::string folder_ = testing::TempDir() + "/mesh_test_keys";
  Unsteady service_;
  SlowIntake intake_;
  std::unique_ptr<grpc::Server> server_;
  Loop loop_;
  std::string door_;
  std::unique_ptr<Diary> diary_;
  std::unique_ptr<Mesh> mesh_;
  absl::Status failure_;
};

TEST_F(MeshTest, SendsTimeTokenAndServiceAndRepeatsWhatIsUnknown) {
  Fail(2);
  EXPECT_TRUE(Advance({.subject = "operator-01"}).ok());
  EXPECT_EQ(mesh_->repeats(), 2);
  EXPECT_THAT(Headers(),
              testing::ElementsAre(testing::_, testing::_,
                                   "civicmesh-time=2026-09-21T14:13:20+00:00 x-civicmesh-service=intake token"));
  EXPECT_EQ(Headers()[0], Headers()[2]);
}

TEST_F(MeshTest, ARefusalIsNotRepeated) {
  Fail(1, grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(Advance({}).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(mesh_->repeats(), 0);
  EXPECT_THAT(Headers()[0], testing::EndsWith(" no token"));
}

TEST_F(MeshTest, AReportThatIsOnlyReceivedIsAskedForAgainAsTheSameCommand) {
  std::optional<intake::v1::ReportStatus> status;
  mesh_->Call<intake::v1::Report>({}, absl::InfinitePast(), intake::v1::SubmitReportRequest(),
                                  [&](const grpc::Status&, const intake::v1::Report& r) { status = r.status(); });
  loop_.RunUntil([&] { return status.has_value(); });
  EXPECT_EQ(status, intake::v1::REPORT_STATUS_FORWARDED);
  absl::MutexLock lock(&intake_.mutex);
  EXPECT_EQ(intake_.submissions, 3);
  EXPECT_EQ(intake_.traces.size(), 1u);
}

TEST_F(MeshTest, PatienceEnds) {
  Fail(1000);
  EXPECT_EQ(Advance({}).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(MeshTest, WhatTheDiaryKnowsIsNotAskedAgain) {
  EXPECT_EQ(Shards("first"), 1);
  EXPECT_EQ(Shards(""), 2);
  Begin();
  EXPECT_EQ(Shards("first"), 1);
  EXPECT_EQ(Shards("second"), 3);
  EXPECT_EQ(Shards(""), 4);
}

TEST_F(MeshTest, TheDiaryDoesNotKeepWhatMayBeOtherwiseNextTime) {
  Fail(1, grpc::StatusCode::INTERNAL);
  EXPECT_EQ(Shards("key"), 0);
  Begin();
  EXPECT_EQ(Shards("key"), 1);
}

TEST_F(MeshTest, AwaitsWhatComesLater) {
  Fail(1);
  std::optional<int> seen;
  mesh_->Await<GetShardsResponse>(
      {}, GetShardsRequest(), [](const GetShardsResponse& r) { return r.shards_size() >= 3; },
      [&](const GetShardsResponse& r) { seen = r.shards_size(); });
  loop_.RunUntil([&] { return seen.has_value() || !failure_.ok(); });
  EXPECT_EQ(seen, 3);
}

TEST_F(MeshTest, SaysWhatItAwaitedInVain) {
  mesh_->Await<GetShardsResponse>(
      {}, GetShardsRequest(), [](const GetShardsResponse&) { return false; }, [](const GetShardsResponse&) { FAIL(); });
  loop_.RunUntil([&] { return !failure_.ok(); });
  EXPECT_THAT(std::string(failure_.message()), testing::HasSubstr("waited in vain for GetShardsRequest"));
}

TEST_F(MeshTest, WhatMayNotBeReadIsNotAwaited) {
  Fail(1, grpc::StatusCode::PERMISSION_DENIED);
  mesh_->Await<GetShardsResponse>(
      {}, GetShardsRequest(), [](const GetShardsResponse&) { return true; }, [](const GetShardsResponse&) { FAIL(); });
  loop_.RunUntil([&] { return !failure_.ok(); });
  EXPECT_FALSE(failure_.ok());
}

}  // namespace
}  // namespace civicmesh::civicctl
