// What dispatch does because of other domains' facts: a report that intake forwards becomes a case.
#pragma once

#include <vector>

#include "services/runtime/shard/policy_runner.h"

namespace civicmesh::dispatch {

// open_case: intake's ReportForwarded → OpenCaseFromReport, to the shard of the report's S2 cell. A withdrawn report
// changes nothing here: whether its case is declined is a clerk's decision. For an installation of `shards` shards.
std::vector<PolicySpec> Policies(int shards);

}  // namespace civicmesh::dispatch
