// What makes points act without anybody asking (DESIGN section 2, policies):
//
//   grant_for_report   dispatch: a case registered, a report merged, a false report declined → the reporter's account
//   grant_for_service  volunteering: service confirmed → the volunteer's account
//   reserve_stock      points: a hold began or is over → the item's shard
//   settle_redemption  points: the item answered → the account's shard
//
// One policy carries both the beginning and the end of a hold to the item, because a policy keeps the order of its
// source: the end never arrives before the beginning, so a reservation that comes too late is always released.
#pragma once

#include <vector>

#include "services/runtime/shard/policy_runner.h"

namespace civicmesh::points {

std::vector<PolicySpec> Policies(int shards);

}  // namespace civicmesh::points
