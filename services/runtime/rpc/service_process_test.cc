// A whole service over the in-memory twins: gRPC in, inbox, worker, journal, hot state, answer, read, health, drain.
#include "services/runtime/rpc/service_process.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <mutex>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "civicmesh/log/v1/log.pb.h"
#include "civicmesh/runtime/v1/control_service.grpc.pb.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/rpc/control_service.h"
#include "services/runtime/rpc/locked_twins.h"
#include "services/runtime/rpc/metrics.h"
#include "services/runtime/rpc/serve.h"
#include "services/runtime/rpc/test_tokens.h"

namespace civicmesh {
namespace {

constexpr char kRequestId[] = "-7abc-8def-001122334455";

// A domain whose command names a stream and adds its text to it.
class Texts : public Machine {
 public:
  absl::StatusOr<Decision<Bytes>> Decide(std::string_view payload, const Context&) const override {
    if (payload == "no")
      return Decision<Bytes>(Refusal{.reason = "REASON_NO", .domain = "intake", .code = 9, .field = "", .detail = ""});
    Decided<Bytes> decided{.events = {}, .timers = {}, .resource = "t"};
    decided.Add("t", std::string(payload));
    return Decision<Bytes>(std::move(decided));
  }
  absl::StatusOr<Decision<Bytes>> Fire(const FiredTimer&, const Context&) const override {
    return absl::InvalidArgumentError("no timers");
  }
  absl::Status Evolve(const EventMeta& meta, std::string_view event) override {
    texts_[std::string(meta.stream)].append(event);
    return absl::OkStatus();
  }
  Bytes Save(std::string_view stream) const override {
    auto it = texts_.find(std::string(stream));
    return it == texts_.end() ? "" : it->second;
  }
  absl::Status Load(std::string_view stream, std::string_view state) override {
    texts_[std::string(stream)] = std::string(state);
    return absl::OkStatus();
  }
  std::vector<std::string> Rows(std::string_view) const override { return {}; }
  absl::StatusOr<std::vector<PublicEvent>> Publish(const EventMeta&, std::string_view) const override {
    return std::vector<PublicEvent>();
  }

 private:
  std::map<std::string, std::string> texts_;
};

class ServiceProcessTest : public testing::Test {
 protected:
  void SetUp() override { StartProcess(/*reflection=*/false); }
  void TearDown() override {
    if (!held_.HasBeenNotified()) held_.Notify();
  }
  // Hears nothing until the test lets it go on.
  class HeldSource : public GroupReader {
   public:
    explicit HeldSource(absl::Notification* held) : held_(held) {}
    int Poll(LogSink&, int, int) override {
      held_->WaitForNotification();
      std::this_thread::yield();
      return 0;
    }
    void Commit(int, int64_t) override {}
    void Rewind() override {}
    std::map<int, int64_t> Held() override { return {}; }

   private:
    absl::Notification* held_;
  };
  void StartProcess(bool reflection) {
    process_.reset();
    ProcessOptions options{.listen = "",
                           .shards = 2,
                           .reflection = reflection,
                           .jwks = issuer_.Jwks(),
                           .issuer_keys = {.url = issuer_url_},
                           .issuer = "i",
                           .audience = "a",
                           .development_tokens = true,
                           .body_key = "k",
                           .late_after = late_after_,
                           .stuck_after = stuck_after_};
    ServiceSpec spec{.domain = "intake",
                     .machines = [](int) { return std::make_unique<Texts>(); },
                     .services = [](const ServiceContext&) { return std::vector<std::shared_ptr<grpc::Service>>(); }};
    Backends backends{.journal = &journal_,
                      .new_appender = [this] { return journal_.NewAppender(); },
                      .hot = &hot_,
                      .reads = &reads_,
                      .references = &library_,
                      .reply_to = "here",
                      .send_reply =
                          [this](int, const std::string& to, std::string reply) {
                            std::lock_guard lock(sent_mutex_);
                            sent_.emplace_back(to, std::move(reply));
                          },
                      .group_reader = [this](const PolicySpec&) { return std::make_unique<HeldSource>(&held_); },
                      .plain_reader = [this](const std::string&) { return journal_.NewReader(); },
                      .health = [this] { return below_; }};
    if (with_policy_)
      spec.policies = [](int) { return std::vector<PolicySpec>{{.name = "copy", .source_domain = "x", .react = {}}}; };
    auto started = ServiceProcess::Start(std::move(spec), options, std::move(backends));
    ASSERT_TRUE(started.ok()) << started.status();
    process_ = *std::move(started);
  }

  // Ticks until `name` is `wanted`; the bound is only for a test that fails.
  bool Becomes(const std::string& name, bool wanted) {
    auto health = process_->server().GetHealthCheckService();
    EXPECT_NE(health, nullptr);
    const absl::Time until = absl::Now() + absl::Seconds(30);
    while (absl::Now() < until) {
      EXPECT_TRUE(process_->Tick().ok());
      if (Health(name) == wanted) return true;
      std::this_thread::yield();
    }
    return false;
  }
  // Ticks until that says so.
  bool TicksUntil(const std::string& why) {
    const absl::Time until = absl::Now() + absl::Seconds(30);
    while (absl::Now() < until) {
      const absl::Status ticked = process_->Tick();
      if (absl::IsDeadlineExceeded(ticked) && ticked.message() == why) return true;
      std::this_thread::yield();
    }
    return false;
  }
  bool Health(const std::string& name) {
    // grpc.health.v1: request {1: service}, response {1: status, SERVING = 1}.
    std::string answer;
    const std::string question = name.empty() ? "" : std::string("\x0a") + static_cast<char>(name.size()) + name;
    return Ask("/grpc.health.v1.Health/Check", question, &answer).ok() && answer == std::string("\x08\x01", 2);
  }
  grpc::Status Ask(const std::string& method, const std::string& question, std::string* answer) {
    grpc::Slice slice(question);
    grpc::ByteBuffer request(&slice, 1), response;
    grpc::GenericStub stub(process_->server().InProcessChannel({}));
    grpc::ClientContext context;
    absl::Notification done;
    grpc::Status status;
    stub.UnaryCall(&context, method, {}, &request, &response, [&](grpc::Status s) {
      status = std::move(s);
      done.Notify();
    });
    done.WaitForNotification();
    std::vector<grpc::Slice> parts;
    if (!status.ok() || !response.Dump(&parts).ok()) return status;
    for (const auto& part : parts) answer->append(reinterpret_cast<const char*>(part.begin()), part.size());
    return status;
  }

  void Submit(int n, const std::string& payload, CommandDoor::Done done) {
    // request_id is a UUIDv7 of now: the door refuses nothing of it, the owner would refuse an old one.
    char head[16];
    std::snprintf(head, sizeof head, "%012llx",
                  static_cast<unsigned long long>(Clock::Real()->wall_ms()) + static_cast<unsigned>(n));
    const std::string time(head);
    const std::string request_id = time.substr(0, 8) + "-" + time.substr(8) + kRequestId;
    runtime::v1::QuiesceRequest body;
    body.set_service(payload);
    process_->context().door->Submit(
        {.actor = {.subject = "c", .posts = {}}, .method = "a.B/C", .deadline_steady_ms = INT64_MAX},
        {.shard = 1, .routing_key = "t", .request_id = request_id, .body = &body, .payload = payload}, std::move(done));
  }
  CommandResult Submit(int n, const std::string& payload) {
    CommandResult got;
    absl::Notification done;
    Submit(n, payload, [&](CommandResult r) {
      got = std::move(r);
      done.Notify();
    });
    done.WaitForNotification();
    return got;
  }

  TestIssuer issuer_;
  std::string issuer_url_;
  MemoryLog log_{2, [] { return Clock::Real()->wall_ms(); }};
  LockedJournal journal_{&log_};
  MemoryRedis redis_;
  LockedHot hot_{&redis_, "intake"};
  LockedReads reads_{&redis_, "intake"};
  ReferenceLibrary library_{{}};
  std::mutex sent_mutex_;
  std::vector<std::pair<std::string, std::string>> sent_;
  absl::Status below_;
  absl::Notification held_;
  bool with_policy_ = false;
  absl::Duration late_after_ = absl::Seconds(20), stuck_after_ = absl::Seconds(90);
  std::unique_ptr<ServiceProcess> process_;
};

TEST_F(ServiceProcessTest, DecidesAnswersReadsAndDrains) {
  process_->SetAssigned({0, 1});
  ASSERT_TRUE(Becomes("intake/1", true));
  ASSERT_TRUE(Becomes("", true));
  EXPECT_EQ(Submit(1, "one ").state, "one ");
  EXPECT_EQ(Submit(2, "two").state, "one two");
  EXPECT_EQ(Submit(3, "no").status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);

  StreamResult read;
  ReadStream(reads_, 1, "t", [&](StreamResult r) { read = std::move(r); });
  EXPECT_EQ(read.state, "one two");
  EXPECT_EQ(read.version, 2u);

  process_->Drain(absl::Seconds(5));
  EXPECT_EQ(Submit(4, "late").status.error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ServiceProcessTest, IsNotReadyWhereItCannotServe) {
  EXPECT_FALSE(Health("intake/0"));
  process_->SetAssigned({1});
  ASSERT_TRUE(Becomes("intake/1", true));
  ASSERT_TRUE(Becomes("intake/0", false));
  ASSERT_TRUE(Becomes("", true));
  below_ = absl::UnavailableError("lost its place");
  ASSERT_TRUE(Becomes("", false));
  below_ = absl::OkStatus();
  ASSERT_TRUE(Becomes("", true));
  process_->SetAssigned({});
  ASSERT_TRUE(Becomes("intake/1", false));
}

TEST_F(ServiceProcessTest, AnswersAnotherReplicaOverItsChannel) {
  process_->SetAssigned({1});
  ASSERT_TRUE(Becomes("intake/1", true));
  CommandDoor other(
      {.reply_to = "there", .body_key = "k", .persons = PersonTokens("k")}, [this] { return journal_.NewAppender(); },
      &reads_, Clock::Real());
  runtime::v1::QuiesceRequest body;
  CommandResult got;
  char head[16];
  std::snprintf(head, sizeof head, "%012llx", static_cast<unsigned long long>(Clock::Real()->wall_ms()));
  const std::string time(head);
  bool answered = false;
  other.Submit({.actor = {.subject = "c", .posts = {}}, .method = "a.B/C", .deadline_steady_ms = INT64_MAX},
               {.shard = 1,
                .routing_key = "t",
                .request_id = time.substr(0, 8) + "-" + time.substr(8) + kRequestId,
                .body = &body,
                .payload = "x"},
               [&](CommandResult r) {
                 got = std::move(r);
                 answered = true;
               });
  const absl::Time until = absl::Now() + absl::Seconds(30);
  while (!answered && absl::Now() < until) {
    std::vector<std::pair<std::string, std::string>> sent;
    {
      std::lock_guard lock(sent_mutex_);
      sent.swap(sent_);
    }
    for (auto& [to, bytes] : sent) {
      EXPECT_EQ(to, "there");
      log::v1::Reply reply;
      ASSERT_TRUE(reply.ParseFromString(bytes));
      other.Deliver(reply);
    }
    other.RunDue();
    std::this_thread::yield();
  }
  EXPECT_EQ(got.state, "x");
}

TEST_F(ServiceProcessTest, ReflectsOnlyWhenAsked) {
  // {list_services: ""}
  const std::string question("\x3a\x00", 2);
  std::string answer;
  EXPECT_EQ(Ask("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", question, &answer).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
  StartProcess(/*reflection=*/true);
  EXPECT_TRUE(Ask("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", question, &answer).ok());
  EXPECT_NE(answer.find("civicmesh.runtime.v1.ControlService"), std::string::npos);
}

TEST_F(ServiceProcessTest, IsNotReadyBeforeItHasEverHadKeys) {
  issuer_url_ = "http://127.0.0.1:1/jwks.json";
  StartProcess(/*reflection=*/false);
  process_->SetAssigned({0, 1});
  ASSERT_TRUE(Becomes("intake/1", true));
  ASSERT_TRUE(Becomes("", false));
  EXPECT_FALSE(Health("keys"));
  const std::string metrics = process_->context().metrics->Text();
  EXPECT_NE(metrics.find("civicmesh_key_set_fetches{domain=\"intake\",outcome=\"good\"} 0"), std::string::npos)
      << metrics;
  EXPECT_EQ(metrics.find("civicmesh_key_set_age_seconds{"), std::string::npos) << "there is none";
  issuer_url_ = "";
  StartProcess(/*reflection=*/false);
  process_->SetAssigned({0, 1});
  ASSERT_TRUE(Becomes("", true));
  EXPECT_TRUE(Health("keys"));
}

TEST_F(ServiceProcessTest, SaysThatAPolicyIsLateAndServesOn) {
  with_policy_ = true;
  late_after_ = absl::Milliseconds(200);
  StartProcess(/*reflection=*/false);
  process_->SetAssigned({0, 1});
  ASSERT_TRUE(Becomes("policies", false));
  ASSERT_TRUE(Becomes("", true));
  held_.Notify();
  ASSERT_TRUE(Becomes("policies", true));
}

TEST_F(ServiceProcessTest, EndsWhereAPolicyIsStuckBeyondHope) {
  with_policy_ = true;
  stuck_after_ = absl::Milliseconds(200);
  StartProcess(/*reflection=*/false);
  EXPECT_TRUE(TicksUntil("the thread of policy copy is stuck"));
}

TEST_F(ServiceProcessTest, EndsWhereTheDoorIsStuckBeyondHope) {
  stuck_after_ = absl::Milliseconds(200);
  StartProcess(/*reflection=*/false);
  process_->SetAssigned({0, 1});
  Submit(1, "x", [this](const CommandResult&) { held_.WaitForNotification(); });
  EXPECT_TRUE(TicksUntil("the door's thread is stuck"));
}

TEST(ServiceProcess, RefusesToStartWithoutKeys) {
  MemoryLog log(1, [] { return int64_t{1}; });
  LockedJournal journal(&log);
  auto started =
      ServiceProcess::Start({.domain = "intake"}, {.jwks = "", .issuer = "i", .audience = "a"}, {.journal = &journal});
  EXPECT_EQ(started.status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace civicmesh
