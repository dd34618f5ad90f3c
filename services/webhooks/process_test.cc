// The whole program over the in-memory logs: files that change, threads, what is remembered.
#include "services/webhooks/webhooks_process.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "civicmesh/runtime/v1/control_service.grpc.pb.h"
#include "services/runtime/journal/memory_journal.h"
#include "services/runtime/journal/memory_keyed_log.h"
#include "services/runtime/rpc/locked_twins.h"
#include "services/runtime/rpc/people.h"
#include "services/runtime/rpc/service_process.h"
#include "services/runtime/rpc/test_tokens.h"
#include "services/webhooks/webhooks_control.h"

namespace civicmesh::webhooks {
namespace {

class ProcessTest : public testing::Test {
 protected:
  std::unique_ptr<WebhooksProcess> Start() {
    return std::make_unique<WebhooksProcess>(
        ProcessParts{.domains = {{"dispatch", &journal_}},
                     .open_progress = [this] { return std::make_unique<MemoryKeyedLog>(&topic_); },
                     .our_turn = [this] { return our_turn_; },
                     .new_post = [this] { return [this](const Attempt& attempt) { return Receive(attempt); }; },
                     .read_file = [this] { return file_; },
                     .read_secret = [](const std::string& path) { return path == "/good" ? std::string(24, 's') : ""; },
                     .clock = Clock::Real()});
  }
  int Receive(const Attempt& attempt) {
    absl::MutexLock lock(&mutex_);
    if (status_ == 200) received_.push_back(attempt.id);
    return status_;
  }
  void Happens(int number) {
    dispatch::v1::CaseClosed closed;
    EXPECT_TRUE(journal_.NewAppender()
                    ->Append({Topic::kEvents, 0}, closed.SerializeAsString(),
                             {{"ce_id", absl::StrCat("dispatch/0/", number, "/0")},
                              {"ce_type", "civicmesh.dispatch.v1.CaseClosed"}})
                    .ok());
  }
  std::vector<std::string> Received() {
    absl::MutexLock lock(&mutex_);
    return received_;
  }
  // The bound is only for a test that fails.
  static void Until(const std::function<bool()>& holds) {
    const absl::Time until = absl::Now() + absl::Seconds(30);
    while (!holds() && absl::Now() < until) std::this_thread::yield();
    EXPECT_TRUE(holds());
  }
  static std::string One(const std::string& more = "", const std::string& secret = "/good") {
    return absl::StrCat(R"({"subscriptions": [{"id": "a", "url": "https://a.test", "secret_file": ")", secret,
                        R"(", "events": ["civicmesh.dispatch.v1.CaseClosed"])", more, "}]}");
  }
  bool Follows(WebhooksProcess& process) {
    return topic_.AllBytes().find("a/dispatch/0") != std::string::npos && process.figures().count("a") > 0;
  }

  MemoryLog log_{1, [] { return Clock::Real()->wall_ms(); }};
  LockedJournal journal_{&log_};
  MemoryKeyedTopic topic_{1};
  bool our_turn_ = true;
  std::atomic<int> status_{200};
  std::string file_ = One();
  absl::Mutex mutex_;
  std::vector<std::string> received_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(ProcessTest, SendsGoesOnAfterARestartAndTakesAChangedFile) {
  auto process = Start();
  ASSERT_TRUE(process->Tick().ok());
  Until([&] { return Follows(*process); });
  Happens(1);
  Until([&] { return Received().size() == 1; });
  process.reset();
  Happens(2);
  process = Start();
  ASSERT_TRUE(process->Tick().ok());
  Until([&] { return Received().size() == 2; });

  file_ = One(R"(, "paused": true)");
  ASSERT_TRUE(process->Tick().ok());
  Happens(3);
  file_ = One();
  ASSERT_TRUE(process->Tick().ok());
  Until([&] { return Received().size() == 3; });
  EXPECT_EQ(Received(), (std::vector<std::string>{"dispatch/0/1/0", "dispatch/0/2/0", "dispatch/0/3/0"}));
}

TEST_F(ProcessTest, AFileThatCannotBeTakenStopsTheStartAndLaterChangesNothing) {
  file_ = "{";
  EXPECT_EQ(Start()->Tick().code(), absl::StatusCode::kInvalidArgument);
  file_ = One("", "/bad");
  EXPECT_EQ(Start()->Tick().code(), absl::StatusCode::kInvalidArgument);
  file_ = R"({"subscriptions": [{"id": "a", "url": "https://a.test", "secret_file": "/good",
             "events": ["civicmesh.intake.v1.ReportSubmitted"]}]})";
  EXPECT_EQ(Start()->Tick().code(), absl::StatusCode::kInvalidArgument) << "no such log is given";
  file_ = R"({"subscriptions": [{"id": "a", "url": "https://a.test", "secret_file": "/good",
             "events": ["civicmesh.dispatch.v1.CaseTeleported"]}]})";
  EXPECT_EQ(Start()->Tick().code(), absl::StatusCode::kInvalidArgument);

  file_ = One();
  auto process = Start();
  ASSERT_TRUE(process->Tick().ok());
  Until([&] { return Follows(*process); });
  file_ = "{";
  EXPECT_TRUE(process->Tick().ok());
  Happens(1);
  Until([&] { return Received().size() == 1; });
}

// Kafka goes away just then: the turn is lost, and nobody may wait for ever.
TEST_F(ProcessTest, ATurnThatIsLostBeforeProgressIsReadHasNotBegun) {
  struct Silent : KeyedLog {
    explicit Silent(bool* lost) : turn(lost) {}
    void Put(int, std::string, std::optional<std::string>, Done) override {}
    void Poll(KeyedSink&, int) override { *turn = false; }
    int partitions() const override { return 1; }
    bool* const turn;
  };
  WebhooksProcess process({.domains = {{"dispatch", &journal_}},
                           .open_progress = [this] { return std::make_unique<Silent>(&our_turn_); },
                           .our_turn = [this] { return our_turn_; },
                           .read_file = [this] { return file_; },
                           .clock = Clock::Real()});
  EXPECT_TRUE(process.Tick().ok());
  EXPECT_FALSE(process.sends());
}

TEST_F(ProcessTest, OfTwoOneWaitsAndGoesOnWhereTheOtherStopped) {
  auto first = Start();
  ASSERT_TRUE(first->Tick().ok());
  Until([&] { return Follows(*first); });
  our_turn_ = false;
  auto second = Start();
  ASSERT_TRUE(second->Tick().ok());
  EXPECT_FALSE(second->sends());
  Happens(1);
  Until([&] { return Received().size() == 1; });

  ASSERT_TRUE(first->Tick().ok());
  EXPECT_FALSE(first->sends());
  EXPECT_THAT(first->figures(), testing::IsEmpty());
  Happens(2);
  our_turn_ = true;
  ASSERT_TRUE(second->Tick().ok());
  EXPECT_TRUE(second->sends());
  Until([&] { return Received().size() == 2; });
  second.reset();
  Happens(3);
  ASSERT_TRUE(first->Tick().ok());
  Until([&] { return Received().size() == 3; });
  EXPECT_EQ(Received(), (std::vector<std::string>{"dispatch/0/1/0", "dispatch/0/2/0", "dispatch/0/3/0"}));
}

class ControlTest : public ProcessTest {
 protected:
  ~ControlTest() override { unlink(socket_.substr(5).c_str()); }

  void Serve(const WebhooksProcess* process) {
    auto started = WebhooksControl::Start({.listen = socket_,
                                           .driven_clock = true,
                                           .jwks = issuer_.Jwks(),
                                           .issuer = "i",
                                           .audience = "a",
                                           .development_tokens = true,
                                           .body_key = "",
                                           .person_key = ""},
                                          &references_, nullptr, process);
    ASSERT_TRUE(started.ok()) << started.status();
    control_ = *std::move(started);
  }
  grpc::Status Ask(const char* role, std::string* text) {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(30)));
    context.AddMetadata("authorization", "Bearer " + issuer_.Token({{"iss", "i"},
                                                                    {"aud", "a"},
                                                                    {"sub", "o"},
                                                                    {"exp", absl::ToUnixSeconds(absl::Now()) + 300},
                                                                    {"roles", {role}}}));
    runtime::v1::GetMetricsRequest request;
    request.set_service("webhooks");
    google::api::HttpBody body;
    auto stub = runtime::v1::ControlService::NewStub(grpc::CreateChannel(socket_, grpc::InsecureChannelCredentials()));
    const grpc::Status status = stub->GetMetrics(&context, request, &body);
    *text = body.data();
    return status;
  }
  // Asks again until they say so.
  void Tells(const std::string& line) {
    std::string text;
    const absl::Time until = absl::Now() + absl::Seconds(30);
    while (Ask("OPERATOR", &text).ok() && text.find(line) == std::string::npos && absl::Now() < until) {
    }
    EXPECT_THAT(text, testing::HasSubstr(line));
  }
  static std::string Of(const std::string& figure, const std::string& value) {
    return absl::StrCat("civicmesh_webhook_", figure, "{domain=\"webhooks\",subscription=\"a\"} ", value);
  }

  const std::string socket_ = absl::StrCat("unix:/tmp/webhooks-", getpid(), ".sock");
  TestIssuer issuer_;
  ReferenceLibrary references_{WithRoster({})};
  std::unique_ptr<WebhooksControl> control_;
};

TEST_F(ControlTest, ItsMetricsTellEachSubscriptionsFigures) {
  auto process = Start();
  Serve(process.get());
  Tells("civicmesh_webhooks_sending{domain=\"webhooks\"} 0");
  ASSERT_TRUE(process->Tick().ok());
  Until([&] { return Follows(*process); });
  Happens(1);
  Tells(Of("delivered", "1\n"));
  Tells(Of("waiting_seconds", "0\n"));
  Tells(Of("held_shards", "0\n"));
  Tells(Of("paused", "0\n"));
  Tells("civicmesh_webhooks_sending{domain=\"webhooks\"} 1");

  status_ = 503;
  Happens(2);
  Tells(Of("failed", "1\n"));
  Tells(Of("waiting_seconds", "0."));
  Tells(Of("waiting_seconds", "1."));

  file_ = One(R"(, "paused": true)");
  ASSERT_TRUE(process->Tick().ok());
  Tells(Of("paused", "1\n"));

  our_turn_ = false;
  ASSERT_TRUE(process->Tick().ok());
  Tells("civicmesh_webhooks_sending{domain=\"webhooks\"} 0");
  std::string text;
  ASSERT_TRUE(Ask("OPERATOR", &text).ok());
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("subscription=")));
  EXPECT_EQ(Ask("REGISTRAR", &text).error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

}  // namespace
}  // namespace civicmesh::webhooks
