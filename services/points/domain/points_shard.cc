#include "services/points/domain/points_shard.h"

#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "services/points/domain/account.h"
#include "services/points/domain/earning.h"
#include "services/points/domain/item.h"
#include "services/points/domain/redemption.h"

namespace civicmesh::points {
namespace {

// Its own to a process: never stored.
uint64_t Fingerprint(std::string_view account_stream, const std::string& rule, const std::string& source) {
  return absl::HashOf(std::string(account_stream), rule, source);
}

v1::TransactionPage Parsed(const v1::PointsStream& page) {
  v1::TransactionPage parsed;
  parsed.ParseFromString(page.page());
  return parsed;
}

template <typename Fact>
std::vector<PublicEvent> Public(const Fact& fact, const std::string& subject) {
  return {{.type = fact.GetDescriptor()->full_name(), .subject = subject, .bytes = fact.SerializeAsString()}};
}

template <typename Fact>
std::vector<PublicEvent> OfAccount(const Fact& fact) {
  return Public(fact, fact.context().account());
}

template <typename Fact>
std::vector<PublicEvent> OfItem(const Fact& fact) {
  return Public(fact, fact.context().item());
}

}  // namespace

const v1::AccountState* PointsShard::Account(std::string_view stream) const {
  const auto* found = Find(stream);
  return found && found->has_account() ? &found->account() : nullptr;
}

const v1::ItemState* PointsShard::Item(std::string_view stream) const {
  const auto* found = Find(stream);
  return found && found->has_item() ? &found->item() : nullptr;
}

const v1::RedemptionState* PointsShard::Redemption(std::string_view stream) const {
  const auto* found = Find(stream);
  return found && found->has_redemption() ? &found->redemption() : nullptr;
}

bool PointsShard::Counted(std::string_view account_stream, const v1::Earning& earning) const {
  if (!counted_.contains(Fingerprint(account_stream, earning.rule(), earning.source()))) return false;
  const auto* account = Account(account_stream);
  for (int64_t number = account ? account->transactions() : 0; number > 0; number -= (number - 1) % kPageSize + 1) {
    const auto* page = Find(PageStream(account_stream, number));
    if (!page) continue;
    const v1::TransactionPage parsed = Parsed(*page);
    for (const auto& transaction : parsed.transactions())
      if (transaction.rule() == earning.rule() && transaction.source() == earning.source()) return true;
  }
  return false;
}

Decision<v1::JournalEvent> PointsShard::Earn(const v1::Earning& earning, bool by_policy, const Context& ctx) const {
  const std::string stream = StreamOf("accounts/", earning.account());
  return DecideEarning(Account(stream), Counted(stream, earning), earning, by_policy, ctx);
}

Decision<v1::JournalEvent> PointsShard::DecideCommand(const v1::Command& command, const Context& ctx) const {
  using Kind = v1::Command::CommandCase;
  switch (command.command_case()) {
    case Kind::kRecordEarning:
      return Earn(command.record_earning(), /*by_policy=*/false, ctx);
    case Kind::kGrantByPolicy:
      return Earn(command.grant_by_policy(), /*by_policy=*/true, ctx);
    case Kind::kRedeemItem:
      return DecideRedeem(Account(StreamOf("accounts/", command.redeem_item().account())), command.redeem_item(), ctx);
    case Kind::kReserveStock:
      return DecideReserve(Item(StreamOf("items/", command.reserve_stock().item())), command.reserve_stock(), ctx);
    case Kind::kSettleRedemption: {
      const auto* redemption = Redemption(StreamOf("redemptions/", command.settle_redemption().redemption()));
      const auto* account = redemption ? Account(StreamOf("accounts/", redemption->redemption().account())) : nullptr;
      return DecideSettle(redemption, account, command.settle_redemption(), ctx);
    }
    case Kind::kSettleStock:
      return DecideSettleStock(Item(StreamOf("items/", command.settle_stock().item())), command.settle_stock(), ctx);
    case Kind::kStockItem:
      return DecideStock(Item(StreamOf("items/", command.stock_item().item())), command.stock_item(), ctx);
    case Kind::COMMAND_NOT_SET:
      break;
  }
  return Refuse(v1::REASON_INVALID_ARGUMENT);
}

Decision<v1::JournalEvent> PointsShard::DecideTimer(const FiredTimer& timer, const Context& ctx) const {
  if (timer.kind == kHoldTimer) {
    const auto* redemption = Redemption(timer.stream);
    const auto* account = redemption ? Account(StreamOf("accounts/", redemption->redemption().account())) : nullptr;
    if (!account) return Decided<v1::JournalEvent>();
    return DecideHoldTimeout(*redemption, *account, ctx);
  }
  const auto* account = Account(timer.stream);
  if (!account) return Decided<v1::JournalEvent>();
  AccountDraft draft(account, timer.stream, account->owner_token(), ctx.actor.subject, ctx);
  draft.ExpireDue();
  return draft.Finish("");
}

absl::Status PointsShard::EvolveStream(v1::PointsStream& stream, const EventMeta& meta, const v1::JournalEvent& event) {
  using Fact = v1::JournalEvent::FactCase;
  switch (event.fact_case()) {
    case Fact::kPointsGranted:
    case Fact::kGrantDenied:
    case Fact::kPointsReversed:
    case Fact::kPointsExpired:
    case Fact::kAccountFrozen:
    case Fact::kRedemptionStarted:
    case Fact::kRedemptionCompleted:
    case Fact::kRedemptionVoided:
      return FoldAccount(*stream.mutable_account(), meta, event);
    case Fact::kItemStocked:
    case Fact::kStockReserved:
    case Fact::kStockRefused:
    case Fact::kStockTaken:
    case Fact::kStockReleased:
      return FoldItem(*stream.mutable_item(), meta, event);
    case Fact::kTransactionRecorded: {
      v1::TransactionPage one;
      *one.add_transactions() = event.transaction_recorded();
      // Encoded messages that follow each other are their repeated fields joined.
      one.AppendToString(stream.mutable_page());
      Remember(meta.stream, event.transaction_recorded());
      return absl::OkStatus();
    }
    case Fact::kRedemptionChanged:
      *stream.mutable_redemption() = event.redemption_changed();
      stream.mutable_redemption()->mutable_redemption()->set_etag(absl::StrCat(meta.version));
      return absl::OkStatus();
    case Fact::FACT_NOT_SET:
      break;
  }
  return absl::DataLossError("an event that this release does not know");
}

void PointsShard::Remember(std::string_view page_stream, const v1::Transaction& transaction) {
  if (transaction.rule().empty()) return;
  const std::string_view account = page_stream.substr(0, page_stream.find('.'));
  counted_.insert(Fingerprint(account, transaction.rule(), transaction.source()));
}

void PointsShard::Loaded(std::string_view id, const v1::PointsStream&, const v1::PointsStream& after) {
  if (after.kind_case() != v1::PointsStream::kPage) return;
  const v1::TransactionPage parsed = Parsed(after);
  for (const auto& transaction : parsed.transactions()) Remember(id, transaction);
}

std::vector<std::string> PointsShard::RowsOf(std::string_view id, const v1::PointsStream& stream) const {
  if (stream.has_redemption())
    return {Row("owner", stream.redemption().owner_token(), TimeMs(stream.redemption().redemption().started_at()), id)};
  if (stream.has_item() && !stream.item().item().catalogue_id().empty()) return {Row("items", "all", 0, id)};
  return {};
}

std::vector<PublicEvent> PointsShard::PublicEvents(const EventMeta&, const v1::JournalEvent& event) const {
  using Fact = v1::JournalEvent::FactCase;
  switch (event.fact_case()) {
    case Fact::kPointsGranted:
      return OfAccount(event.points_granted());
    case Fact::kGrantDenied:
      return OfAccount(event.grant_denied());
    case Fact::kPointsReversed:
      return OfAccount(event.points_reversed());
    case Fact::kPointsExpired:
      return OfAccount(event.points_expired());
    case Fact::kAccountFrozen:
      return OfAccount(event.account_frozen());
    case Fact::kRedemptionStarted:
      return OfAccount(event.redemption_started());
    case Fact::kRedemptionCompleted:
      return OfAccount(event.redemption_completed());
    case Fact::kRedemptionVoided:
      return OfAccount(event.redemption_voided());
    case Fact::kItemStocked:
      return OfItem(event.item_stocked());
    case Fact::kStockReserved:
      return OfItem(event.stock_reserved());
    case Fact::kStockRefused:
      return OfItem(event.stock_refused());
    case Fact::kStockTaken:
      return OfItem(event.stock_taken());
    case Fact::kStockReleased:
      return OfItem(event.stock_released());
    case Fact::kTransactionRecorded:
    case Fact::kRedemptionChanged:
    case Fact::FACT_NOT_SET:
      break;
  }
  return {};
}

}  // namespace civicmesh::points
