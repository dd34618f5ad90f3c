// Whether Redis is set as hot state needs it: asked once, when a service starts.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/runtime/hotstate/redis_login.h"

namespace civicmesh {

// Naming the server: UNAUTHENTICATED, one does not take the login, or asks for one; FAILED_PRECONDITION, one evicts
// what it should keep (maxmemory-policy other than noeviction). A server that does not answer within a second is passed
// over: a service begins without Redis too, and looks again at each connection. `servers` as RedisWire::Open takes
// them. Blocks at most two seconds a server.
absl::Status CheckRedis(const std::vector<std::string>& servers, const RedisLogin& login = {});

}  // namespace civicmesh
