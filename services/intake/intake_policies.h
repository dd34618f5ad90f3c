// Intake's policies: what it does about other domains' facts (DESIGN section 2).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/runtime/shard/policy_runner.h"

namespace civicmesh::intake {

// Policy follow_case: each report of a case hears that the case was opened, merged with, registered, declined, first
// dispatched, signed, postponed and closed (DOMAIN section 2, 首接负责 and 回复). All other facts of dispatch ask for
// nothing. INVALID_ARGUMENT: the fact does not parse, or names a report that is none of ours.
absl::StatusOr<std::vector<PolicyCommand>> FollowCase(const PublicFact& fact);

// Policy tell_points: whoever reported hears of the points that were granted for the report. All other facts of points
// ask for nothing. INVALID_ARGUMENT: as above.
absl::StatusOr<std::vector<PolicyCommand>> TellPoints(const PublicFact& fact);

// Destroys these keys of the owner, as Vault::SeeThrough.
using DestroyKeys = std::function<absl::Status(const std::string& owner, const std::vector<std::string>& key_ids)>;

// Policy see_erasures_through, on intake's own facts: the keys of who was erased are destroyed also where whoever
// decided it died before it did. Not of reports against staff, of which no fact is published: there the reporter's
// next try does it.
absl::Status SeeErasureThrough(const PublicFact& fact, const DestroyKeys& destroy);

// For ServiceSpec::policies.
std::vector<PolicySpec> Policies(int shards, DestroyKeys destroy);

}  // namespace civicmesh::intake
