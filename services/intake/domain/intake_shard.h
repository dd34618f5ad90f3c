// One shard of intake: its reports and alerts. What each command does stands in reports.h and alerts.h.
#pragma once

#include <memory>

#include "services/runtime/decider/machine.h"

namespace civicmesh::intake {

std::unique_ptr<Machine> MakeShard(int shard);

}  // namespace civicmesh::intake
