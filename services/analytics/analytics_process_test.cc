// The whole service on real topics: folds what stands there, answers over gRPC, follows what comes, and a second start
// gives the same figures.
#include "services/analytics/analytics_process.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "civicmesh/analytics/v1/analytics_service.grpc.pb.h"
#include "civicmesh/runtime/v1/control_service.grpc.pb.h"
#include "services/analytics/domain/amount_stories_for_tests.h"
#include "services/analytics/domain/case_story_for_tests.h"
#include "services/analytics/domain/figures.h"
#include "services/analytics/domain/report_stories_for_tests.h"
#include "services/analytics/event_records.h"
#include "services/runtime/journal/kafka_journal.h"
#include "services/runtime/journal/kafka_topics.h"
#include "services/runtime/rpc/test_tokens.h"

namespace civicmesh::analytics {
namespace {

constexpr int kShards = 2;

class AnalyticsProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* broker = std::getenv("CIVICMESH_TEST_BROKER");
    ASSERT_NE(broker, nullptr) << "tests/run sets it";
    const std::string run = absl::StrCat(std::random_device()());
    socket_ = absl::StrCat("unix:/tmp/analytics", run, ".sock");
    for (const char* domain : {"intake", "dispatch", "points", "volunteering"}) {
      const KafkaOptions options{.brokers = broker, .domain = domain + run, .shards = kShards};
      ASSERT_TRUE(CreateTopics(options, {}).ok());
      auto& journal = journals_[domain] = std::make_unique<KafkaJournal>(options);
      sources_.push_back({domain, journal.get()});
    }
  }
  void TearDown() override { unlink(socket_.substr(5).c_str()); }

  void Start() {
    process_ = nullptr;
    auto started = AnalyticsProcess::Start({.listen = socket_,
                                            .driven_clock = true,
                                            .jwks = issuer_.Jwks(),
                                            .issuer = "i",
                                            .audience = "a",
                                            .development_tokens = true},
                                           sources_, &references_);
    ASSERT_TRUE(started.ok()) << started.status();
    process_ = *std::move(started);
    channel_ = grpc::CreateChannel(socket_, grpc::InsecureChannelCredentials());
    ASSERT_TRUE(Comes([&] { return Healthy(); }));
  }
  std::unique_ptr<grpc::ClientContext> As(const std::string& role) {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_wait_for_ready(true);
    context->set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    context->AddMetadata("authorization", "Bearer " + issuer_.Token({{"iss", "i"},
                                                                     {"aud", "a"},
                                                                     {"sub", "o"},
                                                                     {"exp", absl::ToUnixSeconds(absl::Now()) + 300},
                                                                     {"roles", {role}}}));
    return context;
  }
  // Asks again until `holds`; the bound is only for a test that fails.
  template <typename Holds>
  bool Comes(Holds holds) {
    const absl::Time until = absl::Now() + absl::Seconds(60);
    while (absl::Now() < until && !HasFailure()) {
      const absl::Status alive = process_->Tick();
      EXPECT_TRUE(alive.ok()) << alive;
      if (holds()) return true;
    }
    return false;
  }
  // grpc.health.v1: an empty request asks for "", the answer is {1: status, SERVING = 1}.
  bool Healthy() {
    grpc::Slice nothing;
    grpc::ByteBuffer request(&nothing, 1), response;
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    absl::Notification done;
    grpc::Status status;
    stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", {}, &request, &response, [&](grpc::Status s) {
      status = std::move(s);
      done.Notify();
    });
    done.WaitForNotification();
    std::vector<grpc::Slice> slices;
    std::string answer;
    if (!status.ok() || !response.Dump(&slices).ok()) return false;
    for (const auto& slice : slices) answer.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    return answer == std::string("\x08\x01", 2);
  }
  bool AtRest() {
    runtime::v1::QuiesceRequest request;
    request.set_service("analytics");
    runtime::v1::QuiesceResponse response;
    auto stub = runtime::v1::ControlService::NewStub(channel_);
    const auto status = stub->Quiesce(As("OPERATOR").get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.at_rest();
  }

  // Appends to the real topics, now and then twice, as a publisher that took over does; and tells the facts that the
  // figures are compared with.
  void Tell(const Tale& tale) {
    std::map<std::string, std::unique_ptr<LogAppender>> sessions;
    std::vector<std::pair<Told, EventId>> records;
    for (const Told& told : tale) {
      const EventId id{next_[{told.domain, told.shard}]++, 0};
      expected_.Apply({.domain = told.domain, .shard = told.shard, .id = id}, *told.event);
      records.emplace_back(told, id);
      if (id.offset % 5 == 4) records.emplace_back(told, id);
    }
    absl::BlockingCounter open(static_cast<int>(records.size()));
    for (const auto& [told, id] : records) {
      auto& session = sessions[told.domain];
      if (!session) session = journals_[told.domain]->NewAppender();
      ASSERT_TRUE(session
                      ->Append({Topic::kEvents, told.shard}, told.event->SerializeAsString(), EventHeaders(told, id),
                               [&](const absl::StatusOr<int64_t>& landed) {
                                 EXPECT_TRUE(landed.ok()) << landed.status();
                                 open.DecrementCount();
                               })
                      .ok());
    }
    open.Wait();
  }
  // A case with everything around it, in October.
  static Tale Story(int i) {
    using namespace intake::v1;
    const std::string n = absl::StrCat(i), day = absl::StrCat("10-", 10 + i % 15, " ");
    ReportStory report("r" + n, {.shard = i % kShards});
    CaseStory c("c" + n, {.report = "r" + n, .reported = day + "09:00", .shard = (i / 2) % kShards});
    AccountStory account("a" + n, i % kShards);
    ActivityStory activity;
    AlertStory alert("al" + n, 1 + i % 12);
    report.Submitted(day + "09:00").Forwarded(day + "09:00").Notified(day + "10:05", NOTICE_KIND_SIGNED);
    c.Opened(day + "09:01").Accepted(day + "09:02").Registered(day + "09:05");
    c.Dispatched(day + "09:10", {.due = day + "12:00", .unit = absl::StrCat("u-", i % 3)}).Signed(day + "10:00");
    if (i % 3) c.FedBack(day + (i % 2 ? "11:00" : "13:00")).Closed(day + "14:00");
    if (i % 3 == 2) c.Revisited(day + "18:00", static_cast<dispatch::v1::Rating>(i % 6));
    account.Granted(day + "09:05", 10 + i).Redeemed(day + "15:00", 3);
    activity.Confirmed(day + "19:00", "v1", "p", 30 * i);
    alert.Raised(day + "08:00").Reviewed(day + "08:30", i % 4 != 0);
    return Together(c, report, account, activity, alert);
  }

  v1::ListKpisResponse Kpis(v1::GroupBy group_by) {
    v1::ListKpisRequest request;
    request.set_month("2026-10");
    request.set_group_by(group_by);
    v1::ListKpisResponse response;
    auto stub = v1::AnalyticsService::NewStub(channel_);
    const auto status = stub->ListKpis(As("ANALYST").get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  // What the service says is what the same events fold to without any topic.
  void ExpectFigures() {
    const Span month = *MonthNamed("2026-10");
    const Question question{.from_ms = month.from_ms, .to_ms = month.to_ms, .as_of_ms = expected_.latest_ms()};
    for (const auto by : {v1::GROUP_BY_UNSPECIFIED, v1::GROUP_BY_UNIT}) {
      v1::ListKpisResponse expected;
      for (const auto& kpi : analytics::Kpis()) *expected.add_kpis() = ComputeKpi(kpi, expected_, question, by);
      EXPECT_EQ(Kpis(by).DebugString(), expected.DebugString());
    }
  }

  TestIssuer issuer_;
  std::map<std::string, std::unique_ptr<KafkaJournal>> journals_;
  const ReferenceLibrary references_{{}};
  std::vector<FoldSource> sources_;
  std::string socket_;
  std::unique_ptr<AnalyticsProcess> process_;
  std::shared_ptr<grpc::Channel> channel_;
  Facts expected_;
  std::map<std::pair<std::string, int>, int64_t> next_;
};

TEST_F(AnalyticsProcessTest, FoldsWhatStandsThereAndFollowsWhatComes) {
  for (int i = 0; i < 20; ++i) Tell(Story(i));
  Start();
  ASSERT_TRUE(Comes([&] { return AtRest(); }));
  ExpectFigures();
  for (int i = 20; i < 40; ++i) Tell(Story(i));
  ASSERT_TRUE(Comes([&] { return AtRest(); }));
  ExpectFigures();

  v1::ListKpiMembersRequest request;
  request.set_parent("kpis/closure_rate");
  request.set_month("2026-10");
  request.set_part(v1::KPI_PART_NUMERATOR);
  v1::ListKpiMembersResponse members;
  auto stub = v1::AnalyticsService::NewStub(channel_);
  ASSERT_TRUE(stub->ListKpiMembers(As("SHIFT_LEADER").get(), request, &members).ok());
  EXPECT_EQ(members.members_size(), 26);  // of 0 to 39, those that 3 does not divide
  EXPECT_EQ(members.total_count(), 26);
  v1::GetProgressResponse progress;
  ASSERT_TRUE(stub->GetProgress(As("OPERATOR").get(), v1::GetProgressRequest(), &progress).ok());
  EXPECT_TRUE(progress.complete());
  ASSERT_EQ(progress.sources_size(), 4 * kShards);
  uint64_t repeated = 0;
  for (const auto& source : progress.sources()) repeated += source.repeated_ids();
  EXPECT_GT(repeated, 0u);

  Start();  // afresh
  ASSERT_TRUE(Comes([&] { return AtRest(); }));
  ExpectFigures();
  runtime::v1::GetMetricsRequest ask;
  ask.set_service("analytics");
  google::api::HttpBody metrics;
  auto control = runtime::v1::ControlService::NewStub(channel_);
  ASSERT_TRUE(control->GetMetrics(As("OPERATOR").get(), ask, &metrics).ok());
  EXPECT_TRUE(
      absl::StrContains(metrics.data(), "civicmesh_fold_lag{domain=\"analytics\",shard=\"1\",source=\"dispatch\"} 0"))
      << metrics.data();
  process_->Drain(absl::Seconds(3));
}

}  // namespace
}  // namespace civicmesh::analytics
