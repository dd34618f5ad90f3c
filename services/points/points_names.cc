#include "services/points/points_names.h"

#include "services/points/domain/account.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/base/names.h"

namespace civicmesh::points {
namespace {

int ShardOfName(std::string_view collection, std::string_view prefix, std::string_view name, int shards) {
  const auto shard = ShardOfId(prefix, StreamOf(collection, name));
  return shard && *shard < shards ? *shard : -1;
}

}  // namespace

std::string AccountName(std::string_view owner_token, int shards) {
  return "accounts/" + MakeId("a", ShardOf(owner_token, shards), owner_token);
}

std::string ItemName(std::string_view catalogue_id, int shards) {
  return "items/" + MakeId("i", ShardOf(catalogue_id, shards), catalogue_id);
}

int ShardOfAccount(std::string_view name, int shards) { return ShardOfName("accounts/", "a", name, shards); }
int ShardOfItem(std::string_view name, int shards) { return ShardOfName("items/", "i", name, shards); }
int ShardOfRedemption(std::string_view name, int shards) { return ShardOfName("redemptions/", "rd", name, shards); }

}  // namespace civicmesh::points
