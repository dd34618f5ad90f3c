#include "services/points/points_rpc.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "civicmesh/points/v1/points_journal.pb.h"
#include "civicmesh/points/v1/points_service.grpc.pb.h"
#include "services/points/domain/account.h"
#include "services/points/points_names.h"
#include "services/points/voucher.h"
#include "services/runtime/base/person_tokens.h"
#include "services/runtime/rpc/serve.h"

namespace civicmesh::points {
namespace {

constexpr int kDefaultPage = 50, kMaxPage = 200;
constexpr char kMine[] = "accounts/me";

void ToAccount(const v1::AccountState& state, v1::Account* account) {
  account->set_etag(absl::StrCat(state.version()));
  account->set_owner_token(state.owner_token());
  account->set_available(Balance(state, v1::Posting::LEDGER_AVAILABLE));
  account->set_held(Balance(state, v1::Posting::LEDGER_HELD));
  account->set_issued(-Balance(state, v1::Posting::LEDGER_ISSUED));
  account->set_redeemed(Balance(state, v1::Posting::LEDGER_REDEEMED));
  account->set_expired(Balance(state, v1::Posting::LEDGER_EXPIRED));
  account->set_reversed(Balance(state, v1::Posting::LEDGER_REVERSED));
  if (state.frozen_until_ms() > 0) SetTime(account->mutable_frozen_until(), state.frozen_until_ms());
  int64_t next_ms = 0, points = 0;
  for (const auto& lot : state.lots()) {
    if (next_ms == 0 || lot.expires_at_ms() < next_ms) {
      next_ms = lot.expires_at_ms();
      points = 0;
    }
    if (lot.expires_at_ms() == next_ms) points += lot.points();
  }
  if (next_ms == 0) return;
  account->set_expiring_points(points);
  SetTime(account->mutable_expiring_at(), next_ms);
}

// An account that a caller (of that token) asks for: a citizen their own, staff any. An empty name: there is none for
// them.
struct Asked {
  std::string name;
  bool own = false;
};

Asked AccountFor(const ActorView& actor, const std::string& token, const std::string& name, int shards) {
  const std::string own = actor.Has("CITIZEN") ? AccountName(token, shards) : "";
  if (!own.empty() && (name == kMine || name == own)) return {own, true};
  // Nobody's own: within reach of whoever reaches further than to the own.
  return {actor.Reaches({}) && ShardOfAccount(name, shards) >= 0 ? name : "", false};
}

// A page of an account's transactions, from the newest of them down; the streams that hold them are read one after the
// other. Deletes itself by its last callback.
class TransactionWalk : public std::enable_shared_from_this<TransactionWalk> {
 public:
  TransactionWalk(HotReads& reads, int shard, std::string stream, int page_size, v1::ListTransactionsResponse* response,
                  Finish finish)
      : reads_(reads),
        shard_(shard),
        stream_(std::move(stream)),
        page_size_(page_size),
        response_(response),
        finish_(std::move(finish)) {}

  void Start(const std::string& page_token) {
    if (page_size_ < 0) return finish_(RuntimeError("REASON_INVALID_ARGUMENT", "page_size"));
    page_size_ = page_size_ == 0 ? kDefaultPage : std::min(page_size_, kMaxPage);
    std::string position;
    if (!page_token.empty() &&
        !(DecodePageToken(stream_, page_token, &position) && absl::SimpleAtoi(position, &next_) && next_ > 0))
      return finish_(RuntimeError("REASON_BAD_PAGE_TOKEN", "page_token"));
    if (next_ > 0) return Next();
    ReadStream(reads_, shard_, stream_, [self = shared_from_this()](StreamResult read) {
      v1::PointsStream account;
      if (read.status.error_code() == grpc::StatusCode::NOT_FOUND) return self->finish_(grpc::Status::OK);
      if (!read.status.ok()) return self->finish_(std::move(read.status));
      if (!account.ParseFromString(read.state)) return self->finish_(RuntimeError("REASON_DATA_LOSS"));
      self->next_ = account.account().transactions();
      self->Next();
    });
  }

 private:
  void Next() {
    if (next_ == 0 || response_->transactions_size() == page_size_) {
      if (next_ > 0) response_->set_next_page_token(EncodePageToken(stream_, absl::StrCat(next_)));
      return finish_(grpc::Status::OK);
    }
    ReadStream(reads_, shard_, PageStream(stream_, next_), [self = shared_from_this()](StreamResult read) {
      v1::PointsStream page;
      v1::TransactionPage parsed;
      if (!read.status.ok()) return self->finish_(std::move(read.status));
      if (!page.ParseFromString(read.state) || !parsed.ParseFromString(page.page()))
        return self->finish_(RuntimeError("REASON_DATA_LOSS"));
      self->Take(parsed);
      self->Next();
    });
  }

  void Take(const v1::TransactionPage& page) {
    int i = page.transactions_size() - 1;
    while (i >= 0 && page.transactions(i).number() > next_) --i;
    for (; i >= 0 && response_->transactions_size() < page_size_; --i) {
      *response_->add_transactions() = page.transactions(i);
      next_ = page.transactions(i).number() - 1;
    }
  }

  HotReads& reads_;
  const int shard_;
  const std::string stream_;
  int page_size_;
  v1::ListTransactionsResponse* const response_;
  const Finish finish_;
  int64_t next_ = 0;  // the number of the newest transaction that is still to come; 0: none
};

class PointsRpc : public v1::PointsService::CallbackService {
 public:
  PointsRpc(const ServiceContext& service, std::string voucher_secret)
      : service_(service), voucher_secret_(std::move(voucher_secret)) {}

  grpc::ServerUnaryReactor* GetAccount(grpc::CallbackServerContext* ctx, const v1::GetAccountRequest* req,
                                       v1::Account* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      const Asked asked = AccountFor(call.actor, TokenOf(call), req->name(), service_.shards);
      if (asked.name.empty()) return finish(RuntimeError("REASON_NOT_FOUND", "name"));
      resp->set_name(asked.name);
      if (asked.own) resp->set_owner_token(TokenOf(call));
      ReadStream(*service_.reads, ShardOfAccount(asked.name, service_.shards), StreamOf("accounts/", asked.name),
                 [=](StreamResult read) {
                   // Whoever has not earned yet has an account all the same.
                   if (read.status.error_code() == grpc::StatusCode::NOT_FOUND) return finish(grpc::Status::OK);
                   AnswerRead<v1::PointsStream>(finish, [=](const v1::PointsStream& state) {
                     ToAccount(state.account(), resp);
                     return grpc::Status::OK;
                   })(std::move(read));
                 });
    });
  }

  grpc::ServerUnaryReactor* ListTransactions(grpc::CallbackServerContext* ctx, const v1::ListTransactionsRequest* req,
                                             v1::ListTransactionsResponse* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      const Asked asked = AccountFor(call.actor, TokenOf(call), req->parent(), service_.shards);
      if (!asked.own) return finish(RuntimeError("REASON_NOT_FOUND", "parent"));
      std::make_shared<TransactionWalk>(*service_.reads, ShardOfAccount(asked.name, service_.shards),
                                        StreamOf("accounts/", asked.name), req->page_size(), resp, std::move(finish))
          ->Start(req->page_token());
    });
  }

  grpc::ServerUnaryReactor* RecordEarning(grpc::CallbackServerContext* ctx, const v1::RecordEarningRequest* req,
                                          v1::Account* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      if (req->citizen().empty()) return finish(RuntimeError("REASON_INVALID_ARGUMENT", "citizen"));
      v1::Command command;
      auto& earning = *command.mutable_record_earning();
      earning.set_owner_token(service_.persons->Of(req->citizen()));
      earning.set_account(AccountName(earning.owner_token(), service_.shards));
      earning.set_rule(req->rule());
      earning.set_source(req->source());
      if (req->has_occurred_at()) *earning.mutable_occurred_at() = req->occurred_at();
      Submit(call, req, earning.account(), ShardOfAccount(earning.account(), service_.shards), command,
             AnswerCommand<v1::PointsStream>(std::move(finish), [=, name = earning.account()](const auto& state) {
               resp->set_name(name);
               ToAccount(state.account(), resp);
             }));
    });
  }

  grpc::ServerUnaryReactor* GetItem(grpc::CallbackServerContext* ctx, const v1::GetItemRequest* req,
                                    v1::Item* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call&, Finish finish) {
      const int shard = ShardOfItem(req->name(), service_.shards);
      if (shard < 0) return finish(RuntimeError("REASON_NOT_FOUND", "name"));
      ReadStream(*service_.reads, shard, StreamOf("items/", req->name()),
                 AnswerRead<v1::PointsStream>(std::move(finish), [=](const v1::PointsStream& state) {
                   // Asked for by a redemption, and never published.
                   if (state.item().item().catalogue_id().empty()) return RuntimeError("REASON_NOT_FOUND", "name");
                   *resp = state.item().item();
                   return grpc::Status::OK;
                 }));
    });
  }

  grpc::ServerUnaryReactor* ListItems(grpc::CallbackServerContext* ctx, const v1::ListItemsRequest* req,
                                      v1::ListItemsResponse* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call&, Finish finish) {
      ListRows(*service_.reads,
               {.index = "items",
                .value = "all",
                .shards = service_.shards,
                .page_size = std::min(req->page_size(), kMaxPage),
                .page_token = req->page_token()},
               [=](ListResult found) {
                 for (auto& [id, bytes] : found.entries) {
                   v1::PointsStream state;
                   if (state.ParseFromString(bytes)) *resp->add_items() = state.item().item();
                 }
                 resp->set_next_page_token(found.next_page_token);
                 finish(found.status);
               });
    });
  }

  grpc::ServerUnaryReactor* StockItem(grpc::CallbackServerContext* ctx, const v1::StockItemRequest* req,
                                      v1::Item* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      v1::Command command;
      auto& stock = *command.mutable_stock_item();
      stock.set_item(ItemName(req->catalogue_id(), service_.shards));
      *stock.mutable_request() = *req;
      Submit(
          call, req, stock.item(), ShardOfItem(stock.item(), service_.shards), command,
          AnswerCommand<v1::PointsStream>(std::move(finish), [=](const auto& state) { *resp = state.item().item(); }));
    });
  }

  grpc::ServerUnaryReactor* RedeemItem(grpc::CallbackServerContext* ctx, const v1::RedeemItemRequest* req,
                                       v1::Redemption* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      if (ShardOfItem(req->item(), service_.shards) < 0) return finish(RuntimeError("REASON_NOT_FOUND", "item"));
      v1::Command command;
      auto& redeem = *command.mutable_redeem_item();
      redeem.set_owner_token(TokenOf(call));
      redeem.set_account(AccountName(redeem.owner_token(), service_.shards));
      *redeem.mutable_request() = *req;
      Submit(call, req, redeem.account(), ShardOfAccount(redeem.account(), service_.shards), command,
             AnswerCommand<v1::PointsStream>(std::move(finish),
                                             [=, this](const auto& state) { ToRedemption(state.redemption(), resp); }));
    });
  }

  grpc::ServerUnaryReactor* GetRedemption(grpc::CallbackServerContext* ctx, const v1::GetRedemptionRequest* req,
                                          v1::Redemption* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      const int shard = ShardOfRedemption(req->name(), service_.shards);
      if (shard < 0) return finish(RuntimeError("REASON_NOT_FOUND", "name"));
      ReadStream(*service_.reads, shard, StreamOf("redemptions/", req->name()),
                 AnswerRead<v1::PointsStream>(std::move(finish),
                                              [=, this, token = TokenOf(call)](const v1::PointsStream& state) {
                                                if (state.redemption().owner_token() != token)
                                                  return RuntimeError("REASON_NOT_FOUND", "name");
                                                ToRedemption(state.redemption(), resp);
                                                return grpc::Status::OK;
                                              }));
    });
  }

  grpc::ServerUnaryReactor* ListRedemptions(grpc::CallbackServerContext* ctx, const v1::ListRedemptionsRequest* req,
                                            v1::ListRedemptionsResponse* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      const std::string token = TokenOf(call);
      ListRows(*service_.reads,
               {.index = "owner",
                .value = token,
                .descending = true,
                .shards = service_.shards,
                .only_shard = ShardOfAccount(AccountName(token, service_.shards), service_.shards),
                .page_size = std::min(req->page_size(), kMaxPage),
                .page_token = req->page_token()},
               [=, this](ListResult found) {
                 for (auto& [id, bytes] : found.entries) {
                   v1::PointsStream state;
                   if (state.ParseFromString(bytes)) ToRedemption(state.redemption(), resp->add_redemptions());
                 }
                 resp->set_next_page_token(found.next_page_token);
                 finish(found.status);
               });
    });
  }

 private:
  std::string TokenOf(const Call& call) const { return service_.persons->Of(call.actor.subject); }

  void Submit(const Call& call, const google::protobuf::Message* req, const std::string& routing_key, int shard,
              const v1::Command& command, CommandDoor::Done done) {
    const auto* field = req->GetDescriptor()->FindFieldByName("request_id");
    service_.door->Submit(call,
                          {.shard = shard,
                           .routing_key = routing_key,
                           .request_id = req->GetReflection()->GetString(*req, field),
                           .body = req,
                           .payload = command.SerializeAsString()},
                          std::move(done));
  }

  void ToRedemption(const v1::RedemptionState& state, v1::Redemption* redemption) const {
    *redemption = state.redemption();
    if (redemption->status() == v1::REDEMPTION_STATUS_COMPLETED)
      redemption->set_voucher(Voucher(voucher_secret_, redemption->name()));
  }

  const ServiceContext& service_;
  const std::string voucher_secret_;
};

}  // namespace

std::shared_ptr<grpc::Service> MakePointsRpc(const ServiceContext& service, std::string voucher_secret) {
  return std::make_shared<PointsRpc>(service, std::move(voucher_secret));
}

}  // namespace civicmesh::points
