#include "services/runtime/hotstate/redis_login.h"

#include "absl/strings/str_cat.h"
#include "services/runtime/base/secrets.h"

namespace civicmesh {

absl::StatusOr<RedisLogin> ReadRedisLogin(const std::string& path) {
  auto settings = ReadSettings(path);
  if (!settings.ok()) return settings.status();
  const RedisLogin login{(*settings)["username"], (*settings)["password"]};
  if (settings->size() != 2 || login.username.empty() || login.password.empty())
    return absl::InvalidArgumentError(absl::StrCat(path, ": must hold username=… and password=…, nothing else"));
  return login;
}

std::string RefusedByRedis(const std::string& server, const std::string& error) {
  for (const char* code : {"WRONGPASS", "NOAUTH", "NOPERM"})
    if (error.starts_with(code))
      return absl::StrCat("Redis at ", server, " does not let this process in (", error,
                          "): give user and password, in a file that CIVICMESH_REDIS_LOGIN_FILE names");
  return "";
}

}  // namespace civicmesh
