// Whether Redis is set as hot state needs it: asked once, when a service starts.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace civicmesh {

// FAILED_PRECONDITION, naming the server: one evicts what it should keep (maxmemory-policy other than noeviction). A
// server that does not answer within a second is passed over: a service begins without Redis too, and looks again at
// each connection. `servers` as RedisWire::Open takes them. Blocks at most two seconds a server.
absl::Status CheckRedis(const std::vector<std::string>& servers);

}  // namespace civicmesh
