#include "services/runtime/hotstate/redis_check.h"

#include <hiredis/hiredis.h>

#include <cstdlib>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace civicmesh {
namespace {

constexpr timeval kPatience{.tv_sec = 1, .tv_usec = 0};

using Connection = std::unique_ptr<redisContext, decltype(&redisFree)>;

Connection Connect(const std::string& server) {
  if (server.starts_with("unix:")) return {redisConnectUnixWithTimeout(server.c_str() + 5, kPatience), redisFree};
  const size_t colon = server.rfind(':');
  return {redisConnectWithTimeout(server.substr(0, colon).c_str(), std::atoi(server.c_str() + colon + 1), kPatience),
          redisFree};
}

}  // namespace

absl::Status CheckRedis(const std::vector<std::string>& servers) {
  for (const std::string& server : servers) {
    const Connection connection = Connect(server);
    if (!connection || connection->err || redisSetTimeout(connection.get(), kPatience) != REDIS_OK) continue;
    const std::unique_ptr<void, decltype(&freeReplyObject)> answer(redisCommand(connection.get(), "INFO memory"),
                                                                   freeReplyObject);
    const auto* reply = static_cast<const redisReply*>(answer.get());
    if (!reply || reply->type != REDIS_REPLY_STRING) continue;
    if (!absl::StrContains(absl::string_view(reply->str, reply->len), "maxmemory_policy:noeviction\r\n"))
      return absl::FailedPreconditionError(absl::StrCat(
          "Redis at ", server, ": maxmemory-policy must be noeviction, or it forgets what it was told to keep"));
  }
  return absl::OkStatus();
}

}  // namespace civicmesh
