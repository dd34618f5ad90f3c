// AnalyticsService through a real gRPC server, over in-memory logs.
#include "services/analytics/analytics_rpc.h"

#include <google/protobuf/text_format.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "civicmesh/analytics/v1/analytics_service.grpc.pb.h"
#include "services/analytics/domain/case_story_for_tests.h"
#include "services/analytics/domain/kpi.h"
#include "services/analytics/event_records.h"
#include "services/analytics/fold.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/journal/memory_journal.h"
#include "services/runtime/rpc/access_for_tests.h"
#include "services/runtime/rpc/auth.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/fields_for_tests.h"
#include "services/runtime/rpc/gate.h"
#include "services/runtime/rpc/metrics.h"
#include "services/runtime/rpc/people.h"
#include "services/runtime/rpc/rpc_server.h"
#include "services/runtime/rpc/service_context.h"
#include "services/runtime/rpc/test_tokens.h"

namespace civicmesh::analytics {
namespace {

class AnalyticsRpcTest : public testing::Test {
 protected:
  void SetUp() override {
    context_.gate = &gate_;
    auto server = RpcServer::Start("", false, {MakeAnalyticsRpc(context_, &fold_)}, &metrics_, &clock_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    stub_ = v1::AnalyticsService::NewStub(server_->server().InProcessChannel({}));
  }
  void TearDown() override { server_->Shutdown(absl::Seconds(5)); }

  std::unique_ptr<grpc::ClientContext> As(const std::string& role) {
    auto context = std::make_unique<grpc::ClientContext>();
    context->AddMetadata("authorization", "Bearer " + issuer_.Token({{"iss", "i"},
                                                                     {"aud", "a"},
                                                                     {"sub", "o-1"},
                                                                     {"exp", clock_.wall_ms() / 1000 + 60},
                                                                     {"roles", {role}}}));
    return context;
  }
  TriedService Tried() {
    return {server_->server().InProcessChannel({}), [this](const ActorView& actor, const std::string&) {
              return actor.posts.empty() ? std::make_unique<grpc::ClientContext>() : As(actor.posts[0].role);
            }};
  }
  // Appends to dispatch and folds it.
  void Tell(const Tale& tale) {
    auto session = dispatch_.NewAppender();
    for (const Told& told : tale)
      ASSERT_TRUE(
          session
              ->Append({Topic::kEvents, told.shard}, told.event->SerializeAsString(), EventHeaders(told, {next_++, 0}))
              .ok());
    fold_.Turn(0, 1000, 0);
    fold_.Turn(0, 1000, 0);
  }
  grpc::Status GetKpi(const v1::GetKpiRequest& request, const std::string& role = "ANALYST") {
    kpi_.Clear();
    return stub_->GetKpi(As(role).get(), request, &kpi_);
  }
  grpc::Status ListMembers(const v1::ListKpiMembersRequest& request) {
    members_.Clear();
    return stub_->ListKpiMembers(As("ANALYST").get(), request, &members_);
  }
  static v1::GetKpiRequest Kpi(const std::string& name, const std::string& month = "2026-10") {
    v1::GetKpiRequest request;
    request.set_name("kpis/" + name);
    request.set_month(month);
    return request;
  }
  // Due in October: c1 closed, c2 and c3 open, c4 declined.
  Tale Four() {
    const auto sent = [](const std::string& name, int shard) {
      return CaseStory(name, {.report = "r", .shard = shard})
          .Opened("10-08 09:00")
          .Dispatched("10-08 09:10", {.due = "10-09 09:00"});
    };
    return Together(sent("c1", 0).FedBack("10-08 10:00").Closed("10-08 11:00"), sent("c2", 1), sent("c3", 0),
                    sent("c4", 1).Declined("10-08 12:00"));
  }

  FakeClock clock_;
  TestIssuer issuer_;
  std::unique_ptr<TokenVerifier> tokens_ =
      *TokenVerifier::Make({.jwks = issuer_.Jwks(), .issuer = "i", .audience = "a", .development = true});
  MemoryLog log_{2, [this] { return clock_.wall_ms(); }};
  MemoryJournal dispatch_{&log_};
  Fold fold_{{{"dispatch", &dispatch_}}, &clock_};
  Metrics metrics_{"analytics"};
  const ReferenceLibrary references_{{}};
  Gate gate_{tokens_.get(), PeopleOf(references_), &clock_, false};
  ServiceContext context_{.domain = "analytics", .shards = 0, .clock = &clock_, .metrics = &metrics_};
  std::unique_ptr<RpcServer> server_;
  std::unique_ptr<v1::AnalyticsService::Stub> stub_;
  v1::Kpi kpi_;
  v1::ListKpiMembersResponse members_;
  int64_t next_ = 0;
};

TEST_F(AnalyticsRpcTest, HalfAFoldIsNoFigure) {
  const grpc::Status status = GetKpi(Kpi("closure_rate"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "REASON_RECOVERING");
}

TEST_F(AnalyticsRpcTest, OnlyPostsThatAnRpcNamesMayCallIt) {
  Tell(Four());
  EXPECT_EQ(WrongAnswersToPosts(Tried(), "civicmesh.analytics.v1.AnalyticsService"), std::vector<std::string>{});
  EXPECT_TRUE(GetKpi(Kpi("closure_rate"), "SHIFT_LEADER").ok());
}

TEST_F(AnalyticsRpcTest, AFigureSaysWhatItIs) {
  Tell(Four());
  ASSERT_TRUE(GetKpi(Kpi("closure_rate")).ok());
  EXPECT_EQ(kpi_.name(), "kpis/closure_rate");
  EXPECT_EQ(kpi_.title_zh(), "办结率");
  EXPECT_EQ(kpi_.definition_version(), 1);
  EXPECT_EQ(kpi_.kind(), v1::KPI_KIND_RATIO);
  EXPECT_EQ(kpi_.window().start().seconds() * 1000, At("10-01 00:00"));
  EXPECT_EQ(kpi_.window().end().seconds() * 1000, At("11-01 00:00"));
  EXPECT_EQ(kpi_.as_of().seconds() * 1000, At("10-08 12:00"));  // the latest fact
  ASSERT_EQ(kpi_.figures_size(), 1);
  EXPECT_EQ(kpi_.figures(0).numerator(), 1);
  EXPECT_EQ(kpi_.figures(0).denominator(), 3);
  EXPECT_DOUBLE_EQ(kpi_.figures(0).value(), 1.0 / 3);
  ASSERT_EQ(kpi_.figures(0).exclusions_size(), 1);
  EXPECT_EQ(kpi_.figures(0).exclusions(0).reason(), v1::KPI_EXCLUSION_DECLINED);
}

TEST_F(AnalyticsRpcTest, TheValueIsUnsetWhereThereIsNoDenominator) {
  Tell(Four());
  ASSERT_TRUE(GetKpi(Kpi("closure_rate", "2026-12")).ok());
  EXPECT_FALSE(kpi_.figures(0).has_value());
}

TEST_F(AnalyticsRpcTest, AllKpisOverTheMonthOfTheLatestFact) {
  Tell(Four());
  v1::ListKpisResponse response;
  ASSERT_TRUE(stub_->ListKpis(As("ANALYST").get(), v1::ListKpisRequest(), &response).ok());
  ASSERT_EQ(response.kpis_size(), static_cast<int>(Kpis().size()));
  EXPECT_EQ(response.kpis(0).name(), "kpis/avg_response_time");
  EXPECT_EQ(response.kpis(1).window().start().seconds() * 1000, At("10-01 00:00"));
}

TEST_F(AnalyticsRpcTest, KpisComeInPagesOfOnePointOfKnowledge) {
  Tell(Four());
  v1::ListKpisRequest request;
  request.set_page_size(5);
  std::vector<std::string> names;
  v1::ListKpisResponse page;
  do {
    page.Clear();
    ASSERT_TRUE(stub_->ListKpis(As("ANALYST").get(), request, &page).ok());
    EXPECT_LE(page.kpis_size(), 5);
    for (const auto& kpi : page.kpis()) {
      names.push_back(kpi.name());
      EXPECT_EQ(kpi.as_of().seconds() * 1000, At("10-08 12:00"));
    }
    // What happens between two pages is not known in the second.
    if (request.page_token().empty()) Tell(CaseStory("c5", {.report = "r"}).Opened("10-08 12:01").tale);
    request.set_page_token(page.next_page_token());
  } while (!page.next_page_token().empty());
  ASSERT_EQ(names.size(), Kpis().size());
  for (size_t i = 0; i < names.size(); ++i) EXPECT_EQ(names[i], "kpis/" + std::string(Kpis()[i].id));

  request.set_page_token("nonsense");
  EXPECT_EQ(ReasonOf(stub_->ListKpis(As("ANALYST").get(), request, &page)), "REASON_BAD_PAGE_TOKEN");
  request.clear_page_token();
  request.set_page_size(-1);
  EXPECT_EQ(ReasonOf(stub_->ListKpis(As("ANALYST").get(), request, &page)), "REASON_INVALID_ARGUMENT");
}

TEST_F(AnalyticsRpcTest, AnyWindowAndAnyPointOfKnowledge) {
  Tell(Four());
  v1::GetKpiRequest request = Kpi("closure_rate", "");
  Set(request.mutable_window()->mutable_start(), At("10-09 00:00"));
  Set(request.mutable_window()->mutable_end(), At("10-10 00:00"));
  Set(request.mutable_as_of(), At("10-08 10:30"));
  ASSERT_TRUE(GetKpi(request).ok());
  EXPECT_EQ(kpi_.figures(0).numerator(), 0);
  EXPECT_EQ(kpi_.figures(0).denominator(), 4);
  EXPECT_EQ(kpi_.as_of().seconds() * 1000, At("10-08 10:30"));
}

TEST_F(AnalyticsRpcTest, WhatIsAskedWronglyIsRefused) {
  Tell(Four());
  EXPECT_EQ(GetKpi(Kpi("nothing")).error_code(), grpc::StatusCode::NOT_FOUND);
  v1::GetKpiRequest bare = Kpi("closure_rate");
  bare.set_name("closure_rate");
  EXPECT_EQ(GetKpi(bare).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(GetKpi(Kpi("closure_rate", "October")).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  v1::GetKpiRequest both = Kpi("closure_rate");
  both.mutable_window()->mutable_end()->set_seconds(1);
  EXPECT_EQ(GetKpi(both).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  v1::GetKpiRequest backwards = Kpi("closure_rate", "");
  backwards.mutable_window()->mutable_start()->set_seconds(2);
  backwards.mutable_window()->mutable_end()->set_seconds(2);
  EXPECT_EQ(GetKpi(backwards).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  v1::ListKpiMembersRequest members;
  members.set_parent("kpis/closure_rate");
  EXPECT_EQ(ListMembers(members).error_code(), grpc::StatusCode::INVALID_ARGUMENT);  // no part
  members.set_part(v1::KPI_PART_NUMERATOR);
  members.set_page_size(-1);
  EXPECT_EQ(ListMembers(members).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  members.set_page_size(0);
  members.set_parent("kpis/nothing");
  EXPECT_EQ(ListMembers(members).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(AnalyticsRpcTest, MembersComeInPagesOfOnePointOfKnowledge) {
  Tell(Four());
  v1::ListKpiMembersRequest request;
  request.set_parent("kpis/closure_rate");
  request.set_month("2026-10");
  request.set_part(v1::KPI_PART_DENOMINATOR);
  request.set_page_size(2);
  ASSERT_TRUE(ListMembers(request).ok());
  EXPECT_EQ(members_.total_count(), 3);
  ASSERT_EQ(members_.members_size(), 2);
  EXPECT_EQ(members_.members(0).member(), "cases/c1");
  EXPECT_EQ(members_.members(1).member(), "cases/c2");
  EXPECT_EQ(members_.members(0).at().seconds() * 1000, At("10-09 09:00"));

  // What happens between two pages is not known in the second.
  Tell(CaseStory("c5", {.report = "r"}).Opened("10-08 12:01").Dispatched("10-08 12:02", {.due = "10-09 09:00"}).tale);
  v1::ListKpiMembersRequest other = request;
  request.set_page_token(members_.next_page_token());
  ASSERT_TRUE(ListMembers(request).ok());
  EXPECT_EQ(members_.total_count(), 3);
  ASSERT_EQ(members_.members_size(), 1);
  EXPECT_EQ(members_.members(0).member(), "cases/c3");
  EXPECT_EQ(members_.next_page_token(), "");
  EXPECT_EQ(members_.as_of().seconds() * 1000, At("10-08 12:00"));

  other.set_page_token(request.page_token());
  other.set_part(v1::KPI_PART_NUMERATOR);
  EXPECT_EQ(ReasonOf(ListMembers(other)), "REASON_BAD_PAGE_TOKEN");
  other.set_page_token("nonsense");
  EXPECT_EQ(ReasonOf(ListMembers(other)), "REASON_BAD_PAGE_TOKEN");
}

TEST_F(AnalyticsRpcTest, MembersOfOneGroup) {
  Tell(Four());
  v1::ListKpiMembersRequest request;
  request.set_parent("kpis/closure_rate");
  request.set_month("2026-10");
  request.set_part(v1::KPI_PART_DENOMINATOR);
  request.set_group_by(v1::GROUP_BY_UNIT);
  request.set_group("u-1");
  ASSERT_TRUE(ListMembers(request).ok());
  EXPECT_EQ(members_.members_size(), 3);
  EXPECT_EQ(members_.members(0).group(), "u-1");
  request.set_group("");
  ASSERT_TRUE(ListMembers(request).ok());
  EXPECT_EQ(members_.members_size(), 0);
}

TEST_F(AnalyticsRpcTest, ProgressNamesTheLastEventAndTheLag) {
  Tell(Four());
  auto session = dispatch_.NewAppender();
  const Told told = CaseStory("c9", {.shard = 1}).Opened("10-08 12:01").tale[0];
  ASSERT_TRUE(session->Append({Topic::kEvents, 1}, told.event->SerializeAsString(), EventHeaders(told, {77, 1})).ok());
  v1::GetProgressResponse response;
  ASSERT_TRUE(stub_->GetProgress(As("OPERATOR").get(), v1::GetProgressRequest(), &response).ok());
  ASSERT_EQ(response.sources_size(), 2);
  EXPECT_FALSE(response.complete());
  EXPECT_EQ(response.sources(0).lag(), 0);
  EXPECT_EQ(response.sources(1).lag(), 1);
  EXPECT_EQ(WaitingFor(fold_), std::vector<std::string>{"dispatch, shard 1: 1 events to fold"});
  fold_.Turn(0, 100, 0);
  response.Clear();
  ASSERT_TRUE(stub_->GetProgress(As("OPERATOR").get(), v1::GetProgressRequest(), &response).ok());
  EXPECT_TRUE(response.complete());
  EXPECT_EQ(response.sources(1).last_event(), "dispatch/1/77/1");
  EXPECT_EQ(response.sources(1).last_event_at().seconds() * 1000, At("10-08 12:01"));
  EXPECT_EQ(response.latest_fact_at().seconds() * 1000, At("10-08 12:01"));
  EXPECT_TRUE(WaitingFor(fold_).empty());
}

// What may stand in the fields of analytics' requests (proto/civicmesh/analytics/v1/analytics_service.proto).
FieldRules Rules() {
  FieldRules rules = {{"Interval.start", Time(/*past=*/true, /*future=*/false)},
                      {"Interval.end", Time(/*past=*/false, /*future=*/true)},
                      {"GetKpiRequest.name", Name()},
                      {"ListKpiMembersRequest.parent", Name()},
                      {"ListKpiMembersRequest.part", Value()},
                      {"ListKpiMembersRequest.group", Free("only looked for")},
                      {"ListKpiMembersRequest.series", Free("only looked for")}};
  for (const char* request : {"ListKpisRequest", "GetKpiRequest", "ListKpiMembersRequest"}) {
    rules[absl::StrCat(request, ".month")] = Id();
    rules[absl::StrCat(request, ".as_of")] = Time(/*past=*/true, /*future=*/true);
    rules[absl::StrCat(request, ".group_by")] = Value();
  }
  return rules;
}

TEST_F(AnalyticsRpcTest, NoFieldTakesWhatNobodyShouldSend) {
  Tell(Four());
  const std::string window = "window {start {seconds: 1790000000} end {seconds: 1800000000}} ",
                    known = "as_of {seconds: 1800000000} group_by: GROUP_BY_UNIT ", name = "name: 'kpis/closure_rate' ",
                    members = "parent: 'kpis/closure_rate' part: KPI_PART_NUMERATOR group: '' series: '' page_size: 3 ";
  const std::set<std::string> no_month = {"month"}, no_window = {"window.start", "window.end"};
  std::vector<RequestCase> cases;
  for (const auto& [method, fields] : {std::pair<std::string, std::string>{"ListKpis", "page_size: 3 "},
                                       {"GetKpi", name},
                                       {"ListKpiMembers", members}})
    for (const auto& [span, unset] : {std::pair{window, no_month}, {std::string("month: '2026-10' "), no_window}}) {
      const auto* found = v1::GetKpiRequest::descriptor()->file()->service(0)->FindMethodByName(method);
      cases.push_back(
          {method,
           {.subject = "a", .posts = {{.role = "ANALYST", .unit = "", .area = ""}}},
           "",
           [=, text = fields + span + known] {
             std::unique_ptr<google::protobuf::Message> request(
                 google::protobuf::MessageFactory::generated_factory()->GetPrototype(found->input_type())->New());
             EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, request.get())) << text;
             return request;
           },
           unset});
    }
  cases.push_back({"GetProgress", cases[0].actor, "", [] { return std::make_unique<v1::GetProgressRequest>(); }});
  const auto none = [] { return std::string(); };
  EXPECT_EQ(WrongAnswersToFields(Tried(), {none, none, [] { return int64_t{0}; }, [](const auto&) { return "nobody"; }},
                                 "civicmesh.analytics.v1.AnalyticsService", Rules(), cases),
            std::vector<std::string>{});
}

}  // namespace
}  // namespace civicmesh::analytics
