// What dispatch does because of facts, without anybody asking.
#pragma once

#include <vector>

#include "services/runtime/shard/policy_runner.h"

namespace civicmesh::dispatch {

// open_case: intake's ReportForwarded → OpenCaseFromReport, to the shard of the report's S2 cell. A withdrawn report
// changes nothing here: whether its case is declined is a clerk's decision.
//
// merge_across: dispatch's own facts → what is said between two shards until a case is merged into one in another shard
// (domain/merging.h). One policy carries all of it, because a policy keeps the order of its source.
//
// For an installation of `shards` shards.
std::vector<PolicySpec> Policies(int shards);

}  // namespace civicmesh::dispatch
