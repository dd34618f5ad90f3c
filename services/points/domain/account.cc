#include "services/points/domain/account.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "services/points/domain/calendar.h"
#include "services/points/domain/earning.h"

namespace civicmesh::points {
namespace {

using Ledger = v1::Posting::Ledger;

void AddTo(google::protobuf::RepeatedPtrField<v1::EarnedOn>& counted, int32_t date, int32_t oldest,
           const std::string& rule, int64_t points) {
  auto gone = std::remove_if(counted.begin(), counted.end(), [&](const auto& c) { return c.date() < oldest; });
  counted.erase(gone, counted.end());
  for (auto& c : counted)
    if (c.date() == date && c.rule() == rule) return c.set_points(c.points() + points);
  auto* fresh = counted.Add();
  fresh->set_date(date);
  fresh->set_rule(rule);
  fresh->set_points(points);
}

// A grant counts on its day under its rule, and, where the common limits hold, on its day and month.
void Count(v1::AccountState& account, const v1::JournalEvent& event, int64_t now_ms) {
  const auto& grant = event.points_granted();
  const int64_t earned_ms = TimeMs(grant.earned_at());
  const int64_t oldest_ms = now_ms - kCountedBackMs;
  AddTo(*account.mutable_days(), DayOf(earned_ms), DayOf(oldest_ms), grant.rule(), grant.points());
  if (event.outside_limits()) return;
  AddTo(*account.mutable_days(), DayOf(earned_ms), DayOf(oldest_ms), "", grant.points());
  AddTo(*account.mutable_months(), MonthOf(earned_ms), MonthOf(oldest_ms), "", grant.points());
}

absl::Status Post(v1::AccountState& account, const Postings& postings) {
  while (account.balances_size() < Ledger::Posting_Ledger_LEDGER_REVERSED) account.add_balances(0);
  int64_t sum = 0;
  for (const auto& posting : postings) {
    if (posting.ledger() < v1::Posting::LEDGER_AVAILABLE || posting.ledger() > v1::Posting::LEDGER_REVERSED)
      return absl::DataLossError("a posting to an unknown ledger");
    sum += posting.points();
    account.set_balances(posting.ledger() - 1, account.balances(posting.ledger() - 1) + posting.points());
  }
  if (sum != 0) return absl::DataLossError("the postings of an event do not sum to zero");
  if (Balance(account, v1::Posting::LEDGER_AVAILABLE) < 0 || Balance(account, v1::Posting::LEDGER_HELD) < 0)
    return absl::DataLossError("a balance below zero");
  return absl::OkStatus();
}

void PutInto(Lots& lots, const v1::Lot& lot) {
  auto at = std::find_if(lots.begin(), lots.end(), [&](const auto& l) { return l.number() >= lot.number(); });
  if (at != lots.end() && at->number() == lot.number()) return at->set_points(at->points() + lot.points());
  const int place = static_cast<int>(at - lots.begin());
  *lots.Add() = lot;
  std::rotate(lots.begin() + place, lots.end() - 1, lots.end());
}

absl::Status TakeOut(Lots& lots, const Lots& parts) {
  for (const auto& part : parts) {
    auto at = std::find_if(lots.begin(), lots.end(), [&](const auto& l) { return l.number() == part.number(); });
    if (at == lots.end() || at->points() < part.points())
      return absl::DataLossError("a lot does not hold what it gave");
    at->set_points(at->points() - part.points());
    if (at->points() == 0) lots.erase(at);
  }
  return absl::OkStatus();
}

v1::Lot Granted(const v1::PointsGranted& grant) {
  v1::Lot lot;
  lot.set_number(grant.lot());
  lot.set_points(grant.points());
  lot.set_expires_at_ms(TimeMs(grant.expires_at()));
  return lot;
}

void CountFalseReport(v1::AccountState& account, int64_t now_ms) {
  auto& times = *account.mutable_false_reports_ms();
  times.Add(now_ms);
  // Older ones than any rule set looks back to would only grow.
  times.erase(std::remove_if(times.begin(), times.end(), [&](int64_t t) { return t <= now_ms - kFalseReportsKeptMs; }),
              times.end());
}

absl::Status FoldFact(v1::AccountState& account, const EventMeta& meta, const v1::JournalEvent& event) {
  using Fact = v1::JournalEvent::FactCase;
  auto& lots = *account.mutable_lots();
  switch (event.fact_case()) {
    case Fact::kPointsGranted:
      account.set_owner_token(event.points_granted().context().owner_token());
      Count(account, event, meta.now_ms);
      PutInto(lots, Granted(event.points_granted()));
      account.set_last_lot(std::max(account.last_lot(), event.points_granted().lot()));
      return Post(account, event.points_granted().postings());
    case Fact::kGrantDenied:
      account.set_owner_token(event.grant_denied().context().owner_token());
      return absl::OkStatus();
    case Fact::kPointsReversed:
      account.set_owner_token(event.points_reversed().context().owner_token());
      if (event.points_reversed().rule() == kFalseReport) CountFalseReport(account, meta.now_ms);
      if (auto s = TakeOut(lots, event.lots()); !s.ok()) return s;
      return Post(account, event.points_reversed().postings());
    case Fact::kPointsExpired:
      if (auto s = TakeOut(lots, event.lots()); !s.ok()) return s;
      return Post(account, event.points_expired().postings());
    case Fact::kAccountFrozen:
      account.set_frozen_until_ms(TimeMs(event.account_frozen().until()));
      return absl::OkStatus();
    case Fact::kRedemptionStarted:
      if (auto s = TakeOut(lots, event.lots()); !s.ok()) return s;
      return Post(account, event.redemption_started().postings());
    case Fact::kRedemptionCompleted:
      return Post(account, event.redemption_completed().postings());
    case Fact::kRedemptionVoided:
      for (const auto& lot : event.lots()) PutInto(lots, lot);
      return Post(account, event.redemption_voided().postings());
    case Fact::kItemStocked:
    case Fact::kStockReserved:
    case Fact::kStockRefused:
    case Fact::kStockTaken:
    case Fact::kStockReleased:
    case Fact::kTransactionRecorded:
    case Fact::kRedemptionChanged:
    case Fact::FACT_NOT_SET:
      break;
  }
  return absl::DataLossError("an event that no account has");
}

int64_t FirstExpiry(const v1::AccountState& account) {
  int64_t first = 0;
  for (const auto& lot : account.lots())
    if (first == 0 || lot.expires_at_ms() < first) first = lot.expires_at_ms();
  return first;
}

}  // namespace

int64_t Balance(const v1::AccountState& account, Ledger ledger) {
  return ledger <= account.balances_size() ? account.balances(ledger - 1) : 0;
}

int64_t EarnedOn(const google::protobuf::RepeatedPtrField<v1::EarnedOn>& counted, int32_t date, std::string_view rule) {
  for (const auto& c : counted)
    if (c.date() == date && c.rule() == rule) return c.points();
  return 0;
}

bool Frozen(const v1::AccountState& account, int64_t now_ms) { return now_ms < account.frozen_until_ms(); }

std::string PageStream(std::string_view account_stream, int64_t number) {
  return absl::StrCat(std::string(account_stream), ".", (number - 1) / kPageSize);
}

absl::Status FoldAccount(v1::AccountState& account, const EventMeta& meta, const v1::JournalEvent& event) {
  if (auto s = FoldFact(account, meta, event); !s.ok()) return s;
  account.set_version(meta.version);
  if (!event.has_account_frozen()) account.set_transactions(account.transactions() + 1);
  int64_t in_lots = 0;
  for (const auto& lot : account.lots()) in_lots += lot.points();
  return in_lots == Balance(account, v1::Posting::LEDGER_AVAILABLE)
             ? absl::OkStatus()
             : absl::DataLossError("the lots do not hold what is available");
}

AccountDraft::AccountDraft(const v1::AccountState* before, std::string stream, std::string owner_token,
                           std::string actor, const Context& ctx)
    : state_(before ? *before : v1::AccountState()),
      stream_(std::move(stream)),
      owner_token_(std::move(owner_token)),
      actor_(std::move(actor)),
      ctx_(ctx),
      armed_ms_(FirstExpiry(state_)) {}

void AccountDraft::Move(Postings* postings, Ledger from, Ledger to, int64_t points) {
  if (points == 0) return;
  auto* debit = postings->Add();
  debit->set_ledger(from);
  debit->set_points(-points);
  auto* credit = postings->Add();
  credit->set_ledger(to);
  credit->set_points(points);
}

Lots AccountDraft::OldestLots(int64_t points) const {
  Lots parts;
  for (const auto& lot : state_.lots()) {
    if (points == 0) break;
    auto* part = parts.Add();
    *part = lot;
    part->set_points(std::min(lot.points(), points));
    points -= part->points();
  }
  return parts;
}

int64_t AccountDraft::LotFor(int64_t expires_at_ms) const {
  const auto& lots = state_.lots();
  const bool same_day = !lots.empty() && lots.rbegin()->expires_at_ms() == expires_at_ms;
  return same_day ? lots.rbegin()->number() : state_.last_lot() + 1;
}

void AccountDraft::FillContext(v1::AccountContext& context, int64_t available, int64_t held) const {
  context.set_account(absl::StrCat("accounts/", stream_));
  context.set_owner_token(owner_token_);
  SetTime(context.mutable_occurred_at(), ctx_.now_ms);
  context.set_actor(actor_);
  context.set_available(Balance(state_, v1::Posting::LEDGER_AVAILABLE) + available);
  context.set_held(Balance(state_, v1::Posting::LEDGER_HELD) + held);
}

void AccountDraft::Take(v1::JournalEvent& event, const v1::Transaction* transaction) {
  // The same fold as the log's; what it finds wrong here, it finds wrong there, and stops the shard.
  FoldAccount(state_, {.stream = stream_, .version = state_.version() + 1, .now_ms = ctx_.now_ms}, event).IgnoreError();
  decided_.Add(stream_, event);
  if (!transaction) return;
  v1::JournalEvent recorded;
  auto* entry = recorded.mutable_transaction_recorded();
  *entry = *transaction;
  entry->set_number(state_.transactions());
  SetTime(entry->mutable_occurred_at(), ctx_.now_ms);
  entry->set_available(available());
  decided_.Add(PageStream(stream_, entry->number()), std::move(recorded));
}

void AccountDraft::ExpireDue() {
  v1::JournalEvent event;
  auto& fact = *event.mutable_points_expired();
  int64_t points = 0;
  for (const auto& lot : state_.lots()) {
    if (lot.expires_at_ms() > ctx_.now_ms) continue;
    *event.add_lots() = lot;
    points += lot.points();
  }
  if (points == 0) return;
  Move(fact.mutable_postings(), v1::Posting::LEDGER_AVAILABLE, v1::Posting::LEDGER_EXPIRED, points);
  fact.set_points(points);
  v1::Transaction transaction;
  transaction.set_kind(v1::TRANSACTION_KIND_EXPIRED);
  transaction.set_points(points);
  Add(event, fact, &transaction);
}

Decided<v1::JournalEvent> AccountDraft::Finish(std::string resource) {
  if (const int64_t next = FirstExpiry(state_); next != armed_ms_) decided_.Arm(stream_, kExpiryTimer, next);
  decided_.resource = std::move(resource);
  return std::move(decided_);
}

void SetTime(google::protobuf::Timestamp* to, int64_t ms) {
  to->set_seconds(ms / 1000);
  to->set_nanos(static_cast<int32_t>(ms % 1000) * 1000000);
}

int64_t TimeMs(const google::protobuf::Timestamp& time) { return time.seconds() * 1000 + time.nanos() / 1000000; }

std::string StreamOf(std::string_view collection, std::string_view name) {
  const bool there = name.size() > collection.size() && name.substr(0, collection.size()) == collection;
  return std::string(there ? name.substr(collection.size()) : std::string_view());
}

}  // namespace civicmesh::points
