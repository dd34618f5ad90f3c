// How fast a restart is: a district's events on real topics, folded from their start. Prints events per second.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <random>

#include "absl/strings/str_format.h"
#include "absl/synchronization/blocking_counter.h"
#include "services/analytics/domain/case_story_for_tests.h"
#include "services/analytics/domain/figures.h"
#include "services/analytics/event_records.h"
#include "services/analytics/fold.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/journal/kafka_journal.h"
#include "services/runtime/journal/kafka_topics.h"

namespace civicmesh::analytics {
namespace {

using namespace dispatch::v1;

constexpr int kShards = 8;
constexpr int kCases = 20'000;
constexpr int kEventsPerCase = 8;

// Of the whole process: Kafka's client unpacks on threads of its own.
double CpuSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void SetMs(google::protobuf::Timestamp* time, int64_t ms) { Set(time, ms); }

// A case as dispatch tells it, with everything that an event carries.
class FullCase {
 public:
  explicit FullCase(int i) : shard_(i % kShards), at_ms_(At("10-01 00:00") + int64_t{i} * 50'000) {
    const std::string n = std::to_string(i);
    context_.set_case_("cases/" + MakeId("c", shard_, n));
    context_.set_case_number(absl::StrFormat("990101%013d", i));
    context_.set_class_code("E0110");
    context_.set_class_name_zh("暴露垃圾");
    context_.set_major_name_zh(i % 3 ? "市容环境" : "街面秩序");
    context_.set_condition_id("E0110-1");
    context_.set_standard_version("2026-1");
    context_.set_grid(absl::StrFormat("9901010%02d001%03d", i % 4, i % 100));
    context_.mutable_location()->set_latitude(30.3);
    context_.mutable_location()->set_longitude(119.9);
    context_.set_lead_report("reports/" + MakeId("r", shard_, n));
    context_.set_reporter_token("p-" + n);
    context_.set_source(type::v1::REPORT_SOURCE_CITIZEN_APP);
    context_.set_report_count(1);
    context_.add_reports(context_.lead_report());
    SetMs(context_.mutable_reported_at(), at_ms_);
    SetMs(context_.mutable_opened_at(), at_ms_ + 1000);
  }

  Tale Tell() {
    CaseOpened opened;
    for (int i = 0; i < 4; ++i) {
      auto* why = opened.add_explanations();
      why->set_choice(CHOICE_GRID);
      why->set_code(EXPLANATION_CODE_GRID_CONTAINS);
      (*why->mutable_facts())["grid"] = context_.grid();
      (*why->mutable_facts())["district"] = "2026-1";
    }
    opened.set_home_cell("344c1b");
    Add(std::move(opened), CASE_STATUS_REPORTED, CLOCK_KIND_ACCEPTANCE);
    Add(CaseAccepted(), CASE_STATUS_ACCEPTED, CLOCK_KIND_ACCEPTANCE);
    SetMs(context_.mutable_registered_at(), at_ms_);
    Add(CaseRegistered(), CASE_STATUS_REGISTERED, CLOCK_KIND_DISPATCH);
    context_.set_unit("u-sanitation-1");
    context_.set_department_zh("城市管理局");
    SetMs(context_.mutable_first_dispatched_at(), at_ms_);
    SetMs(context_.mutable_disposal_due_at(), at_ms_ + 4 * 3600'000);
    Add(CaseDispatched(), CASE_STATUS_DISPATCHED, CLOCK_KIND_DISPOSAL);
    Add(CaseSigned(), CASE_STATUS_SIGNED, CLOCK_KIND_DISPOSAL);
    Add(DisposalStarted(), CASE_STATUS_IN_DISPOSAL, CLOCK_KIND_DISPOSAL);
    Add(FeedbackSubmitted(), CASE_STATUS_FEEDBACK_SUBMITTED, CLOCK_KIND_DISPOSAL);
    CaseClosed closed;
    closed.set_on_time(true);
    Add(std::move(closed), CASE_STATUS_CLOSED, CLOCK_KIND_INSPECTION);
    return std::move(tale_);
  }

 private:
  template <typename E>
  void Add(E e, CaseStatus status, ClockKind clock) {
    at_ms_ += 60'000;
    context_.set_status(status);
    SetMs(context_.mutable_occurred_at(), at_ms_);
    context_.set_actor("s-0123456789abcdef");
    *e.mutable_context() = context_;
    for (int i = 0; i < 2; ++i) {
      dispatch::v1::Clock* moved = e.add_clocks();
      moved->set_kind(i ? CLOCK_KIND_DISPATCH : clock);
      moved->set_phase(status >= CASE_STATUS_FEEDBACK_SUBMITTED ? dispatch::v1::Clock::PHASE_STOPPED
                                                                : dispatch::v1::Clock::PHASE_RUNNING);
      SetMs(moved->mutable_started_at(), at_ms_);
      SetMs(moved->mutable_due_at(), at_ms_ + 4 * 3600'000);
      moved->set_counted(LIMIT_KIND_WORKING_HOUR);
      moved->set_amount(4);
      moved->set_limit_text("4工作时");
      moved->set_calendar_version("2026-1");
    }
    tale_.push_back({"dispatch", shard_, at_ms_, std::make_shared<E>(std::move(e))});
  }

  const int shard_;
  int64_t at_ms_;
  EventContext context_;
  Tale tale_;
};

TEST(FoldSpeed, OfARestart) {
  const char* broker = std::getenv("CIVICMESH_TEST_BROKER");
  ASSERT_NE(broker, nullptr) << "tests/run sets it";
  const KafkaOptions options{
      .brokers = broker, .domain = absl::StrCat("speed", std::random_device()()), .shards = kShards};
  ASSERT_TRUE(CreateTopics(options, {}).ok());
  KafkaJournal journal(options);
  int64_t events = 0, bytes = 0;
  {
    auto session = journal.NewAppender();
    absl::BlockingCounter open(kCases * kEventsPerCase);
    std::map<int, int64_t> next;
    for (int i = 0; i < kCases; ++i) {
      for (const Told& told : FullCase(i).Tell()) {
        const std::string value = told.event->SerializeAsString();
        const Headers headers = EventHeaders(told, {next[told.shard]++, 0});
        absl::Status queued;
        do {
          queued = session->Append({Topic::kEvents, told.shard}, value, headers,
                                   [&](const absl::StatusOr<int64_t>&) { open.DecrementCount(); });
        } while (absl::IsResourceExhausted(queued));
        ASSERT_TRUE(queued.ok()) << queued;
        ++events;
        bytes += static_cast<int64_t>(value.size());
      }
    }
    open.Wait();
    ASSERT_TRUE(session->Health().ok()) << session->Health();
  }

  const absl::Time begun = absl::Now();
  Fold fold({{"dispatch", &journal}}, civicmesh::Clock::Real());
  const double cpu_begun = CpuSeconds();
  while (!fold.loaded()) {
    fold.Turn(0, 2000, 100);
    ASSERT_LT(absl::Now() - begun, absl::Seconds(100)) << fold.Health();
  }
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begun), cpu_seconds = CpuSeconds() - cpu_begun;
  const Span month = *MonthNamed("2026-10");
  double question_seconds = 0;
  fold.Read([&](const Facts& facts) {
    EXPECT_EQ(facts.cases().size(), static_cast<size_t>(kCases));
    const absl::Time asked = absl::Now();
    const v1::Kpi closure = ComputeKpi(*FindKpi("closure_rate"), facts, {month.from_ms, month.to_ms, facts.latest_ms()},
                                       v1::GROUP_BY_STREET);
    question_seconds = absl::ToDoubleSeconds(absl::Now() - asked);
    EXPECT_EQ(closure.figures_size(), 4);
  });
  std::cout << absl::StrFormat(
      "%d events of %d bytes folded in %.2f s, %.2f s of it on a processor: %.0f events/s, %.0f per processor second; "
      "one question over %d cases: %.1f ms\n",
      events, bytes / events, seconds, cpu_seconds, events / seconds, events / cpu_seconds, kCases,
      question_seconds * 1000);
}

}  // namespace
}  // namespace civicmesh::analytics
