// The names of what points owns, and where each lives. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace civicmesh::points {

// "accounts/a-…" of a person's token; "items/i-…" of an entry of the catalogue.
std::string AccountName(std::string_view owner_token, int shards);
std::string ItemName(std::string_view catalogue_id, int shards);

// The shard of "accounts/a-…", "items/i-…" or "redemptions/rd-…"; -1 where it is no such name in so many shards.
int ShardOfAccount(std::string_view name, int shards);
int ShardOfItem(std::string_view name, int shards);
int ShardOfRedemption(std::string_view name, int shards);

}  // namespace civicmesh::points
