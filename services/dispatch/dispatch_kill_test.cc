// The process is killed again and again, in the middle of merging, while the same things are reported on both sides of
// a cell's border, on the real Kafka and Redis: of each two cases one is left, the earlier one, and it answers both
// reports.
#include <grpcpp/grpcpp.h>

#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "civicmesh/dispatch/v1/dispatch_service.grpc.pb.h"
#include "gtest/gtest.h"
#include "services/dispatch/dispatch_geometry.h"
#include "services/dispatch/domain/cases_for_tests.h"
#include "services/dispatch/report_facts_for_tests.h"
#include "services/runtime/base/names.h"
#include "services/runtime/decider/posts_for_tests.h"
#include "services/runtime/journal/kafka_journal.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/service_to_kill_for_tests.h"
#include "services/runtime/shard/policy_runner.h"

namespace civicmesh::dispatch {
namespace {

constexpr int kShards = 8, kPairs = 10, kKills = 3;
// The bounds are only for a test that fails.
constexpr absl::Duration kPatience = absl::Seconds(90);

const ActorView kRegistrar{.subject = "registrar", .posts = Posts({"REGISTRAR"})};

// Two places 5 m or less apart in two shards, `row` 200 m steps along a border of the sample's district.
std::pair<type::v1::GeoPoint, type::v1::GeoPoint> AcrossTheBorder(int row) {
  const double latitude = 30.262 + row * 0.0018, step = 0.00005;
  const auto shard = [&](double longitude) { return ShardOf(HomeCell(latitude, longitude), kShards); };
  double longitude = 119.9;
  while (shard(longitude) == shard(longitude + step)) longitude += step;
  type::v1::GeoPoint west, east;
  west.set_latitude(latitude);
  west.set_longitude(longitude);
  east.set_latitude(latitude);
  east.set_longitude(longitude + step);
  return {west, east};
}

// The facts published so far, each once (R14), while the service is killed and comes back.
class Published : public LogSink {
 public:
  Published(const std::string& broker, const std::string& domain)
      : journal_({.brokers = broker, .domain = domain, .shards = kShards}), reader_(journal_.NewReader()) {
    for (int shard = 0; shard < kShards; ++shard) reader_->Start({Topic::kEvents, shard}, 0);
  }
  ~Published() override {
    for (int shard = 0; shard < kShards; ++shard) reader_->Stop({Topic::kEvents, shard});
  }
  // Reads until so many of that type are there, or patience is over.
  template <typename Fact>
  void Await(int count) {
    const absl::Time until = absl::Now() + kPatience;
    while (Count<Fact>() < count && absl::Now() < until) reader_->Poll(*this, 1000, 20);
    ASSERT_GE(Count<Fact>(), count) << Fact::descriptor()->name();
  }
  template <typename Fact>
  int Count() const {
    const auto found = facts_.find(Fact::descriptor()->full_name());
    return found == facts_.end() ? 0 : static_cast<int>(found->second.size());
  }
  template <typename Fact>
  std::vector<Fact> All() const {
    std::vector<Fact> all;
    const auto found = facts_.find(Fact::descriptor()->full_name());
    if (found == facts_.end()) return all;
    for (const auto& bytes : found->second) EXPECT_TRUE(all.emplace_back().ParseFromString(bytes));
    return all;
  }
  void OnRecord(Partition, LogRecord record) override {
    auto fact = ParseFact(record);
    ASSERT_TRUE(fact.ok());
    auto& last = last_.try_emplace(fact->source_shard, -1, -1).first->second;
    const std::pair id(fact->journal_offset, fact->index);
    if (id <= last) return;
    last = id;
    facts_[fact->type].push_back(fact->bytes);
  }
  void OnEnd(Partition, int64_t) override {}
  void OnTrouble(Partition, absl::Status why) override { ADD_FAILURE() << why; }

 private:
  KafkaJournal journal_;
  const std::unique_ptr<LogReader> reader_;
  std::map<int, std::pair<int64_t, int>> last_;
  std::map<std::string, std::vector<std::string>> facts_;
};

TEST(DispatchKillTest, OfEachTwoAcrossTheBorderOneIsLeft) {
  const char* broker = std::getenv("CIVICMESH_TEST_BROKER");
  ASSERT_NE(broker, nullptr) << "tests/run sets it";
  const std::string domain = absl::StrCat("dispatch", std::random_device()());
  setenv("DISPATCH_TEST_DOMAIN", domain.c_str(), 1);
  ReportFacts intake(broker, absl::StrCat(domain, "-intake"), kShards);
  ServiceToKill service(DISPATCH_FOR_KILL_TEST, domain, kShards);
  service.LoadReference(kStandardKind, FromSample<reference::v1::Standard>("standard.json").SerializeAsString());
  Published published(service.broker(), domain);

  std::set<std::string> reports;
  for (int pair = 0; pair < kPairs; ++pair) {
    const auto [west, east] = AcrossTheBorder(pair);
    for (const auto& [side, place] : {std::pair("w", west), std::pair("e", east)}) {
      const std::string report = absl::StrCat("reports/r-", side, pair);
      reports.insert(report);
      intake.Forward(report, place, static_cast<int>(reports.size()) % kShards);
    }
    if (pair % (kPairs / kKills) != 1) continue;
    // One is just asking another.
    published.Await<v1::CaseMergeAsked>(pair);
    service.Kill();
    service.Spawn();
  }
  published.Await<v1::CaseMerged>(kPairs);

  const auto stub = v1::DispatchService::NewStub(service.Connect());
  std::map<std::string, std::string> answered;
  int left = 0;
  EXPECT_EQ(published.Count<v1::CaseOpened>(), 2 * kPairs);
  EXPECT_EQ(published.Count<v1::CaseReportMerged>(), kPairs);
  EXPECT_EQ(published.Count<v1::CaseMerged>(), kPairs);
  for (const auto& opened : published.All<v1::CaseOpened>()) {
    v1::GetCaseRequest request;
    request.set_name(opened.context().case_());
    v1::Case c;
    const absl::Time until = absl::Now() + kPatience;
    do {
      const auto status = service.Call(*stub, kRegistrar, &v1::DispatchService::Stub::GetCase, request, &c);
      ASSERT_TRUE(status.ok()) << ReasonOf(status);
    } while (c.duplicates_pending() && absl::Now() < until);
    EXPECT_FALSE(c.duplicates_pending());
    if (c.status() != v1::CASE_STATUS_MERGED) {
      ++left;
      EXPECT_EQ(c.report_count(), 2);
      for (const auto& report : c.reports()) EXPECT_TRUE(answered.emplace(report.report(), c.name()).second);
      continue;
    }
    v1::Case into;
    request.set_name(c.merged_into());
    ASSERT_TRUE(service.Call(*stub, kRegistrar, &v1::DispatchService::Stub::GetCase, request, &into).ok());
    EXPECT_LE(absl::FromUnixSeconds(into.opened_at().seconds()) + absl::Nanoseconds(into.opened_at().nanos()),
              absl::FromUnixSeconds(c.opened_at().seconds()) + absl::Nanoseconds(c.opened_at().nanos()));
  }
  EXPECT_EQ(left, kPairs);
  EXPECT_EQ(answered.size(), reports.size());
}

}  // namespace
}  // namespace civicmesh::dispatch
