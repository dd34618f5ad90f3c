#include "services/points/domain/redemption.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "civicmesh/reference/v1/reference.pb.h"
#include "services/points/domain/account.h"
#include "services/points/domain/earning.h"

namespace civicmesh::points {
namespace {

constexpr int64_t kMinuteMs = 60 * 1000;

v1::Transaction Transaction(v1::TransactionKind kind, const v1::Redemption& redemption) {
  v1::Transaction transaction;
  transaction.set_kind(kind);
  transaction.set_points(redemption.points());
  transaction.set_source(redemption.name());
  return transaction;
}

template <typename Fact>
void Describe(Fact& fact, const v1::Redemption& redemption) {
  fact.set_redemption(redemption.name());
  fact.set_item(redemption.item());
  fact.set_quantity(redemption.quantity());
  fact.set_points(redemption.points());
}

void Change(Decided<v1::JournalEvent>& decided, v1::RedemptionState redemption) {
  const std::string stream = StreamOf("redemptions/", redemption.redemption().name());
  v1::JournalEvent event;
  *event.mutable_redemption_changed() = std::move(redemption);
  decided.Add(stream, std::move(event));
}

// Where its points are, once the hold is over.
Decision<v1::JournalEvent> Resolved(AccountDraft& draft, v1::RedemptionState redemption, int64_t now_ms) {
  SetTime(redemption.mutable_redemption()->mutable_resolved_at(), now_ms);
  redemption.clear_lots();
  const std::string stream = StreamOf("redemptions/", redemption.redemption().name());
  Change(draft.decided(), std::move(redemption));
  draft.decided().Disarm(stream, kHoldTimer);
  return draft.Finish(stream);
}

AccountDraft DraftOf(const v1::RedemptionState& redemption, const v1::AccountState& account, const Context& ctx) {
  return AccountDraft(&account, StreamOf("accounts/", redemption.redemption().account()), redemption.owner_token(),
                      ctx.actor.subject, ctx);
}

Decision<v1::JournalEvent> Capture(v1::RedemptionState redemption, const v1::AccountState& account,
                                   const std::string& kind, const Context& ctx) {
  AccountDraft draft = DraftOf(redemption, account, ctx);
  v1::Redemption& shown = *redemption.mutable_redemption();
  shown.set_status(v1::REDEMPTION_STATUS_COMPLETED);
  shown.set_kind(kind);
  v1::JournalEvent event;
  auto& fact = *event.mutable_redemption_completed();
  AccountDraft::Move(fact.mutable_postings(), v1::Posting::LEDGER_HELD, v1::Posting::LEDGER_REDEEMED, shown.points());
  Describe(fact, shown);
  fact.set_kind(kind);
  const auto transaction = Transaction(v1::TRANSACTION_KIND_REDEEMED, shown);
  draft.Add(event, fact, &transaction);
  return Resolved(draft, std::move(redemption), ctx.now_ms);
}

Decision<v1::JournalEvent> Void(v1::RedemptionState redemption, const v1::AccountState& account, v1::VoidGround ground,
                                const Context& ctx) {
  AccountDraft draft = DraftOf(redemption, account, ctx);
  v1::Redemption& shown = *redemption.mutable_redemption();
  shown.set_status(v1::REDEMPTION_STATUS_VOIDED);
  shown.set_void_ground(ground);
  v1::JournalEvent event;
  auto& fact = *event.mutable_redemption_voided();
  AccountDraft::Move(fact.mutable_postings(), v1::Posting::LEDGER_HELD, v1::Posting::LEDGER_AVAILABLE, shown.points());
  *event.mutable_lots() = redemption.lots();
  Describe(fact, shown);
  fact.set_ground(ground);
  const auto transaction = Transaction(v1::TRANSACTION_KIND_GIVEN_BACK, shown);
  draft.Add(event, fact, &transaction);
  // What ran out while it was held is not spared by having been held.
  draft.ExpireDue();
  return Resolved(draft, std::move(redemption), ctx.now_ms);
}

}  // namespace

Decision<v1::JournalEvent> DecideRedeem(const v1::AccountState* account, const v1::RedeemItem& command,
                                        const Context& ctx) {
  const v1::RedeemItemRequest& request = command.request();
  if (StreamOf("items/", request.item()).empty()) return Refuse(v1::REASON_INVALID_ARGUMENT, "item");
  if (request.quantity() < 1 || request.quantity() > kMaxQuantity)
    return Refuse(v1::REASON_INVALID_ARGUMENT, "quantity");
  if (request.price_points() < 1 || request.price_points() > kMaxPrice)
    return Refuse(v1::REASON_INVALID_ARGUMENT, "price_points");
  const auto* rules = ctx.reference->Get<reference::v1::PointsRules>(kRulesKind);
  if (!rules) return Refuse(v1::REASON_REFERENCE_MISSING);

  // The owner acts: named as accounts name people.
  AccountDraft draft(account, StreamOf("accounts/", command.account()), command.owner_token(), command.owner_token(),
                     ctx);
  const int64_t points = request.quantity() * request.price_points();
  if (Frozen(draft.state(), ctx.now_ms)) return Refuse(v1::REASON_ACCOUNT_FROZEN);
  if (draft.available() < points) return Refuse(v1::REASON_INSUFFICIENT_POINTS, "price_points");

  const std::string stream = ctx.NewId("rd");
  const int64_t hold_ends_ms = ctx.now_ms + rules->hold_minutes() * kMinuteMs;
  v1::RedemptionState redemption;
  redemption.set_owner_token(command.owner_token());
  v1::Redemption& shown = *redemption.mutable_redemption();
  shown.set_name(absl::StrCat("redemptions/", stream));
  shown.set_account(command.account());
  shown.set_item(request.item());
  shown.set_quantity(request.quantity());
  shown.set_points(points);
  shown.set_status(v1::REDEMPTION_STATUS_HELD);
  SetTime(shown.mutable_started_at(), ctx.now_ms);
  SetTime(shown.mutable_hold_expires_at(), hold_ends_ms);

  v1::JournalEvent event;
  auto& fact = *event.mutable_redemption_started();
  AccountDraft::Move(fact.mutable_postings(), v1::Posting::LEDGER_AVAILABLE, v1::Posting::LEDGER_HELD, points);
  *event.mutable_lots() = draft.OldestLots(points);
  *redemption.mutable_lots() = event.lots();
  Describe(fact, shown);
  SetTime(fact.mutable_hold_expires_at(), hold_ends_ms);
  const auto transaction = Transaction(v1::TRANSACTION_KIND_HELD, shown);
  draft.Add(event, fact, &transaction);
  Change(draft.decided(), std::move(redemption));
  draft.decided().Arm(stream, kHoldTimer, hold_ends_ms);
  return draft.Finish(stream);
}

Decision<v1::JournalEvent> DecideSettle(const v1::RedemptionState* redemption, const v1::AccountState* account,
                                        const v1::SettleRedemption& command, const Context& ctx) {
  // After a void the item hears of that void (policy reserve_stock) and releases what it set aside too late.
  if (!redemption || !account || redemption->redemption().status() != v1::REDEMPTION_STATUS_HELD)
    return Refuse(v1::REASON_NOTHING_TO_SETTLE, "redemption");
  if (command.refused() != v1::VOID_GROUND_UNSPECIFIED) return Void(*redemption, *account, command.refused(), ctx);
  return Capture(*redemption, *account, command.kind(), ctx);
}

Decision<v1::JournalEvent> DecideHoldTimeout(const v1::RedemptionState& redemption, const v1::AccountState& account,
                                             const Context& ctx) {
  return Void(redemption, account, v1::VOID_GROUND_TIMED_OUT, ctx);
}

}  // namespace civicmesh::points
