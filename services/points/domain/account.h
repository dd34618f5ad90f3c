// 积分账户: an account's balances and lots, how its events change them, and how a decision makes such events.
//
// The books are kept twice: every event's postings sum to zero over the ledgers (I1), and what is available is exactly
// what its lots hold. A fold that finds otherwise, or a balance below zero (I2), is DATA_LOSS and stops the shard.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "civicmesh/points/v1/points_journal.pb.h"
#include "services/runtime/decider/context.h"
#include "services/runtime/decider/decision.h"
#include "services/runtime/decider/machine.h"

namespace civicmesh::points {

using Postings = google::protobuf::RepeatedPtrField<v1::Posting>;
using Lots = google::protobuf::RepeatedPtrField<v1::Lot>;

// How late something earned may come and still be counted to its own day.
constexpr int64_t kCountedBackMs = 31LL * 24 * 60 * 60 * 1000;
// The timer of an account's next expiry.
constexpr char kExpiryTimer[] = "expiry";
// Transactions per page: a page is written whole with each of them.
constexpr int64_t kPageSize = 50;

int64_t Balance(const v1::AccountState& account, v1::Posting::Ledger ledger);
// What was earned in that day (as 20261118) or month (as 202611); `rule` "" is all that the common limits count.
int64_t EarnedOn(const google::protobuf::RepeatedPtrField<v1::EarnedOn>& counted, int32_t date, std::string_view rule);
bool Frozen(const v1::AccountState& account, int64_t now_ms);

// The stream of the page that holds the transaction with this number (from 1).
std::string PageStream(std::string_view account_stream, int64_t number);

absl::Status FoldAccount(v1::AccountState& account, const EventMeta& meta, const v1::JournalEvent& event);

// Events of one account within one decision: each sees what the ones before it did.
//
//   AccountDraft draft(state, "a-…", token, ctx);
//   v1::JournalEvent event;
//   auto& fact = *event.mutable_points_reversed();
//   draft.Move(fact.mutable_postings(), v1::Posting::LEDGER_AVAILABLE, v1::Posting::LEDGER_REVERSED, 5);
//   *event.mutable_lots() = draft.OldestLots(5);
//   draft.Add(event, fact, transaction);
//   return draft.Finish("a-…");
class AccountDraft {
 public:
  // `before` is null where the account has no event yet; `actor` is named in the events.
  AccountDraft(const v1::AccountState* before, std::string stream, std::string owner_token, std::string actor,
               const Context& ctx);

  const v1::AccountState& state() const { return state_; }
  int64_t available() const { return Balance(state_, v1::Posting::LEDGER_AVAILABLE); }
  int64_t now_ms() const { return ctx_.now_ms; }

  // Two postings that sum to zero; none where `points` is 0.
  static void Move(Postings* postings, v1::Posting::Ledger from, v1::Posting::Ledger to, int64_t points);
  // The first lots in their order that hold `points` together, which are at most available().
  Lots OldestLots(int64_t points) const;
  // The lot into which what expires then is granted now.
  int64_t LotFor(int64_t expires_at_ms) const;

  // Takes `event` in, of which `fact` is a part: fills in the fact's context, and records `transaction` (kind, points,
  // and what is particular to it) where it is not null.
  template <typename Fact>
  void Add(v1::JournalEvent& event, Fact& fact, const v1::Transaction* transaction) {
    int64_t available = 0, held = 0;
    if constexpr (requires { fact.postings(); }) {
      for (const auto& posting : fact.postings()) {
        if (posting.ledger() == v1::Posting::LEDGER_AVAILABLE) available += posting.points();
        if (posting.ledger() == v1::Posting::LEDGER_HELD) held += posting.points();
      }
    }
    FillContext(*fact.mutable_context(), available, held);
    Take(event, transaction);
  }

  // 过期: what has run out by now. Nothing where nothing has.
  void ExpireDue();

  // Streams beside the account's may be added to it.
  Decided<v1::JournalEvent>& decided() { return decided_; }
  // The decision, with the timer of the next expiry; the stream `resource` answers.
  Decided<v1::JournalEvent> Finish(std::string resource);

 private:
  void FillContext(v1::AccountContext& context, int64_t available, int64_t held) const;
  void Take(v1::JournalEvent& event, const v1::Transaction* transaction);

  v1::AccountState state_;
  const std::string stream_, owner_token_, actor_;
  const Context& ctx_;
  const int64_t armed_ms_;  // when the expiry timer is due; 0: not armed
  Decided<v1::JournalEvent> decided_;
};

// For contexts and states.
void SetTime(google::protobuf::Timestamp* to, int64_t ms);
int64_t TimeMs(const google::protobuf::Timestamp& time);

// "a-…" of "accounts/a-…"; "" where `name` is none of that collection.
std::string StreamOf(std::string_view collection, std::string_view name);

}  // namespace civicmesh::points
