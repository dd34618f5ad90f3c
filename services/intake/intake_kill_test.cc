// The process is killed again and again while citizens report in all shards and dispatch's facts about their cases come
// in, on the real Kafka and Redis: every answer given holds, no report is there twice, and everybody hears everything
// once.
#include <grpcpp/grpcpp.h>

#include <cstdlib>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "civicmesh/intake/v1/intake_service.grpc.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/runtime/base/names.h"
#include "services/runtime/decider/posts_for_tests.h"
#include "services/runtime/journal/kafka_journal.h"
#include "services/runtime/journal/kafka_topics.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/service_to_kill_for_tests.h"

namespace civicmesh::intake {
namespace {

using Stub = v1::IntakeService::Stub;

constexpr int kShards = 8, kThreads = 6, kReportsEach = 30, kKills = 2;
constexpr absl::Duration kPatience = absl::Seconds(90);

// Dispatch, as far as its public facts go.
class DispatchFacts {
 public:
  explicit DispatchFacts(const std::string& broker)
      : journal_({.brokers = broker, .domain = "dispatch", .shards = kShards}),
        session_(journal_.NewHandlerAppender(absl::Seconds(10))) {}

  // The case of this report is opened and registered. Returns when both facts have landed.
  void Handle(const std::string& report) {
    absl::MutexLock lock(&mutex_);
    const int shard = static_cast<int>(++facts_ % kShards);
    dispatch::v1::EventContext context;
    context.set_case_(absl::StrCat("cases/c-", facts_));
    context.add_reports(report);
    context.set_status(dispatch::v1::CASE_STATUS_REPORTED);
    dispatch::v1::CaseOpened opened;
    *opened.mutable_context() = context;
    Append(shard, opened);
    context.set_status(dispatch::v1::CASE_STATUS_REGISTERED);
    dispatch::v1::CaseRegistered registered;
    *registered.mutable_context() = context;
    Append(shard, registered);
  }

 private:
  template <typename Fact>
  void Append(int shard, const Fact& fact) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    // Above whatever an earlier run on the same broker left.
    const int64_t offset = first_offset_ + ++facts_;
    const Headers headers = {{"ce_id", absl::StrCat("dispatch/", shard, "/", offset, "/0")},
                             {"ce_type", Fact::descriptor()->full_name()},
                             {"ce_subject", fact.context().case_()},
                             {"ce_time", absl::FormatTime(absl::RFC3339_full, absl::Now(), absl::UTCTimeZone())}};
    absl::Notification answered;
    absl::StatusOr<int64_t> landed;
    auto queued =
        session_->Append({Topic::kEvents, shard}, fact.SerializeAsString(), headers, [&](absl::StatusOr<int64_t> at) {
          landed = std::move(at);
          answered.Notify();
        });
    ASSERT_TRUE(queued.ok()) << queued;
    answered.WaitForNotification();
    ASSERT_TRUE(landed.ok()) << landed.status();
  }

  KafkaJournal journal_;
  const std::unique_ptr<LogAppender> session_;
  const int64_t first_offset_ = absl::ToUnixMicros(absl::Now());
  absl::Mutex mutex_;
  int64_t facts_ ABSL_GUARDED_BY(mutex_) = 0;
};

TEST(IntakeKillTest, EveryAnswerHoldsAndEverybodyHearsEverythingOnce) {
  const char* broker = std::getenv("CIVICMESH_TEST_BROKER");
  ASSERT_NE(broker, nullptr) << "tests/run sets it";
  const auto made = CreateTopics({.brokers = broker, .domain = "dispatch", .shards = kShards}, {});
  ASSERT_TRUE(made.ok()) << made;
  const auto keys =
      CreateTopics({.brokers = broker, .domain = "intake", .shards = kShards},
                   {{.name = KeysTopic(), .partitions = kShards, .compaction_lag_ms = 60 * 60 * 1000}}, {});
  ASSERT_TRUE(keys.ok()) << keys;
  ServiceToKill service(CIVICMESH_INTAKE, "intake", kShards);
  DispatchFacts dispatch(broker);

  const std::string run = absl::StrCat(std::random_device()());
  const auto citizen = [&](int thread) {
    return ActorView{.subject = absl::StrCat("citizen-", run, "-", thread), .posts = Posts({"CITIZEN"})};
  };
  absl::Mutex mutex;
  int answered = 0;
  std::vector<std::set<std::string>> names(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      const auto stub = v1::IntakeService::NewStub(service.Connect());
      for (int i = 0; i < kReportsEach; ++i) {
        v1::SubmitReportRequest request;
        request.set_request_id(service.NewRequestId());
        request.set_text(absl::StrCat("路灯不亮，第", i, "次反映"));
        request.mutable_location()->set_latitude(30);
        v1::Report report;
        const auto status = service.Call(*stub, citizen(t), &Stub::SubmitReport, request, &report);
        ASSERT_TRUE(status.ok()) << ReasonOf(status) << " " << status.error_message();
        names[t].insert(report.name());
        dispatch.Handle(report.name());
        absl::MutexLock lock(&mutex);
        ++answered;
      }
    });
  for (int kill = 1; kill <= kKills; ++kill) {
    const auto enough = [&] { return answered >= kill * kThreads * kReportsEach / (kKills + 1); };
    absl::MutexLock lock(&mutex);
    // A thread that failed answers no more, so the wait has an end.
    mutex.AwaitWithTimeout(absl::Condition(&enough), kPatience);
    service.Kill();
    service.Spawn();
  }
  for (auto& thread : threads) thread.join();

  const auto stub = v1::IntakeService::NewStub(service.Connect());
  for (int t = 0; t < kThreads; ++t) {
    EXPECT_EQ(names[t].size(), static_cast<size_t>(kReportsEach));
    v1::ListReportsRequest request;
    request.set_page_size(200);
    v1::ListReportsResponse listed;
    std::multiset<std::string> found;
    // The policy may still be on its way; the bound is for a test that fails.
    const absl::Time until = absl::Now() + kPatience;
    auto all_told = [&] {
      EXPECT_TRUE(service.Call(*stub, citizen(t), &Stub::ListReports, request, &listed).ok());
      return std::all_of(listed.reports().begin(), listed.reports().end(),
                         [](const auto& report) { return report.status() == v1::REPORT_STATUS_REGISTERED; });
    };
    while (!all_told() && absl::Now() < until) std::this_thread::yield();
    for (const auto& report : listed.reports()) {
      found.insert(report.name());
      std::vector<v1::NoticeKind> told;
      for (const auto& notice : report.notices()) told.push_back(notice.kind());
      EXPECT_THAT(told, testing::ElementsAre(v1::NOTICE_KIND_CASE_OPENED, v1::NOTICE_KIND_REGISTERED));
    }
    EXPECT_THAT(found, testing::ElementsAreArray(names[t]));
  }
}

}  // namespace
}  // namespace civicmesh::intake
