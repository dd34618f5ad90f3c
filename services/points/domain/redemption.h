// 兑换, the account's side of the saga: hold the points (RedemptionStarted), hear the item's answer, then capture
// (RedemptionCompleted) or void (RedemptionVoided). A hold resolves once (I5): whatever comes first of the item's
// answer and the hold's timer decides, and the other finds it decided.
//
//   HELD ──StockReserved──▶ COMPLETED
//     └──StockRefused, or hold_minutes without an answer──▶ VOIDED
#pragma once

#include "civicmesh/points/v1/points_journal.pb.h"
#include "services/runtime/decider/context.h"
#include "services/runtime/decider/decision.h"

namespace civicmesh::points {

// The timer on a redemption's stream that voids it.
constexpr char kHoldTimer[] = "hold";

constexpr int32_t kMaxQuantity = 10;
constexpr int64_t kMaxPrice = 1'000'000;

// `account` is null where it has no event yet.
Decision<v1::JournalEvent> DecideRedeem(const v1::AccountState* account, const v1::RedeemItem& command,
                                        const Context& ctx);

// The item's answer. `redemption` and `account` are null where there is none.
Decision<v1::JournalEvent> DecideSettle(const v1::RedemptionState* redemption, const v1::AccountState* account,
                                        const v1::SettleRedemption& command, const Context& ctx);

// No answer came in time. Both are there: the timer was armed with them.
Decision<v1::JournalEvent> DecideHoldTimeout(const v1::RedemptionState& redemption, const v1::AccountState& account,
                                             const Context& ctx);

}  // namespace civicmesh::points
