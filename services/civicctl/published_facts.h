// The public events of a shard as they stand on the events topic, for comparison with what its journal says (R14).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "services/runtime/journal/journal.h"

namespace civicmesh::civicctl {

// Reads the shard's events and compares them with `facts` (shard_image.h) as far as the journal was folded (`until`).
// Returns what differs, a line each: facts that are not on the topic, that do not follow from the journal, that say
// something else, or that stand out of order. Repeated ones are fine. UNAVAILABLE: the log does not answer. Blocks.
absl::StatusOr<std::vector<std::string>> CompareFacts(Journal& journal, const std::string& domain, int shard,
                                                      const std::map<std::pair<int64_t, int>, std::string>& facts,
                                                      int64_t until);

}  // namespace civicmesh::civicctl
