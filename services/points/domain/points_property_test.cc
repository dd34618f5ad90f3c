// Whatever comes in whatever order: the books balance in every prefix (I1, I2), each fact counts once, limits hold,
// holds resolve once (I5). A second bookkeeper, who reads nothing but the facts, checks it.
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"  // after gtest.h, which it needs and does not include

#include "absl/time/civil_time.h"
#include "google/protobuf/text_format.h"
#include "services/points/domain/points_for_tests.h"

namespace civicmesh::points {
namespace {

using gwt::Step;

const char* const kRuleIds[] = {
    "report_registered", "report_registered_hazard", "report_merged", "volunteering", "false_report", "waste_sorting",
    "culture_event",     "waste_contamination",      "no_such_rule"};

class Bookkeeper {
 public:
  // "" while all is well.
  const std::string& wrong() const { return wrong_; }
  int grants() const { return grants_; }
  int resolved() const { return static_cast<int>(resolved_.size()); }

  void Take(const v1::JournalEvent& event) {
    if (event.has_points_granted()) Granted(event.points_granted());
    if (event.has_grant_denied()) Once(event.grant_denied());
    if (event.has_points_reversed()) {
      Once(event.points_reversed());
      Moved(event.points_reversed());
    }
    if (event.has_points_expired()) Moved(event.points_expired());
    if (event.has_redemption_started()) {
      Moved(event.redemption_started());
      Require(open_.insert(event.redemption_started().redemption()).second, "a hold that began twice");
    }
    if (event.has_redemption_completed()) Resolved(event.redemption_completed());
    if (event.has_redemption_voided()) Resolved(event.redemption_voided());
  }

 private:
  struct Books {
    std::map<int, int64_t> ledgers;
    std::map<absl::Time, int64_t> granted;  // by when they expire
  };

  void Require(bool holds, const std::string& what) {
    if (!holds && wrong_.empty()) wrong_ = what;
  }

  template <typename Fact>
  void Moved(const Fact& fact) {
    Books& books = books_[fact.context().account()];
    int64_t sum = 0;
    for (const auto& posting : fact.postings()) {
      sum += posting.points();
      books.ledgers[posting.ledger()] += posting.points();
    }
    Require(sum == 0, "postings that do not sum to zero");
    const int64_t available = books.ledgers[v1::Posting::LEDGER_AVAILABLE];
    const int64_t held = books.ledgers[v1::Posting::LEDGER_HELD];
    Require(available >= 0 && held >= 0, "a balance below zero");
    Require(available == fact.context().available() && held == fact.context().held(), "a context that is not so");
    int64_t living = 0;
    for (const auto& [expires, points] : books.granted)
      if (expires > absl::FromUnixSeconds(fact.context().occurred_at().seconds())) living += points;
    // What a void gives back may have run out; its expiry follows in the same decision.
    if (!std::is_same_v<Fact, v1::RedemptionVoided>) Require(available <= living, "points that outlived their lots");
  }

  template <typename Fact>
  void Once(const Fact& fact) {
    Require(counted_.insert({fact.context().account(), fact.rule(), fact.source()}).second, "a fact counted twice");
  }

  template <typename Fact>
  void Resolved(const Fact& fact) {
    Moved(fact);
    Require(open_.count(fact.redemption()) == 1, "resolved before it began");
    Require(resolved_.insert(fact.redemption()).second, "a hold resolved twice");
  }

  void Granted(const v1::PointsGranted& grant) {
    ++grants_;
    Once(grant);
    const auto& account = grant.context().account();
    books_[account].granted[absl::FromUnixSeconds(grant.expires_at().seconds())] += grant.points();
    Moved(grant);
    Require(grant.points() > 0 && grant.points() <= grant.earned(), "a grant of nothing, or of too much");
    const absl::CivilSecond at = absl::ToCivilSecond(absl::FromUnixSeconds(grant.earned_at().seconds()), zone_);
    auto& of_rule = days_[{account, absl::CivilDay(at), grant.rule()}];
    of_rule += grant.points();
    if (grant.rule() == "volunteering") return Require(of_rule <= 80, "more than a day's service earns");
    if (grant.rule() == "waste_sorting") Require(of_rule <= 10, "more than a day's sorting earns");
    if (grant.rule() == "culture_event") Require(of_rule <= 5, "more than a day's culture earns");
    Require((days_[{account, absl::CivilDay(at), ""}] += grant.points()) <= 100, "more than a day allows");
    Require((months_[{account, absl::CivilMonth(at)}] += grant.points()) <= 500, "more than a month allows");
  }

  const absl::TimeZone zone_ = absl::FixedTimeZone(8 * 3600);
  std::string wrong_;
  int grants_ = 0;
  std::map<std::string, Books> books_;
  std::set<std::tuple<std::string, std::string, std::string>> counted_;
  std::set<std::string> open_, resolved_;
  std::map<std::tuple<std::string, absl::CivilDay, std::string>, int64_t> days_;
  std::map<std::pair<std::string, absl::CivilMonth>, int64_t> months_;
};

int Any(int from, int to) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(from, to)); }

std::string AnyAccount() {
  const int owner = Any(1, 4);
  return absl::StrCat("account: 'accounts/a-", owner, "' owner_token: 'p-", owner, "'");
}

std::string AnyCommand(absl::Time now, const std::vector<std::string>& redemptions) {
  const int kind = Any(0, 10);
  if (kind < 6) {
    const absl::Time at = now - absl::Minutes(Any(0, 3) == 0 ? Any(0, 40 * 24 * 60) : 0);
    return absl::StrCat("grant_by_policy {", AnyAccount(), " rule: '", kRuleIds[Any(0, std::size(kRuleIds))],
                        "' source: 'cases/c-", Any(0, 200), "' minutes: ", Any(0, 400),
                        " occurred_at {seconds: ", absl::ToUnixSeconds(at), "}}");
  }
  if (kind < 8 || redemptions.empty())
    return absl::StrCat("redeem_item {", AnyAccount(), " request {item: 'items/i-1' quantity: ", Any(1, 4),
                        " price_points: ", Any(1, 60), "}}");
  return absl::StrCat("settle_redemption {redemption: 'redemptions/", redemptions[Any(0, redemptions.size())], "' ",
                      Any(0, 2) == 0 ? "kind: 'GOODS'" : "refused: VOID_GROUND_OUT_OF_STOCK", "}");
}

// A minute, a day, or a long while in which lots run out.
absl::Duration AnyWhile() {
  const int kind = Any(0, 12);
  return kind < 7 ? absl::Minutes(Any(0, 8)) : kind < 11 ? absl::Hours(Any(1, 60)) : absl::Hours(24 * Any(1, 400));
}

RC_GTEST_PROP(PointsProperty, TheBooksBalanceWhateverComes, ()) {
  const gwt::References references = SampleReferences();
  gwt::Shard shard = NewShard(references);
  Bookkeeper bookkeeper;
  std::vector<std::string> redemptions;
  absl::Time now = gwt::At("2026-11-18 10:00");
  const int steps = Any(20, 120);
  for (int i = 0; i < steps; ++i) {
    now += AnyWhile();
    // Time first, so that what its timers did is seen too.
    const Step time{.kind = Step::Kind::kTime, .text = "", .at = now};
    const Step command{.kind = Step::Kind::kCommand, .text = AnyCommand(now, redemptions), .at = now};
    for (const Step& step : {time, command}) {
      const auto came = shard.Run(step);
      RC_ASSERT(came.broken == "");
      for (const auto& text : came.events) {
        v1::JournalEvent event;
        RC_ASSERT(google::protobuf::TextFormat::ParseFromString(text, &event));
        bookkeeper.Take(event);
        RC_ASSERT(bookkeeper.wrong() == "");
        if (event.has_redemption_started()) redemptions.push_back(event.redemption_started().redemption().substr(12));
      }
    }
  }
  RC_CLASSIFY(bookkeeper.grants() > 10, "grants");
  RC_CLASSIFY(bookkeeper.resolved() > 2, "resolved holds");
}

}  // namespace
}  // namespace civicmesh::points
