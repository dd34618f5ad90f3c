#include "services/civicctl/figures_afresh.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "civicmesh/intake/v1/intake_events.pb.h"
#include "services/analytics/domain/figures.h"

namespace civicmesh::civicctl {
namespace {

using analytics::v1::ListKpisRequest;
using analytics::v1::ListKpisResponse;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kReportedSeconds = 1'790'000'000;

PublicEvent Submitted(const std::string& report, int64_t seconds) {
  intake::v1::ReportSubmitted event;
  auto* context = event.mutable_context();
  context->set_report(report);
  context->set_status(intake::v1::REPORT_STATUS_FORWARDED);
  context->set_source(type::v1::REPORT_SOURCE_CITIZEN_APP);
  context->mutable_occurred_at()->set_seconds(seconds);
  context->mutable_reported_at()->set_seconds(seconds);
  return {event.GetDescriptor()->full_name(), report, event.SerializeAsString()};
}

// What a service answers that has heard of `events`.
FiguresAfresh::Ask ServiceThatHeard(std::vector<PublicEvent> events) {
  return [events](const ListKpisRequest& request) -> absl::StatusOr<ListKpisResponse> {
    analytics::Facts facts;
    analytics::EventParser parser;
    int64_t offset = 0;
    for (const PublicEvent& event : events)
      facts.Apply({.domain = "intake", .shard = 0, .id = {offset++, 0}}, *parser.Parse(event.type, event.bytes));
    ListKpisResponse response;
    const analytics::Question question{
        .from_ms = request.window().start().seconds() * 1000,
        .to_ms = request.window().end().seconds() * 1000 + request.window().end().nanos() / 1'000'000,
        .as_of_ms = request.as_of().seconds() * 1000};
    for (const auto& kpi : analytics::Kpis())
      *response.add_kpis() = analytics::ComputeKpi(kpi, facts, question, request.group_by());
    return response;
  };
}

class FiguresAfreshTest : public testing::Test {
 protected:
  void SetUp() override {
    int64_t offset = 0;
    for (const PublicEvent& event : events_) ASSERT_TRUE(figures_.Take("intake", 0, offset++, 0, event).ok());
  }
  const std::vector<PublicEvent> events_ = {Submitted("reports/r-1", kReportedSeconds),
                                            Submitted("reports/r-2", kReportedSeconds + 60)};
  FiguresAfresh figures_;
};

TEST_F(FiguresAfreshTest, TheSameFactsGiveTheSameFigures) {
  auto verdict = figures_.Compare(ServiceThatHeard(events_));
  ASSERT_TRUE(verdict.ok()) << verdict.status();
  EXPECT_THAT(verdict->differences, IsEmpty());
  EXPECT_EQ(verdict->compared, static_cast<int>(4 * analytics::Kpis().size()));
}

TEST_F(FiguresAfreshTest, AFactThatTheServiceDidNotHearShows) {
  auto verdict = figures_.Compare(ServiceThatHeard({events_[0]}));
  ASSERT_TRUE(verdict.ok()) << verdict.status();
  ASSERT_FALSE(verdict->differences.empty());
  EXPECT_THAT(verdict->differences[0], HasSubstr("analytics: kpis/"));
}

TEST_F(FiguresAfreshTest, WhatTheServiceSaysInsteadIsPassedOn) {
  auto verdict = figures_.Compare([](const ListKpisRequest&) { return absl::UnavailableError("later"); });
  EXPECT_TRUE(absl::IsUnavailable(verdict.status()));
}

TEST_F(FiguresAfreshTest, AFactThatDoesNotParseIsLoss) {
  EXPECT_TRUE(absl::IsDataLoss(figures_.Take("intake", 0, 9, 0, {events_[0].type, "r", "\xff"})));
  EXPECT_TRUE(figures_.Take("intake", 0, 9, 0, {"civicmesh.nobody.v1.Knows", "r", "\xff"}).ok());
}

TEST(FiguresAfreshEmptyTest, WithoutFactsNothingIsAsked) {
  auto verdict = FiguresAfresh().Compare([](const ListKpisRequest&) -> absl::StatusOr<ListKpisResponse> {
    ADD_FAILURE() << "asked";
    return ListKpisResponse();
  });
  ASSERT_TRUE(verdict.ok());
  EXPECT_EQ(verdict->compared, 0);
}

}  // namespace
}  // namespace civicmesh::civicctl
