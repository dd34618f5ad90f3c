// 积分商城: the catalogue is put on sale; near the end citizens redeem, several at once for what is scarce.
#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "civicmesh/points/v1/points_service.pb.h"
#include "services/civicctl/replay/world.h"

namespace civicmesh::civicctl {
namespace {

namespace pv1 = points::v1;

// One round of buying: asks who has what, then lets them buy.
class Market : public std::enable_shared_from_this<Market> {
 public:
  Market(World& world, absl::Time at) : world_(world), at_(at) {}

  void Begin() {
    auto self = shared_from_this();
    Act(
        world_, at_, "z-market/0-look", [self] { return self->AllShards(); }, [] { return Shards(); },
        [self](const Schedule::Id& action) { self->Look(action); });
  }

 private:
  struct Buyer {
    std::string citizen;
    int64_t available;
  };

  Shards AllShards() const {
    Shards all;
    for (int shard = 0; shard < world_.shards; ++shard) all.push_back({kPointsShards, shard});
    return all;
  }

  void Look(const Schedule::Id& action) {
    auto self = shared_from_this();
    // What is seen now decides who wants what, so it is read once in a replay's life.
    auto arrived = AfterAll(world_.citizens.size() + 1, [self, action] {
      self->Choose();
      self->world_.Finish(action);
    });
    pv1::ListItemsRequest items;
    items.set_page_size(200);
    world_.mesh.Call<pv1::ListItemsResponse>(
        world_.staff.One("CATALOGUE_MANAGER", "look"), absl::InfinitePast(), items,
        [self, arrived](const grpc::Status& status, const pv1::ListItemsResponse& page) {
          if (!status.ok()) self->world_.Refused("ListItems", status);
          self->items_.assign(page.items().begin(), page.items().end());
          arrived();
        },
        "z-market/items");
    for (const auto& [citizen, known] : world_.citizens) {
      pv1::GetAccountRequest account;
      account.set_name("accounts/me");
      world_.mesh.Call<pv1::Account>(
          Citizen(citizen), absl::InfinitePast(), account,
          [self, arrived, name = citizen](const grpc::Status& status, const pv1::Account& found) {
            if (!status.ok()) self->world_.Refused("GetAccount", status);
            self->buyers_.push_back({name, found.available()});
            arrived();
          },
          absl::StrCat("z-market/account/", citizen));
    }
  }

  void Choose() {
    std::sort(buyers_.begin(), buyers_.end(), [](const Buyer& a, const Buyer& b) {
      return std::tie(b.available, a.citizen) < std::tie(a.available, b.citizen);
    });
    std::sort(items_.begin(), items_.end(), [](const pv1::Item& a, const pv1::Item& b) { return a.name() < b.name(); });
    std::map<std::string, std::vector<std::string>> wanted;  // by item
    for (const auto& item : items_)
      if (item.free() <= kScarce) Scarce(item, wanted[item.name()]);
    for (const Buyer& buyer : buyers_) {
      if (!world_.rules.Happens("redeem", kRedeemIn100, buyer.citizen)) continue;
      std::vector<const pv1::Item*> affordable;
      for (const auto& item : items_)
        if (item.free() > kScarce && item.free() > static_cast<int64_t>(wanted[item.name()].size()) &&
            item.price_points() <= buyer.available)
          affordable.push_back(&item);
      if (affordable.empty()) continue;
      wanted[affordable[world_.rules.Choose("item", buyer.citizen, affordable.size())]->name()].push_back(
          buyer.citizen);
    }
    absl::Time at = at_;
    for (const auto& item : items_)
      if (auto buyers = wanted[item.name()]; !buyers.empty()) Sell(item, std::move(buyers), at += absl::Minutes(1));
  }

  // The richest of those who want nothing else yet.
  void Scarce(const pv1::Item& item, std::vector<std::string>& wanted) {
    for (auto buyer = buyers_.begin(); buyer != buyers_.end();) {
      if (static_cast<int64_t>(wanted.size()) >= item.free() + kTooMany || buyer->available < item.price_points())
        break;
      wanted.push_back(buyer->citizen);
      buyer = buyers_.erase(buyer);
    }
  }

  // All at the same time: who is first, nobody knows.
  void Sell(const pv1::Item& item, std::vector<std::string> buyers, absl::Time at) {
    auto self = shared_from_this();
    Shards shards{world_.ShardBy(kPointsShards, item.catalogue_id())};
    for (const auto& citizen : buyers) shards.push_back(world_.AccountShard(citizen));
    Act(
        world_, at, absl::StrCat("z-market/1-", item.catalogue_id()), [shards] { return shards; },
        [] { return Shards(); },
        [self, item, buyers, at](const Schedule::Id& action) {
          auto sold = AfterAll(buyers.size(), [self, item, action] { self->Settle(item, action); });
          for (const auto& citizen : buyers) self->Redeem(citizen, item, at, sold);
        });
  }

  void Redeem(const std::string& citizen, const pv1::Item& item, absl::Time at, std::function<void()> done) {
    pv1::RedeemItemRequest request;
    request.set_request_id(world_.RequestId(absl::StrCat("z-market/", item.catalogue_id(), "/", citizen)));
    request.set_item(item.name());
    request.set_quantity(1);
    request.set_price_points(item.price_points());
    auto self = shared_from_this();
    world_.mesh.Call<pv1::Redemption>(Citizen(citizen), at, request,
                                      [self, citizen, done](const grpc::Status& status, const pv1::Redemption& held) {
                                        if (status.ok()) return self->Resolve(citizen, held.name(), done);
                                        self->world_.Refused("RedeemItem", status);
                                        done();
                                      });
  }

  void Resolve(const std::string& citizen, const std::string& redemption, std::function<void()> done) {
    auto self = shared_from_this();
    pv1::GetRedemptionRequest request;
    request.set_name(redemption);
    world_.mesh.Await<pv1::Redemption>(
        Citizen(citizen), request, [](const pv1::Redemption& r) { return r.status() != pv1::REDEMPTION_STATUS_HELD; },
        [self, done](const pv1::Redemption& r) {
          self->world_.happened.Add(r.status() == pv1::REDEMPTION_STATUS_COMPLETED ? "redemptions completed 兑换完成"
                                    : r.void_ground() == pv1::VOID_GROUND_OUT_OF_STOCK
                                        ? "redemptions voided: out of stock 库存不足"
                                        : "redemptions voided otherwise");
          done();
        });
  }

  // Until nothing is set aside any more.
  void Settle(const pv1::Item& item, const Schedule::Id& action) {
    auto self = shared_from_this();
    pv1::GetItemRequest request;
    request.set_name(item.name());
    world_.mesh.Await<pv1::Item>(
        world_.staff.One("CATALOGUE_MANAGER", "look"), request, [](const pv1::Item& i) { return i.reserved() == 0; },
        [self, action](const pv1::Item&) { self->world_.Finish(action); });
  }

  World& world_;
  const absl::Time at_;
  std::vector<pv1::Item> items_;
  std::vector<Buyer> buyers_;
};

}  // namespace

void BeginStocking(World& world, const reference::v1::Catalogue& catalogue, absl::Time at) {
  for (const auto& entry : catalogue.items()) {
    const std::string name = absl::StrCat("0-stock/", entry.id());
    const Shard shard = world.ShardBy(kPointsShards, entry.id());
    Act(
        world, at, name, [shard] { return Shards{shard}; }, [] { return Shards(); },
        [&world, at, name, id = entry.id()](const Schedule::Id& action) {
          pv1::StockItemRequest request;
          request.set_request_id(world.RequestId(name));
          request.set_catalogue_id(id);
          world.mesh.Call<pv1::Item>(world.staff.One("CATALOGUE_MANAGER", name), at, request,
                                     [&world, action](const grpc::Status& status, const pv1::Item&) {
                                       if (status.ok())
                                         world.happened.Add("items put on sale 上架");
                                       else
                                         world.Refused("StockItem", status);
                                       world.Finish(action);
                                     });
        });
  }
}

void BeginMarket(World& world, absl::Time at) { std::make_shared<Market>(world, at)->Begin(); }

}  // namespace civicmesh::civicctl
