#include "services/points/domain/item.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "civicmesh/reference/v1/reference.pb.h"
#include "services/points/domain/account.h"

namespace civicmesh::points {
namespace {

using reference::v1::Catalogue;
using reference::v1::CatalogueEntry;

const CatalogueEntry* FindEntry(const Catalogue* catalogue, const std::string& id) {
  if (!catalogue) return nullptr;
  for (const auto& entry : catalogue->items())
    if (entry.id() == id) return &entry;
  return nullptr;
}

const v1::Reservation* FindReservation(const v1::ItemState* item, const std::string& redemption) {
  if (!item) return nullptr;
  for (const auto& reservation : item->reservations())
    if (reservation.redemption() == redemption) return &reservation;
  return nullptr;
}

// The item as it is after the event: its counts change by so many.
void FillContext(v1::ItemContext& context, const std::string& name, const v1::ItemState* item, const Context& ctx,
                 int64_t free, int64_t reserved, int64_t taken) {
  const v1::Item& shown = item ? item->item() : v1::Item::default_instance();
  context.set_item(name);
  SetTime(context.mutable_occurred_at(), ctx.now_ms);
  context.set_actor(ctx.actor.subject);
  context.set_catalogue_id(shown.catalogue_id());
  context.set_price_points(shown.price_points());
  context.set_free(shown.free() + free);
  context.set_reserved(shown.reserved() + reserved);
  context.set_taken(shown.taken() + taken);
}

Decided<v1::JournalEvent> One(const std::string& stream, v1::JournalEvent event) {
  Decided<v1::JournalEvent> decided{.events = {}, .timers = {}, .resource = stream};
  decided.Add(stream, std::move(event));
  return decided;
}

v1::VoidGround WhyNot(const v1::ItemState* item, const v1::ReserveStock& command, const Context& ctx) {
  if (!item || !FindEntry(ctx.reference->Get<Catalogue>(kCatalogueKind), item->item().catalogue_id()))
    return v1::VOID_GROUND_NO_SUCH_ITEM;
  if (command.points() != command.quantity() * item->item().price_points()) return v1::VOID_GROUND_PRICE_CHANGED;
  if (command.quantity() > item->item().free()) return v1::VOID_GROUND_OUT_OF_STOCK;
  return v1::VOID_GROUND_UNSPECIFIED;
}

void Forget(v1::ItemState& item, const std::string& redemption) {
  auto& all = *item.mutable_reservations();
  all.erase(std::remove_if(all.begin(), all.end(), [&](const auto& r) { return r.redemption() == redemption; }),
            all.end());
}

void Publish(v1::Item& shown, const v1::JournalEvent& event) {
  shown.set_name_zh(event.name_zh());
  shown.set_name_en(event.name_en());
  shown.set_kind(event.kind());
  shown.set_merchant_zh(event.merchant_zh());
}

// The event's context says what the item is now; the books have to agree with it.
absl::Status Recount(v1::ItemState& item, const v1::ItemContext& context, int64_t stocked) {
  v1::Item& shown = *item.mutable_item();
  const int64_t before = shown.free() + shown.reserved() + shown.taken();
  if (context.free() + context.reserved() + context.taken() != before + stocked)
    return absl::DataLossError("stock does not add up");
  if (context.free() < 0 || context.reserved() < 0 || context.taken() < 0)
    return absl::DataLossError("stock below zero");
  int64_t reserved = 0;
  for (const auto& reservation : item.reservations()) reserved += reservation.quantity();
  if (reserved != context.reserved()) return absl::DataLossError("reservations do not add up");
  shown.set_name(context.item());
  shown.set_catalogue_id(context.catalogue_id());
  shown.set_price_points(context.price_points());
  shown.set_free(context.free());
  shown.set_reserved(context.reserved());
  shown.set_taken(context.taken());
  return absl::OkStatus();
}

}  // namespace

absl::Status FoldItem(v1::ItemState& item, const EventMeta& meta, const v1::JournalEvent& event) {
  using Fact = v1::JournalEvent::FactCase;
  item.mutable_item()->set_etag(absl::StrCat(meta.version));
  switch (event.fact_case()) {
    case Fact::kItemStocked:
      Publish(*item.mutable_item(), event);
      return Recount(item, event.item_stocked().context(), event.item_stocked().added());
    case Fact::kStockReserved: {
      auto* reservation = item.add_reservations();
      reservation->set_redemption(event.stock_reserved().redemption());
      reservation->set_quantity(event.stock_reserved().quantity());
      return Recount(item, event.stock_reserved().context(), 0);
    }
    case Fact::kStockRefused:
      return Recount(item, event.stock_refused().context(), 0);
    case Fact::kStockTaken:
      Forget(item, event.stock_taken().redemption());
      return Recount(item, event.stock_taken().context(), 0);
    case Fact::kStockReleased:
      Forget(item, event.stock_released().redemption());
      return Recount(item, event.stock_released().context(), 0);
    case Fact::kPointsGranted:
    case Fact::kGrantDenied:
    case Fact::kPointsReversed:
    case Fact::kPointsExpired:
    case Fact::kAccountFrozen:
    case Fact::kRedemptionStarted:
    case Fact::kRedemptionCompleted:
    case Fact::kRedemptionVoided:
    case Fact::kTransactionRecorded:
    case Fact::kRedemptionChanged:
    case Fact::FACT_NOT_SET:
      break;
  }
  return absl::DataLossError("an event that no item has");
}

Decision<v1::JournalEvent> DecideStock(const v1::ItemState* item, const v1::StockItem& command, const Context& ctx) {
  const auto* catalogue = ctx.reference->Get<Catalogue>(kCatalogueKind);
  if (!catalogue) return Refuse(v1::REASON_REFERENCE_MISSING);
  const CatalogueEntry* entry = FindEntry(catalogue, command.request().catalogue_id());
  if (!entry) return Refuse(v1::REASON_NOT_IN_CATALOGUE, "catalogue_id");
  if (command.request().add() < 0 || command.request().add() > kMaxAdded)
    return Refuse(v1::REASON_INVALID_ARGUMENT, "add");
  const bool first = !item || item->item().catalogue_id().empty();
  const int64_t added = command.request().add() + (first ? entry->stock() : 0);
  v1::JournalEvent event;
  event.set_name_zh(entry->name_zh());
  event.set_name_en(entry->name_en());
  event.set_kind(entry->kind());
  event.set_merchant_zh(entry->merchant_zh());
  auto& fact = *event.mutable_item_stocked();
  FillContext(*fact.mutable_context(), command.item(), item, ctx, added, 0, 0);
  fact.mutable_context()->set_catalogue_id(entry->id());
  fact.mutable_context()->set_price_points(entry->price_points());
  fact.set_added(added);
  return One(StreamOf("items/", command.item()), std::move(event));
}

Decision<v1::JournalEvent> DecideReserve(const v1::ItemState* item, const v1::ReserveStock& command,
                                         const Context& ctx) {
  const v1::VoidGround ground = WhyNot(item, command, ctx);
  v1::JournalEvent event;
  if (ground != v1::VOID_GROUND_UNSPECIFIED) {
    auto& fact = *event.mutable_stock_refused();
    FillContext(*fact.mutable_context(), command.item(), item, ctx, 0, 0, 0);
    fact.set_redemption(command.redemption());
    fact.set_quantity(command.quantity());
    fact.set_ground(ground);
  } else {
    auto& fact = *event.mutable_stock_reserved();
    FillContext(*fact.mutable_context(), command.item(), item, ctx, -command.quantity(), command.quantity(), 0);
    fact.set_redemption(command.redemption());
    fact.set_quantity(command.quantity());
    fact.set_points(command.points());
    fact.set_kind(item->item().kind());
  }
  return One(StreamOf("items/", command.item()), std::move(event));
}

Decision<v1::JournalEvent> DecideSettleStock(const v1::ItemState* item, const v1::SettleStock& command,
                                             const Context& ctx) {
  const v1::Reservation* reservation = FindReservation(item, command.redemption());
  // A hold that ran out while the item was refusing it, too: there is nothing to give back.
  if (!reservation) return Refuse(v1::REASON_NOTHING_TO_SETTLE, "redemption");
  const int64_t quantity = reservation->quantity();
  v1::JournalEvent event;
  if (command.completed()) {
    auto& fact = *event.mutable_stock_taken();
    FillContext(*fact.mutable_context(), command.item(), item, ctx, 0, -quantity, quantity);
    fact.set_redemption(command.redemption());
    fact.set_quantity(reservation->quantity());
  } else {
    auto& fact = *event.mutable_stock_released();
    FillContext(*fact.mutable_context(), command.item(), item, ctx, quantity, -quantity, 0);
    fact.set_redemption(command.redemption());
    fact.set_quantity(reservation->quantity());
  }
  return One(StreamOf("items/", command.item()), std::move(event));
}

}  // namespace civicmesh::points
