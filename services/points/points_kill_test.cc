// The process is killed again and again while citizens of several shards redeem more than there is, on the real Kafka
// and Redis: every answer given holds, nothing is sold twice, every hold resolves once, and the books balance in every
// prefix of the public facts.
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "civicmesh/points/v1/points_service.grpc.pb.h"
#include "gtest/gtest.h"
#include "services/points/domain/points_for_tests.h"
#include "services/runtime/decider/posts_for_tests.h"
#include "services/runtime/journal/kafka_journal.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/service_to_kill_for_tests.h"
#include "services/runtime/shard/policy_runner.h"

namespace civicmesh::points {
namespace {

using Stub = v1::PointsService::Stub;

constexpr int kShards = 4;
constexpr int kCitizens = 8;  // each has the points for one seat
constexpr int kSeats = 3;
constexpr int kKills = 2;
// The bounds are only for a test that fails.
constexpr absl::Duration kPatience = absl::Seconds(60);

// Reads every fact there is, shard by shard, each once: a publisher that was killed may have published one again, under
// the same id (R14).
class Facts : public LogSink {
 public:
  explicit Facts(const KafkaOptions& options) {
    KafkaJournal journal(options);
    auto reader = journal.NewReader();
    for (int shard = 0; shard < options.shards; ++shard) {
      auto bounds = reader->GetBounds({Topic::kEvents, shard});
      EXPECT_TRUE(bounds.ok());
      reader->Start({Topic::kEvents, shard}, 0);
      const absl::Time until = absl::Now() + kPatience;
      while (read_ < bounds->end && absl::Now() < until) reader->Poll(*this, 1000, 100);
      reader->Stop({Topic::kEvents, shard});
      EXPECT_EQ(read_, bounds->end);
      read_ = 0;
      last_ = {-1, 0};
    }
  }
  void OnRecord(Partition, LogRecord record) override {
    auto fact = ParseFact(record);
    ASSERT_TRUE(fact.ok());
    read_ = record.offset + 1;
    const std::pair id(fact->journal_offset, fact->index);
    if (id <= last_) return;
    last_ = id;
    all.push_back(*std::move(fact));
  }
  void OnEnd(Partition, int64_t) override {}
  void OnTrouble(Partition, absl::Status why) override { ADD_FAILURE() << why; }

  std::vector<PublicFact> all;

 private:
  int64_t read_ = 0;
  std::pair<int64_t, int> last_{-1, 0};
};

class PointsKill : public testing::Test {
 protected:
  void SetUp() override {
    service_.LoadReference(kRulesKind, SampleRules().SerializeAsString());
    service_.LoadReference(kCatalogueKind, SampleCatalogue().SerializeAsString());
  }

  template <typename Request, typename Response>
  grpc::Status Call(const std::string& subject, const std::string& role,
                    grpc::Status (Stub::*rpc)(grpc::ClientContext*, const Request&, Response*), const Request& request,
                    Response* response) {
    auto stub = v1::PointsService::NewStub(service_.Connect());
    return service_.Call(*stub, {.subject = subject, .posts = Posts({role})}, rpc, request, response);
  }

  static std::string Citizen(int i) { return absl::StrCat("citizen", i); }
  // Five months without a traffic offence: a hundred points.
  void Earn(int citizen) {
    for (int month = 1; month <= 5; ++month) {
      v1::RecordEarningRequest request;
      request.set_request_id(service_.NewRequestId());
      request.set_rule("traffic_month");
      request.set_citizen(Citizen(citizen));
      request.set_source(absl::StrCat("traffic/", month));
      request.mutable_occurred_at()->set_seconds(absl::ToUnixSeconds(absl::Now()));
      v1::Account account;
      const auto status = Call("police", "GATEWAY", &Stub::RecordEarning, request, &account);
      ASSERT_TRUE(status.ok()) << ReasonOf(status) << status.error_message();
    }
  }

  static std::string Domain() {
    const std::string domain = absl::StrCat("points", std::random_device()());
    setenv("POINTS_TEST_DOMAIN", domain.c_str(), 1);  // for the program
    return domain;
  }

  const std::string domain_ = Domain();
  ServiceToKill service_{POINTS_FOR_KILL_TEST, domain_, kShards};
};

// The books of the public facts, account by account and hold by hold.
class Books {
 public:
  void Take(const PublicFact& fact) {
    if (auto f = As<v1::PointsGranted>(fact)) Post(*f);
    if (auto f = As<v1::RedemptionStarted>(fact)) Post(*f);
    if (auto f = As<v1::RedemptionCompleted>(fact)) {
      Post(*f);
      EXPECT_TRUE(ended.emplace(f->redemption(), true).second) << "a hold resolved twice";
    }
    if (auto f = As<v1::RedemptionVoided>(fact)) {
      Post(*f);
      EXPECT_TRUE(ended.emplace(f->redemption(), false).second) << "a hold resolved twice";
    }
    if (auto f = As<v1::StockTaken>(fact)) {
      EXPECT_TRUE(taken.insert(f->redemption()).second) << "taken twice";
    }
  }
  std::map<std::string, bool> ended;  // redemption → completed
  std::set<std::string> taken;

 private:
  template <typename Fact>
  static std::optional<Fact> As(const PublicFact& fact) {
    Fact parsed;
    if (fact.type != Fact::descriptor()->full_name()) return std::nullopt;
    EXPECT_TRUE(parsed.ParseFromString(fact.bytes));
    return parsed;
  }
  template <typename Fact>
  void Post(const Fact& fact) {
    int64_t sum = 0;
    auto& of_account = ledgers_[fact.context().account()];
    for (const auto& posting : fact.postings()) {
      sum += posting.points();
      of_account[posting.ledger()] += posting.points();
    }
    EXPECT_EQ(sum, 0);
    EXPECT_GE(of_account[v1::Posting::LEDGER_AVAILABLE], 0);
    EXPECT_EQ(of_account[v1::Posting::LEDGER_AVAILABLE], fact.context().available());
    EXPECT_EQ(of_account[v1::Posting::LEDGER_HELD], fact.context().held());
  }
  std::map<std::string, std::map<int, int64_t>> ledgers_;
};

TEST_F(PointsKill, NothingIsSoldTwiceAndEveryAnswerHolds) {
  v1::StockItemRequest stock;
  stock.set_request_id(service_.NewRequestId());
  stock.set_catalogue_id("theatre-seat");
  v1::Item seat;
  ASSERT_TRUE(Call("manager", "CATALOGUE_MANAGER", &Stub::StockItem, stock, &seat).ok());
  ASSERT_EQ(seat.free(), kSeats);
  for (int i = 0; i < kCitizens; ++i) Earn(i);

  // One citizen after the other, so that every kill finds some under way.
  std::vector<std::string> answered(kCitizens);
  std::atomic<int> asked{0};
  std::thread citizens([&] {
    for (int i = 0; i < kCitizens; ++i) {
      v1::RedeemItemRequest request;
      request.set_request_id(service_.NewRequestId());
      request.set_item(seat.name());
      request.set_quantity(1);
      request.set_price_points(seat.price_points());
      v1::Redemption redemption;
      ++asked;
      const auto status = Call(Citizen(i), "CITIZEN", &Stub::RedeemItem, request, &redemption);
      EXPECT_TRUE(status.ok()) << ReasonOf(status) << status.error_message();
      answered[i] = redemption.name();
    }
  });
  for (int kill = 1; kill <= kKills; ++kill) {
    while (asked < kill * kCitizens / (kKills + 1)) std::this_thread::yield();
    service_.Kill();
    service_.Spawn();
  }
  citizens.join();
  service_.Quiesce();

  Books books;
  for (const auto& fact : Facts({.brokers = service_.broker(), .domain = domain_, .shards = kShards}).all)
    books.Take(fact);
  EXPECT_EQ(books.ended.size(), static_cast<size_t>(kCitizens));
  EXPECT_EQ(books.taken.size(), static_cast<size_t>(kSeats));
  int completed = 0;
  for (int i = 0; i < kCitizens; ++i) {
    ASSERT_EQ(books.ended.count(answered[i]), 1u) << "an answer that does not hold: " << answered[i];
    v1::GetRedemptionRequest request;
    request.set_name(answered[i]);
    v1::Redemption redemption;
    ASSERT_TRUE(Call(Citizen(i), "CITIZEN", &Stub::GetRedemption, request, &redemption).ok());
    const bool won = redemption.status() == v1::REDEMPTION_STATUS_COMPLETED;
    completed += won;
    EXPECT_EQ(won, books.ended[answered[i]]);
    EXPECT_EQ(won, books.taken.count(answered[i]) == 1);
    EXPECT_EQ(won, !redemption.voucher().empty());
    EXPECT_EQ(redemption.void_ground(), won ? v1::VOID_GROUND_UNSPECIFIED : v1::VOID_GROUND_OUT_OF_STOCK);
  }
  EXPECT_EQ(completed, kSeats);
  v1::GetItemRequest get;
  get.set_name(seat.name());
  ASSERT_TRUE(Call("manager", "CATALOGUE_MANAGER", &Stub::GetItem, get, &seat).ok());
  EXPECT_EQ(seat.free(), 0);
  EXPECT_EQ(seat.reserved(), 0);
  EXPECT_EQ(seat.taken(), kSeats);
}

}  // namespace
}  // namespace civicmesh::points
