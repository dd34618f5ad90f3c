// The redeem saga between shards: every shard's machine, the real policies, and a schedule that delays, repeats and
// interleaves whatever the runtime may delay, repeat and interleave (R8): a policy keeps the order of each source
// shard, may fall back and repeat, and a target takes each of its commands once.
#include <deque>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"  // after gtest.h, which it needs and does not include

#include "google/protobuf/text_format.h"
#include "services/points/domain/account.h"
#include "services/points/domain/points_for_tests.h"
#include "services/points/points_names.h"
#include "services/points/points_policies.h"

namespace civicmesh::points {
namespace {

using gwt::Step;

constexpr int kShards = 8;  // as in the harness

std::string Owner(int i) { return absl::StrCat("p-owner", i); }

class Mesh {
 public:
  Mesh() : policies_(Policies(kShards)) {
    for (int shard = 0; shard < kShards; ++shard) shards_.push_back(NewShard(references_, shard));
    policies_.erase(policies_.begin(), policies_.begin() + 2);  // only points' own: reserve_stock, settle_redemption
  }

  // What callers ask for; it is decided when its turn comes.
  void Stock(const std::string& catalogue_id, int add) {
    const std::string item = ItemName(catalogue_id, kShards);
    Send(ShardOfItem(item, kShards),
         absl::StrCat("stock_item {item: '", item, "' request {catalogue_id: '", catalogue_id, "' add: ", add, "}}"));
  }
  void Earn(int owner, int n) {
    const std::string account = AccountName(Owner(owner), kShards);
    Send(ShardOfAccount(account, kShards),
         absl::StrCat("grant_by_policy {account: '", account, "' owner_token: '", Owner(owner),
                      "' rule: 'report_registered_hazard' source: 'cases/c-", n, "'}"));
  }
  void Redeem(int owner, const std::string& catalogue_id, int quantity, int price) {
    const std::string account = AccountName(Owner(owner), kShards);
    Send(ShardOfAccount(account, kShards),
         absl::StrCat("redeem_item {account: '", account, "' owner_token: '", Owner(owner), "' request {item: '",
                      ItemName(catalogue_id, kShards), "' quantity: ", quantity, " price_points: ", price, "}}"));
  }

  // One thing that may happen next; false where it has nothing to do.
  bool Decide(int shard) {
    Pass(shard);
    if (inboxes_[shard].empty()) return false;
    const Waiting next = inboxes_[shard].front();
    inboxes_[shard].pop_front();
    if (next.position > 0) {
      auto& highest = taken_[{shard, next.from}];
      if (next.position <= highest) return true;
      highest = next.position;
    }
    Take(shard, Step{.kind = Step::Kind::kCommand, .text = next.command, .at = now_});
    return true;
  }
  bool React(size_t policy, int source) {
    int64_t& read = read_[{policy, source}];
    if (read == static_cast<int64_t>(facts_[source].size())) return false;
    const auto commands = policies_[policy].react(facts_[source][read]);
    EXPECT_TRUE(commands.ok());
    ++read;
    for (const auto& command : *commands) {
      v1::Command parsed;
      EXPECT_TRUE(parsed.ParseFromString(command.payload));
      std::string text;
      google::protobuf::TextFormat::PrintToString(parsed, &text);
      inboxes_[command.shard].push_back({text, {policy, source}, read});
    }
    return true;
  }
  // A crash between append and commit.
  void FallBack(size_t policy, int source, int by) {
    int64_t& read = read_[{policy, source}];
    read = std::max<int64_t>(0, read - by);
  }
  void Pass(absl::Duration time) { now_ += time; }
  void Pass(int shard) { Take(shard, Step{.kind = Step::Kind::kTime, .text = "", .at = now_}); }
  // Until nothing is left to do; no time passes.
  void Rest() {
    for (bool any = true; any;) {
      any = false;
      for (int shard = 0; shard < kShards; ++shard) {
        while (Decide(shard)) any = true;
        for (size_t policy = 0; policy < policies_.size(); ++policy)
          while (React(policy, shard)) any = true;
      }
    }
  }

  v1::Item Item(const std::string& catalogue_id) const {
    const std::string name = ItemName(catalogue_id, kShards);
    v1::PointsStream state;
    state.ParseFromString(shards_[ShardOfItem(name, kShards)].machine().Save(name.substr(6)));
    return state.item().item();
  }
  v1::AccountState Account(int owner) const {
    const std::string name = AccountName(Owner(owner), kShards);
    v1::PointsStream state;
    state.ParseFromString(shards_[ShardOfAccount(name, kShards)].machine().Save(name.substr(9)));
    return state.account();
  }
  // What went wrong so far, "" while nothing did; and how redemptions ended.
  std::string wrong;
  std::set<std::string> started, completed, voided, reserved, taken, released;

 private:
  using Source = std::pair<size_t, int>;  // policy, source shard
  struct Waiting {
    std::string command;
    Source from;
    int64_t position;  // of a policy's: the place of its fact, from 1; a caller's: 0
  };

  void Send(int shard, const std::string& command) { inboxes_[shard].push_back({command, Source(), 0}); }

  void Require(bool holds, const std::string& what) {
    if (!holds && wrong.empty()) wrong = what;
  }

  void Take(int shard, const Step& step) {
    const auto came = shards_[shard].Run(step);
    Require(came.broken.empty(), came.broken);
    for (const auto& text : came.events) {
      v1::JournalEvent event;
      EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &event));
      Watch(event);
      const auto published = shards_[shard].machine().Publish({}, event.SerializeAsString());
      ASSERT_TRUE(published.ok());
      for (const auto& fact : *published)
        facts_[shard].push_back({.type = fact.type, .subject = fact.subject, .bytes = fact.bytes});
    }
  }

  void Watch(const v1::JournalEvent& event) {
    if (event.has_redemption_started()) started.insert(event.redemption_started().redemption());
    if (event.has_stock_reserved())
      Require(reserved.insert(event.stock_reserved().redemption()).second, "set aside twice");
    if (event.has_redemption_completed()) {
      const std::string& id = event.redemption_completed().redemption();
      Require(reserved.count(id), "captured without stock");
      Require(completed.insert(id).second && !voided.count(id), "a hold resolved twice");
    }
    if (event.has_redemption_voided()) {
      const std::string& id = event.redemption_voided().redemption();
      Require(voided.insert(id).second && !completed.count(id), "a hold resolved twice");
    }
    if (event.has_stock_taken()) {
      const std::string& id = event.stock_taken().redemption();
      Require(taken.insert(id).second && completed.count(id), "taken twice, or without its points");
    }
    if (event.has_stock_released()) {
      const std::string& id = event.stock_released().redemption();
      Require(released.insert(id).second && voided.count(id), "released twice, or before the account said so");
    }
  }

  const gwt::References references_ = SampleReferences();
  std::vector<PolicySpec> policies_;
  std::vector<gwt::Shard> shards_;
  std::map<int, std::deque<Waiting>> inboxes_;
  std::map<int, std::vector<PublicFact>> facts_;
  std::map<Source, int64_t> read_;
  std::map<std::pair<int, Source>, int64_t> taken_;
  absl::Time now_ = gwt::At("10:00");
};

int Any(int from, int to) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(from, to)); }

// All the mesh is at rest and every hold is over: the books of both sides agree.
void CheckTheEnd(const Mesh& mesh, const std::string& item, int stock) {
  RC_ASSERT(mesh.wrong == "");
  RC_ASSERT(mesh.completed.size() + mesh.voided.size() == mesh.started.size());
  RC_ASSERT(mesh.taken == mesh.completed);
  std::set<std::string> in_vain;
  for (const auto& id : mesh.reserved)
    if (mesh.voided.count(id)) in_vain.insert(id);
  RC_ASSERT(mesh.released == in_vain);
  const v1::Item now = mesh.Item(item);
  RC_ASSERT(now.reserved() == 0);
  RC_ASSERT(now.free() + now.taken() == stock);
}

// Two seats are left besides one that is gone; two citizens want two each: only one can have them.
RC_GTEST_PROP(PointsSaga, OfTwoWhoWantTheLastOnlyOneWins, ()) {
  Mesh mesh;
  mesh.Stock("helmet", 0);
  for (int owner : {1, 2})
    for (int n = 0; n < 3; ++n) mesh.Earn(owner, 10 * owner + n);
  mesh.Rest();
  mesh.Redeem(1, "helmet", 1, 90);
  mesh.Redeem(2, "helmet", 1, 90);
  mesh.Redeem(1, "helmet", 1, 90);
  mesh.Rest();
  RC_ASSERT(mesh.Item("helmet").taken() == 2);

  for (int owner : {3, 4})
    for (int n = 0; n < 3; ++n) mesh.Earn(owner, 10 * owner + n);
  mesh.Stock("helmet", 1);
  mesh.Rest();
  mesh.Redeem(3, "helmet", 1, 90);
  mesh.Redeem(4, "helmet", 1, 90);
  for (int i = 0; i < 60; ++i) {
    const int what = Any(0, 10), shard = Any(0, kShards);
    if (what < 5) mesh.Decide(shard);
    if (what >= 5 && what < 9) mesh.React(what % 2, shard);
    if (what == 9) mesh.FallBack(Any(0, 2), shard, Any(1, 4));
  }
  mesh.Rest();
  RC_ASSERT(mesh.completed.size() == 3u);
  RC_ASSERT(Balance(mesh.Account(3), v1::Posting::LEDGER_AVAILABLE) +
                Balance(mesh.Account(4), v1::Posting::LEDGER_AVAILABLE) ==
            90);
  CheckTheEnd(mesh, "helmet", 3);
}

// Whatever is delayed beyond the hold's time or repeated: stock is never oversold, a hold resolves once, and what was
// set aside too late is released.
RC_GTEST_PROP(PointsSaga, AnyScheduleEndsWithBothSidesAgreeing, ()) {
  Mesh mesh;
  mesh.Stock("theatre-seat", 0);  // 3 at 100
  for (int owner = 1; owner <= 4; ++owner)
    for (int n = 0; n < 4; ++n) mesh.Earn(owner, 10 * owner + n);
  mesh.Rest();
  const int steps = Any(20, 160);
  for (int i = 0; i < steps; ++i) {
    const int what = Any(0, 16), shard = Any(0, kShards);
    if (what < 6) mesh.Decide(shard);
    if (what >= 6 && what < 11) mesh.React(what % 2, shard);
    if (what == 11) mesh.FallBack(Any(0, 2), shard, Any(1, 4));
    if (what == 12) mesh.Pass(absl::Minutes(Any(1, 7)));
    if (what == 13) mesh.Pass(shard);
    if (what > 13) mesh.Redeem(Any(1, 5), "theatre-seat", 1, Any(0, 8) == 0 ? 99 : 100);
    RC_ASSERT(mesh.wrong == "");
    const v1::Item item = mesh.Item("theatre-seat");
    RC_ASSERT(item.free() >= 0);
    RC_ASSERT(item.free() + item.reserved() + item.taken() == 3);
  }
  mesh.Rest();
  mesh.Pass(absl::Minutes(11));
  mesh.Rest();
  CheckTheEnd(mesh, "theatre-seat", 3);
  RC_CLASSIFY(!mesh.completed.empty(), "some completed");
  RC_CLASSIFY(!mesh.released.empty(), "some released");
  RC_CLASSIFY(mesh.voided.size() > mesh.released.size(), "some refused");
}

}  // namespace
}  // namespace civicmesh::points
