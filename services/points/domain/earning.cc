#include "services/points/domain/earning.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "services/points/domain/account.h"
#include "services/points/domain/calendar.h"

namespace civicmesh::points {
namespace {

using reference::v1::EarningRule;
using reference::v1::PointsRules;

constexpr int64_t kDayMs = 24 * 60 * 60 * 1000;
// A gateway's clock may be ahead of ours by so much.
constexpr int64_t kClockSkewMs = 5 * 60 * 1000;
constexpr size_t kMaxSource = 100;

const EarningRule* FindRule(const PointsRules* rules, const std::string& id) {
  if (!rules) return nullptr;
  for (const auto& rule : rules->rules())
    if (rule.id() == id) return &rule;
  return nullptr;
}

bool FromFactsOnly(const EarningRule& rule) {
  for (const char* id : {kReportRegistered, kReportRegisteredHazard, kReportMerged, kVolunteering, kFalseReport})
    if (rule.id() == id) return true;
  return rule.per_minutes() > 0;
}

// The source is published: an id of the gateway's own system, and nothing that looks like a phone or identity number.
bool GoodSource(const std::string& source) {
  if (source.empty() || source.size() > kMaxSource) return false;
  size_t digits = 0;
  for (size_t i = 0; i <= source.size(); ++i) {
    const char c = i < source.size() ? source[i] : '/';
    if (absl::ascii_isdigit(c)) {
      ++digits;
      continue;
    }
    if (!absl::ascii_isalpha(c) && !absl::StrContains("/._:-", absl::string_view(&c, 1))) return false;
    const bool phone = digits == 11 && source[i - 11] == '1';
    const bool identity = digits == 18 || (digits == 17 && absl::ascii_toupper(c) == 'X');
    if (phone || identity) return false;
    digits = 0;
  }
  return true;
}

// When a gateway may record it; OK where it may.
std::optional<Refusal> WrongTime(const v1::Earning& earning, int64_t now_ms) {
  if (!earning.has_occurred_at()) return Refuse(v1::REASON_INVALID_ARGUMENT, "occurred_at");
  const int64_t at_ms = TimeMs(earning.occurred_at());
  if (at_ms > now_ms + kClockSkewMs) return Refuse(v1::REASON_EARNED_AHEAD_OF_TIME, "occurred_at");
  if (at_ms < now_ms - kCountedBackMs) return Refuse(v1::REASON_EARNED_TOO_LONG_AGO, "occurred_at");
  return std::nullopt;
}

// The time to whose day it counts: its own, unless its day can no longer be counted.
int64_t CountedAt(const v1::Earning& earning, int64_t now_ms) {
  const int64_t at_ms = earning.has_occurred_at() ? TimeMs(earning.occurred_at()) : now_ms;
  return at_ms < now_ms - kCountedBackMs ? now_ms : std::min(at_ms, now_ms);
}

// What the limits leave of `earned`: the rule's per day, and the common ones per day and month.
int64_t WithinLimits(const v1::AccountState& account, const PointsRules& rules, const EarningRule& rule, int64_t earned,
                     int64_t at_ms) {
  const int32_t day = DayOf(at_ms), month = MonthOf(at_ms);
  int64_t left = earned;
  auto limit = [&](int64_t most, int64_t used) {
    if (most > 0) left = std::min(left, std::max<int64_t>(0, most - used));
  };
  limit(rule.daily_limit(), EarnedOn(account.days(), day, rule.id()));
  if (rule.outside_limits()) return left;
  limit(rules.daily_limit(), EarnedOn(account.days(), day, ""));
  limit(rules.monthly_limit(), EarnedOn(account.months(), month, ""));
  return left;
}

v1::Transaction Transaction(v1::TransactionKind kind, const v1::Earning& earning, int64_t points, int64_t earned) {
  v1::Transaction transaction;
  transaction.set_kind(kind);
  transaction.set_rule(earning.rule());
  transaction.set_source(earning.source());
  transaction.set_points(points);
  transaction.set_earned(earned);
  return transaction;
}

void Deny(AccountDraft& draft, const v1::Earning& earning, const PointsRules* rules, v1::GrantDenial ground,
          int64_t earned) {
  v1::JournalEvent event;
  auto& fact = *event.mutable_grant_denied();
  fact.set_rule(earning.rule());
  fact.set_source(earning.source());
  fact.set_ground(ground);
  fact.set_earned(earned);
  if (rules) fact.set_rules_version(rules->version());
  SetTime(fact.mutable_earned_at(), CountedAt(earning, draft.now_ms()));
  auto transaction = Transaction(v1::TRANSACTION_KIND_DENIED, earning, 0, earned);
  transaction.set_denial(ground);
  draft.Add(event, fact, &transaction);
}

void Grant(AccountDraft& draft, const v1::Earning& earning, const PointsRules& rules, const EarningRule& rule,
           int64_t earned) {
  const int64_t at_ms = CountedAt(earning, draft.now_ms());
  const int64_t points = WithinLimits(draft.state(), rules, rule, earned, at_ms);
  if (points == 0) return Deny(draft, earning, &rules, v1::GRANT_DENIAL_LIMIT, earned);
  const int64_t expires_ms = ExpiryOf(draft.now_ms(), rules.expiry_months());
  v1::JournalEvent event;
  event.set_outside_limits(rule.outside_limits());
  auto& fact = *event.mutable_points_granted();
  AccountDraft::Move(fact.mutable_postings(), v1::Posting::LEDGER_ISSUED, v1::Posting::LEDGER_AVAILABLE, points);
  fact.set_rule(rule.id());
  fact.set_points(points);
  fact.set_source(earning.source());
  fact.set_report(earning.report());
  fact.set_lot(draft.LotFor(expires_ms));
  SetTime(fact.mutable_expires_at(), expires_ms);
  fact.set_earned(earned);
  fact.set_rules_version(rules.version());
  SetTime(fact.mutable_earned_at(), at_ms);
  const auto transaction = Transaction(v1::TRANSACTION_KIND_GRANTED, earning, points, earned);
  draft.Add(event, fact, &transaction);
}

// 扣减: takes at most what is there. Three false reports within a month freeze the account.
void Deduct(AccountDraft& draft, const v1::Earning& earning, const PointsRules& rules, int64_t points) {
  const int64_t taken = std::min(points, draft.available());
  v1::JournalEvent event;
  auto& fact = *event.mutable_points_reversed();
  AccountDraft::Move(fact.mutable_postings(), v1::Posting::LEDGER_AVAILABLE, v1::Posting::LEDGER_REVERSED, taken);
  *event.mutable_lots() = draft.OldestLots(taken);
  fact.set_rule(earning.rule());
  fact.set_points(taken);
  fact.set_source(earning.source());
  fact.set_rules_version(rules.version());
  const auto transaction = Transaction(v1::TRANSACTION_KIND_REVERSED, earning, taken, points);
  draft.Add(event, fact, &transaction);
  if (earning.rule() != kFalseReport) return;
  const int64_t since_ms = draft.now_ms() - rules.false_report_days() * kDayMs;
  const auto& times = draft.state().false_reports_ms();
  if (std::count_if(times.begin(), times.end(), [&](int64_t t) { return t > since_ms; }) <
      rules.false_reports_to_freeze())
    return;
  v1::JournalEvent freeze;
  SetTime(freeze.mutable_account_frozen()->mutable_until(), draft.now_ms() + rules.freeze_days() * kDayMs);
  draft.Add(freeze, *freeze.mutable_account_frozen(), nullptr);
}

}  // namespace

Decision<v1::JournalEvent> DecideEarning(const v1::AccountState* account, bool counted, const v1::Earning& earning,
                                         bool by_policy, const Context& ctx) {
  const auto* rules = ctx.reference->Get<PointsRules>(kRulesKind);
  const EarningRule* rule = FindRule(rules, earning.rule());
  if (!by_policy) {
    if (!GoodSource(earning.source())) return Refuse(v1::REASON_INVALID_ARGUMENT, "source");
    if (!rules) return Refuse(v1::REASON_REFERENCE_MISSING);
    if (!rule) return Refuse(v1::REASON_UNKNOWN_RULE, "rule");
    if (FromFactsOnly(*rule)) return Refuse(v1::REASON_RULE_NOT_FOR_GATEWAYS, "rule");
    if (auto refused = WrongTime(earning, ctx.now_ms)) return *std::move(refused);
  }
  if (counted) return Refuse(v1::REASON_ALREADY_COUNTED, "source");

  const std::string stream = StreamOf("accounts/", earning.account());
  AccountDraft draft(account, stream, earning.owner_token(), ctx.actor.subject, ctx);
  if (!rule) {
    Deny(draft, earning, rules, v1::GRANT_DENIAL_NO_RULE, 0);
    return draft.Finish(stream);
  }
  const int64_t times = rule->per_minutes() > 0 ? earning.minutes() / rule->per_minutes() : 1;
  const int64_t earned = rule->points() * times;
  if (earned < 0) {
    Deduct(draft, earning, *rules, -earned);
  } else if (earned > 0 && Frozen(draft.state(), ctx.now_ms)) {
    Deny(draft, earning, rules, v1::GRANT_DENIAL_FROZEN, earned);
  } else if (earned > 0) {
    Grant(draft, earning, *rules, *rule, earned);
  }
  return draft.Finish(stream);
}

}  // namespace civicmesh::points
