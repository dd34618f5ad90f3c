// As whom this process speaks to Redis, from a file of two lines:
//
//   username=intake
//   password=…
//
// Redis' own clients take the same by --user and REDISCLI_AUTH. hiredis 0.14 has no TLS: where Redis stands on another
// machine a sidecar carries the connection (docs/operations.md).
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace civicmesh {

// Without a password there is no login: a Redis that asks for none takes everybody.
struct RedisLogin {
  std::string username, password;
};

// INVALID_ARGUMENT, naming the file: it cannot be read, or holds something else than one username and one password.
absl::StatusOr<RedisLogin> ReadRedisLogin(const std::string& path);

// Where `error`, which Redis said, means that this process may not ask: who refuses it, why, and what to do. Else "".
std::string RefusedByRedis(const std::string& server, const std::string& error);

}  // namespace civicmesh
