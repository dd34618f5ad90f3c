// 兑换商品, the item's side of the saga: stock is set aside when the account holds the points for it, and taken or
// released when the account says how that ended. Free, reserved and taken add up to what was ever stocked, and none of
// them goes below zero: a fold that finds otherwise is DATA_LOSS and stops the shard.
//
// The item never gives up a reservation by itself: only the account's definite answer settles it, so what one side
// captures the other never releases.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "civicmesh/points/v1/points_journal.pb.h"
#include "services/runtime/decider/context.h"
#include "services/runtime/decider/decision.h"
#include "services/runtime/decider/machine.h"

namespace civicmesh::points {

// The kind of reference data, as it is given to Context: a reference.v1.Catalogue.
constexpr char kCatalogueKind[] = "catalogue";

constexpr int64_t kMaxAdded = 100'000;

absl::Status FoldItem(v1::ItemState& item, const EventMeta& meta, const v1::JournalEvent& event);

// In all of these `item` is null where there is none.
Decision<v1::JournalEvent> DecideStock(const v1::ItemState* item, const v1::StockItem& command, const Context& ctx);
Decision<v1::JournalEvent> DecideReserve(const v1::ItemState* item, const v1::ReserveStock& command,
                                         const Context& ctx);
Decision<v1::JournalEvent> DecideSettleStock(const v1::ItemState* item, const v1::SettleStock& command,
                                             const Context& ctx);

}  // namespace civicmesh::points
