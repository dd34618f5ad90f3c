// The control service through a real gRPC server: also the test of gate, guard and Serve.
#include "services/runtime/rpc/control_service.h"

#include <google/protobuf/text_format.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/server_interceptor.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "absl/strings/match.h"
#include "civicmesh/log/v1/log.pb.h"
#include "civicmesh/reference/v1/quotas.pb.h"
#include "civicmesh/reference/v1/reference.pb.h"
#include "civicmesh/runtime/v1/control_service.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/hotstate/memory_once.h"
#include "services/runtime/journal/memory_journal.h"
#include "services/runtime/people/agency_quotas.h"
#include "services/runtime/people/revocations.h"
#include "services/runtime/people/roster.h"
#include "services/runtime/rpc/access_for_tests.h"
#include "services/runtime/rpc/auth.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/fields_for_tests.h"
#include "services/runtime/rpc/gate.h"
#include "services/runtime/rpc/metrics.h"
#include "services/runtime/rpc/one_time_tokens.h"
#include "services/runtime/rpc/quota_meter.h"
#include "services/runtime/rpc/service_context.h"
#include "services/runtime/rpc/test_tokens.h"
#include "services/runtime/shard/worker.h"

namespace civicmesh {
namespace {

using runtime::v1::ControlService;

// Forgets the gate.
class Careless : public ControlService::CallbackService {
 public:
  grpc::ServerUnaryReactor* GetShards(grpc::CallbackServerContext* context, const runtime::v1::GetShardsRequest*,
                                      runtime::v1::GetShardsResponse*) override {
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

// Asks the gate by itself, as a stream does.
class ByItself : public ControlService::CallbackService {
 public:
  explicit ByItself(const Gate* gate) : gate_(gate) {}
  grpc::ServerUnaryReactor* GetShards(grpc::CallbackServerContext* context, const runtime::v1::GetShardsRequest*,
                                      runtime::v1::GetShardsResponse*) override {
    auto* reactor = context->DefaultReactor();
    Call call;
    reactor->Finish(gate_->Enter(*context, MethodNamed("civicmesh.runtime.v1.ControlService/GetShards"), &call));
    return reactor;
  }

 private:
  const Gate* const gate_;
};

class ControlTest : public testing::Test {
 protected:
  void Run(std::unique_ptr<grpc::Service> service) {
    if (server_) server_->Shutdown();
    service_ = std::move(service);
    grpc::ServerBuilder builder;
    builder.RegisterService(service_.get());
    std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> guards;
    guards.push_back(MakeGuard(&metrics_, &clock_));
    builder.experimental().SetInterceptorCreators(std::move(guards));
    server_ = builder.BuildAndStart();
    stub_ = ControlService::NewStub(server_->InProcessChannel({}));
  }
  void SetUp() override { Start(/*driven=*/true); }
  void Start(bool driven) {
    context_.driven_clock = driven;
    gate_ = std::make_unique<Gate>(tokens_.get(),
                                   Gate::People{.roster = [this] { return roster_; },
                                                .revocations = [this] { return revocations_; },
                                                .quotas = [this] { return agency_quotas_; }},
                                   &clock_, driven,
                                   Gate::Counters{.one_time = &one_time_, .quotas = &quotas_, .agency_per_minute = 6});
    context_.gate = gate_.get();
    Run(MakeControlService({.service = &context_,
                            .new_appender = [this] { return journal_.NewAppender(); },
                            .waiting_for = [this] { return waiting_; }}));
  }
  void TearDown() override { server_->Shutdown(); }

  std::unique_ptr<grpc::ClientContext> As(const std::string& role) {
    auto context = std::make_unique<grpc::ClientContext>();
    if (!role.empty())
      context->AddMetadata("authorization", "Bearer " + issuer_.Token({{"iss", "i"},
                                                                       {"aud", "a"},
                                                                       {"sub", "o-1"},
                                                                       {"exp", clock_.wall_ms() / 1000 + 60},
                                                                       {"roles", {role}}}));
    return context;
  }
  std::unique_ptr<grpc::ClientContext> Plain(const std::string& subject,
                                             const std::string& time = "2026-11-18T10:00:00+08:00") {
    auto context = std::make_unique<grpc::ClientContext>();
    context->AddMetadata(
        "authorization",
        "Bearer " +
            issuer_.Token({{"iss", "i"}, {"aud", "a"}, {"sub", subject}, {"exp", clock_.wall_ms() / 1000 + 60}}));
    context->AddMetadata("civicmesh-time", time);
    return context;
  }
  // A development token, with these claims beside the usual ones.
  std::string TokenWith(nlohmann::json claims) const {
    nlohmann::json all{{"iss", "i"},
                       {"aud", "a"},
                       {"sub", "o-1"},
                       {"iat", clock_.wall_ms() / 1000},
                       {"exp", clock_.wall_ms() / 1000 + 60},
                       {"roles", {"OPERATOR"}}};
    all.update(claims);
    return issuer_.Token(all);
  }
  grpc::Status GetShardsWith(const std::string& token, const std::string& service = "intake") {
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer " + token);
    return GetShards(&context, service);
  }
  grpc::Status GetShards(grpc::ClientContext* context, const std::string& service = "intake") {
    runtime::v1::GetShardsRequest request;
    request.set_service(service);
    shards_.Clear();
    return stub_->GetShards(context, request, &shards_);
  }
  runtime::v1::QuiesceResponse Quiesce() {
    runtime::v1::QuiesceRequest request;
    request.set_service("intake");
    runtime::v1::QuiesceResponse response;
    const grpc::Status status = stub_->Quiesce(As("OPERATOR").get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  log::v1::Command Landed(int shard, size_t index) {
    log::v1::Command command;
    EXPECT_TRUE(command.ParseFromString(std::string(*Unframe(log_.records({Topic::kInbox, shard})[index].value))));
    return command;
  }

  FakeClock clock_;
  TestIssuer issuer_;
  std::unique_ptr<TokenVerifier> tokens_ =
      *TokenVerifier::Make({.jwks = issuer_.Jwks(),
                            .issuer = "i",
                            .audience = "a",
                            .audiences = {{"agencies", ClientKind::kAgency}, {"console", ClientKind::kStaff}},
                            .development = true});
  MemoryOnce once_;
  OneTimeTokens one_time_{&once_};
  QuotaMeter quotas_;
  MemoryLog log_{2, [this] { return clock_.wall_ms(); }};
  MemoryJournal journal_{&log_};
  Metrics metrics_{"intake"};
  std::vector<ShardStatus> status_{{.shard = 0, .assigned = true, .serving = true, .phase = "serving"},
                                   {.shard = 1, .assigned = true, .serving = true, .phase = "serving"}};
  std::vector<std::string> waiting_;
  std::shared_ptr<const Roster> roster_;
  std::shared_ptr<const Revocations> revocations_;
  std::shared_ptr<const AgencyQuotas> agency_quotas_;
  std::unique_ptr<Gate> gate_;
  ServiceContext context_{
      .domain = "intake", .shards = 2, .clock = &clock_, .metrics = &metrics_, .journal = &journal_, .status = [this] {
        return status_;
      }};
  std::unique_ptr<grpc::Service> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<ControlService::Stub> stub_;
  runtime::v1::GetShardsResponse shards_;
};

TEST_F(ControlTest, TheGateLetsOnlyOperatorsIn) {
  EXPECT_TRUE(GetShards(As("OPERATOR").get()).ok());
  EXPECT_EQ(shards_.shards_size(), 2);
  EXPECT_EQ(GetShards(As("CITIZEN").get()).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(GetShards(As("").get()).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(shards_.shards_size(), 0);
  auto basic = As("");
  basic->AddMetadata("authorization", "Basic abc");
  EXPECT_EQ(GetShards(basic.get()).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  auto two = As("OPERATOR");
  two->AddMetadata("authorization", "Bearer x");
  EXPECT_EQ(GetShards(two.get()).error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(ControlTest, OnlyPostsThatAnRpcNamesMayCallIt) {
  const TriedService tried{server_->InProcessChannel({}), [this](const ActorView& actor, const std::string&) {
                             return As(actor.posts.empty() ? "" : actor.posts[0].role);
                           }};
  EXPECT_EQ(WrongAnswersToPosts(tried, "civicmesh.runtime.v1.ControlService"), std::vector<std::string>{});
}

TEST_F(ControlTest, NoFieldTakesWhatNobodyShouldSend) {
  const TriedService tried{server_->InProcessChannel({}),
                           [this](const ActorView&, const std::string&) { return As("OPERATOR"); }};
  FieldRules rules = {{"AdvanceTimeRequest.time", Time(/*past=*/true, /*future=*/true)},
                      {"ActivateReferenceRequest.kind", Id()},
                      {"ActivateReferenceRequest.version", Id()},
                      {"ActivateReferenceRequest.sha256", Digest()},
                      {"ActivateReferenceRequest.valid_from", Time(/*past=*/true, /*future=*/true)}};
  std::vector<RequestCase> cases;
  const auto* service = runtime::v1::AdvanceTimeRequest::descriptor()->file()->service(0);
  for (int m = 0; m < service->method_count(); ++m) {
    const auto* method = service->method(m);
    rules[method->input_type()->name() + ".service"] = Id();
    const std::map<std::string, std::string> fields = {
        {"AdvanceTime", "time {seconds: 1760000000}"},
        {"ActivateReference",
         "kind: 'standard' version: '2026' valid_from {seconds: 1760000000} sha256: '" + std::string(32, 's') + "'"}};
    const auto more = fields.find(method->name());
    cases.push_back(
        {method->name(),
         {.subject = "o-1", .posts = {}},
         "",
         [method, text = "service: 'intake' " + (more == fields.end() ? "" : more->second)] {
           std::unique_ptr<google::protobuf::Message> request(
               google::protobuf::MessageFactory::generated_factory()->GetPrototype(method->input_type())->New());
           EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, request.get())) << text;
           return request;
         }});
  }
  const auto bytes = [this] {
    std::string all;
    for (int shard : {0, 1})
      for (const auto& record : log_.records({Topic::kInbox, shard})) all += record.value;
    return all;
  };
  EXPECT_EQ(
      WrongAnswersToFields(
          tried, {[] { return std::string(); }, bytes, [] { return int64_t{0}; }, [](const auto&) { return "nobody"; }},
          "civicmesh.runtime.v1.ControlService", rules, cases),
      std::vector<std::string>{});
}

TEST_F(ControlTest, WhatACallerMayStandsInTheRosterAndNotInTheToken) {
  EXPECT_EQ(ReasonOf(GetShards(Plain("li").get())), "REASON_RECOVERING");  // nobody knows yet
  reference::v1::Roster message;
  message.set_version("7");
  auto* li = message.add_members();
  li->set_subject("li");
  auto* post = li->add_posts();
  post->set_role("OPERATOR");
  post->set_valid_until("2026-11-20T00:00:00+08:00");
  auto* wang = message.add_members();
  wang->set_subject("wang");
  wang->add_posts()->set_role("ANALYST");
  roster_ = *Roster::Make(message);
  EXPECT_TRUE(GetShards(Plain("li", "2026-11-19T10:00:00+08:00").get()).ok());
  EXPECT_EQ(GetShards(Plain("li", "2026-11-20T00:00:00+08:00").get()).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(GetShards(Plain("wang").get()).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(GetShards(Plain("anybody").get()).error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(ControlTest, ARevokedTokenIsRefused) {
  ASSERT_TRUE(GetShards(As("OPERATOR").get()).ok());
  reference::v1::Revocations message;
  message.set_version("1");
  message.add_revocations()->set_subject("o-1");
  revocations_ = *Revocations::Make(message);
  EXPECT_EQ(GetShards(As("OPERATOR").get()).error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(ControlTest, ATokenThatIsGoodOnceLetsOneCallIn) {
  const nlohmann::json once = {{"civicmesh_use", "once"}, {"jti", "t-1"}};
  ASSERT_TRUE(GetShardsWith(TokenWith(once)).ok());
  EXPECT_EQ(shards_.shards_size(), 2);
  const grpc::Status again = GetShardsWith(TokenWith(once));
  EXPECT_EQ(again.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(shards_.shards_size(), 0) << "the handler was not asked";
  EXPECT_EQ(GetShardsWith(TokenWith({{"civicmesh_use", "once"}, {"jti", "t-1"}, {"sub", "o-2"}})).error_code(),
            grpc::StatusCode::UNAUTHENTICATED)
      << "the same id, whatever else it says";
  EXPECT_TRUE(GetShardsWith(TokenWith({{"jti", "t-1"}})).ok()) << "as often as one likes, where it does not say once";
}

TEST_F(ControlTest, OnlyACallThatIsLetInUsesATokenUp) {
  const nlohmann::json once = {{"civicmesh_use", "once"}, {"jti", "t-1"}};
  nlohmann::json citizens = once;
  citizens["roles"] = {"CITIZEN"};
  EXPECT_EQ(GetShardsWith(TokenWith(citizens)).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(GetShardsWith(TokenWith(once)).ok());
}

TEST_F(ControlTest, WithoutHotStateOnlyTokensThatAreGoodOnceAreRefused) {
  once_.SetAway(true);
  const grpc::Status status = GetShardsWith(TokenWith({{"civicmesh_use", "once"}, {"jti", "t-1"}}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "REASON_RECOVERING");
  EXPECT_TRUE(GetShards(As("OPERATOR").get()).ok());
}

TEST_F(ControlTest, WhoDoesNotUseUpATokenMayNotTakeIt) {
  Run(std::make_unique<ByItself>(gate_.get()));
  EXPECT_TRUE(GetShardsWith(TokenWith({{"jti", "t-1"}})).ok());
  EXPECT_EQ(GetShardsWith(TokenWith({{"civicmesh_use", "once"}, {"jti", "t-1"}})).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(ControlTest, AnAgencyHasAQuotaOfItsOwn) {
  const std::string one = TokenWith({{"aud", "agencies"}, {"sub", "one"}}),
                    other = TokenWith({{"aud", {"console", "agencies"}}, {"sub", "other"}});
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(GetShardsWith(one).ok()) << i;
  const grpc::Status over = GetShardsWith(one);
  EXPECT_EQ(over.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(over), "REASON_QUOTA_EXHAUSTED");
  google::rpc::Status details;
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(details.ParseFromString(over.error_details()));
  for (const auto& detail : details.details()) detail.UnpackTo(&retry);
  EXPECT_EQ(retry.retry_delay().seconds(), 10);
  EXPECT_TRUE(GetShardsWith(other).ok()) << "it slows nobody else";
  EXPECT_TRUE(GetShards(As("OPERATOR").get()).ok());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(GetShardsWith(TokenWith({{"sub", "one"}})).ok()) << "not as an agency";
  clock_.Advance(10'000);
  EXPECT_TRUE(GetShardsWith(one).ok());
  EXPECT_FALSE(GetShardsWith(one).ok());
}

TEST_F(ControlTest, AnAgencyPaysForWhatIsRefusedToo) {
  const std::string token = TokenWith({{"aud", "agencies"}, {"sub", "one"}});
  for (int i = 0; i < 6; ++i) EXPECT_EQ(ReasonOf(GetShardsWith(token, "dispatch")), "REASON_OTHER_SERVICE");
  EXPECT_EQ(ReasonOf(GetShardsWith(token)), "REASON_QUOTA_EXHAUSTED");
}

TEST_F(ControlTest, SingleAgenciesMayHaveAnotherQuota) {
  reference::v1::AgencyQuotas message;
  message.set_version("1");
  auto* quota = message.add_quotas();
  quota->set_subject("one");
  quota->set_per_minute(2);
  agency_quotas_ = *AgencyQuotas::Make(message);
  const std::string one = TokenWith({{"aud", "agencies"}, {"sub", "one"}}),
                    other = TokenWith({{"aud", "agencies"}, {"sub", "other"}});
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(GetShardsWith(one).ok(), i < 2) << i;
    EXPECT_TRUE(GetShardsWith(other).ok()) << i;
  }
}

TEST_F(ControlTest, WithoutAKeySetNobodyCanSayWhetherATokenIsGood) {
  ASSERT_TRUE(tokens_->Rotate(issuer_.Jwks(), clock_.wall()).ok());
  const grpc::Status status = GetShards(As("OPERATOR").get());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "REASON_ISSUER_AWAY");
  EXPECT_EQ(GetShards(As("").get()).error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(ControlTest, TheGatesMarkStaysInside) {
  auto context = As("OPERATOR");
  ASSERT_TRUE(GetShards(context.get()).ok());
  EXPECT_EQ(context->GetServerTrailingMetadata().count("civicmesh-passed"), 0u);
}

TEST_F(ControlTest, AHandlerThatForgotTheGateIsFoundOut) {
  Run(std::make_unique<Careless>());
  EXPECT_EQ(GetShards(As("OPERATOR").get()).error_code(), grpc::StatusCode::INTERNAL);
}

TEST_F(ControlTest, AnotherServicesCallIsRefused) {
  const grpc::Status status = GetShards(As("OPERATOR").get(), "dispatch");
  EXPECT_EQ(ReasonOf(status), "REASON_OTHER_SERVICE");
}

TEST_F(ControlTest, AdvanceTimeGoesToEveryShardUnderTheDrivenClockOnly) {
  runtime::v1::AdvanceTimeRequest request;
  request.set_service("intake");
  request.mutable_time()->set_seconds(1'760'000'000);
  runtime::v1::AdvanceTimeResponse response;
  ASSERT_TRUE(stub_->AdvanceTime(As("OPERATOR").get(), request, &response).ok());
  ASSERT_EQ(response.inbox_offsets_size(), 2);
  for (int shard : {0, 1}) {
    EXPECT_EQ(Landed(shard, 0).kind(), log::v1::Command::KIND_ADVANCE_TIME);
    EXPECT_EQ(Landed(shard, 0).driven_time_ms(), 1'760'000'000'000);
  }
  Start(/*driven=*/false);
  EXPECT_EQ(ReasonOf(stub_->AdvanceTime(As("OPERATOR").get(), request, &response)), "REASON_CLOCK_NOT_DRIVEN");
}

TEST_F(ControlTest, BusinessTimeIsTakenUnderTheDrivenClockOnly) {
  auto good = As("OPERATOR"), bad = As("OPERATOR"), real = As("OPERATOR");
  good->AddMetadata("civicmesh-time", "2026-11-18T10:00:00+08:00");
  bad->AddMetadata("civicmesh-time", "yesterday");
  real->AddMetadata("civicmesh-time", "2026-11-18T10:00:00+08:00");
  EXPECT_TRUE(GetShards(good.get()).ok());
  EXPECT_EQ(GetShards(bad.get()).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  Start(/*driven=*/false);
  EXPECT_EQ(ReasonOf(GetShards(real.get())), "REASON_CLOCK_NOT_DRIVEN");
}

TEST_F(ControlTest, ActivateReferenceHasTheSameIdsWhenRepeated) {
  runtime::v1::ActivateReferenceRequest request;
  request.set_service("intake");
  request.set_kind("standard");
  request.set_version("2026");
  request.set_sha256("short");
  request.mutable_valid_from()->set_seconds(1'760'000'000);
  runtime::v1::ActivateReferenceResponse response;
  EXPECT_EQ(stub_->ActivateReference(As("OPERATOR").get(), request, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  request.set_sha256(std::string(32, 's'));
  for (int i : {0, 1}) {
    ASSERT_TRUE(stub_->ActivateReference(As("OPERATOR").get(), request, &response).ok()) << i;
  }
  EXPECT_EQ(Landed(1, 0).command_id(), Landed(1, 1).command_id());
  EXPECT_EQ(Landed(1, 0).body_hash(), Landed(1, 1).body_hash());
  EXPECT_NE(Landed(0, 0).command_id(), Landed(1, 0).command_id());
  EXPECT_EQ(Landed(1, 0).activation().version(), "2026");
}

TEST_F(ControlTest, ShardsTellWhichReferenceDataTheyUse) {
  status_[1].activations = {{"standard", "2026", std::string(32, 's'), 1'760'000'000'500}};
  ASSERT_TRUE(GetShards(As("OPERATOR").get()).ok());
  EXPECT_TRUE(shards_.driven_clock());
  EXPECT_EQ(shards_.shards(0).references_size(), 0);
  ASSERT_EQ(shards_.shards(1).references_size(), 1);
  const auto& active = shards_.shards(1).references(0);
  EXPECT_EQ(active.kind() + "/" + active.version(), "standard/2026");
  EXPECT_EQ(active.sha256(), std::string(32, 's'));
  EXPECT_EQ(active.valid_from().seconds(), 1'760'000'000);
  EXPECT_EQ(active.valid_from().nanos(), 500'000'000);
  Start(/*driven=*/false);
  ASSERT_TRUE(GetShards(As("OPERATOR").get()).ok());
  EXPECT_FALSE(shards_.driven_clock());
}

TEST_F(ControlTest, QuiesceTellsWhatIsUnderWay) {
  EXPECT_TRUE(Quiesce().at_rest());
  auto session = journal_.NewAppender();
  ASSERT_TRUE(session->Append({Topic::kInbox, 1}, "x", {}).ok());
  auto response = Quiesce();
  EXPECT_FALSE(response.at_rest());
  EXPECT_EQ(response.waiting_for(0), "shard 1: 1 commands to decide");
  EXPECT_EQ(response.shards(1).inbox(), 1);
  status_[1].inbox_next = 1;
  EXPECT_TRUE(Quiesce().at_rest());
  status_[0].journal_next = 4;
  EXPECT_FALSE(Quiesce().at_rest());
  status_[0].folded = 4;
  EXPECT_FALSE(Quiesce().at_rest());
  status_[0].published = 4;
  EXPECT_TRUE(Quiesce().at_rest());
  waiting_ = {"policy open_case"};
  EXPECT_FALSE(Quiesce().at_rest());
  waiting_.clear();
  status_[0].serving = false;
  EXPECT_FALSE(Quiesce().at_rest());
}

TEST_F(ControlTest, AServiceWithoutShardsRestsWhereNothingWaits) {
  context_.shards = 0;
  context_.journal = nullptr;
  status_.clear();
  Start(/*driven=*/true);
  runtime::v1::AdvanceTimeRequest advance;
  advance.set_service("intake");
  advance.mutable_time()->set_seconds(1'790'000'000);
  runtime::v1::AdvanceTimeResponse advanced;
  ASSERT_TRUE(stub_->AdvanceTime(As("OPERATOR").get(), advance, &advanced).ok());
  EXPECT_EQ(advanced.inbox_offsets_size(), 0);
  EXPECT_TRUE(Quiesce().at_rest());
  waiting_ = {"dispatch, shard 3: 7 events to fold"};
  EXPECT_FALSE(Quiesce().at_rest());
}

TEST_F(ControlTest, MetricsCountCallsByMethodAndCode) {
  ASSERT_TRUE(GetShards(As("OPERATOR").get()).ok());
  GetShards(As("CITIZEN").get());
  runtime::v1::GetMetricsRequest request;
  request.set_service("intake");
  google::api::HttpBody body;
  metrics_.ObserveShards([this] { return status_; });
  metrics_.ObserveGauge("civicmesh_fold_lag", "Events to fold.", [] {
    return Metrics::Gauge{{{{"source", "points"}}, 7}};
  });
  ASSERT_TRUE(stub_->GetMetrics(As("OPERATOR").get(), request, &body).ok());
  EXPECT_TRUE(absl::StrContains(body.data(), "code=\"PERMISSION_DENIED\"")) << body.data();
  EXPECT_TRUE(absl::StrContains(body.data(), "method=\"civicmesh.runtime.v1.ControlService/GetShards\""));
  EXPECT_TRUE(absl::StrContains(body.data(), "civicmesh_shard_serving{domain=\"intake\",shard=\"1\"} 1"));
  EXPECT_TRUE(absl::StrContains(body.data(), "civicmesh_fold_lag{domain=\"intake\",source=\"points\"} 7"));
}

TEST_F(ControlTest, WhatAGaugeTellsNoMoreIsToldNoMore) {
  Metrics::Gauge values{{{{"subscription", "gone"}}, 1}, {{{"subscription", "stays"}}, 2}};
  metrics_.ObserveGauge("civicmesh_told", "For this test.", [&] { return values; });
  EXPECT_NE(metrics_.Text().find("subscription=\"gone\""), std::string::npos);
  values.erase(values.begin());
  const std::string text = metrics_.Text();
  EXPECT_NE(text.find("subscription=\"stays\"} 2"), std::string::npos) << text;
  EXPECT_EQ(text.find("subscription=\"gone\""), std::string::npos) << text;
}

TEST_F(ControlTest, MetricsTellHowFarAShardLags) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(journal_.NewAppender()->Append({Topic::kInbox, 1}, "command", {}).ok());
  status_[1].inbox_next = 1;
  runtime::v1::GetMetricsRequest request;
  request.set_service("intake");
  google::api::HttpBody body;
  ASSERT_TRUE(stub_->GetMetrics(As("OPERATOR").get(), request, &body).ok());
  EXPECT_TRUE(absl::StrContains(body.data(), "civicmesh_shard_lag{domain=\"intake\",shard=\"0\"} 0")) << body.data();
  EXPECT_TRUE(absl::StrContains(body.data(), "civicmesh_shard_lag{domain=\"intake\",shard=\"1\"} 2"));
}

}  // namespace
}  // namespace civicmesh
