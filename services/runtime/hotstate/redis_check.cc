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
using Reply = std::unique_ptr<redisReply, decltype(&freeReplyObject)>;

template <typename... Values>
Reply Ask(redisContext* connection, const char* format, Values... values) {
  return {static_cast<redisReply*>(redisCommand(connection, format, values...)), freeReplyObject};
}

bool IsError(const Reply& reply) { return reply && reply->type == REDIS_REPLY_ERROR; }

Connection Connect(const std::string& server) {
  if (server.starts_with("unix:")) return {redisConnectUnixWithTimeout(server.c_str() + 5, kPatience), redisFree};
  const size_t colon = server.rfind(':');
  return {redisConnectWithTimeout(server.substr(0, colon).c_str(), std::atoi(server.c_str() + colon + 1), kPatience),
          redisFree};
}

}  // namespace

absl::Status CheckRedis(const std::vector<std::string>& servers, const RedisLogin& login) {
  for (const std::string& server : servers) {
    const Connection connection = Connect(server);
    if (!connection || connection->err || redisSetTimeout(connection.get(), kPatience) != REDIS_OK) continue;
    Reply reply(nullptr, freeReplyObject);
    if (!login.password.empty())
      reply = Ask(connection.get(), "AUTH %s %s", login.username.c_str(), login.password.c_str());
    if (!IsError(reply)) reply = Ask(connection.get(), "INFO memory");
    if (IsError(reply)) {
      const std::string refused = RefusedByRedis(server, std::string(reply->str, reply->len));
      if (!refused.empty()) return absl::UnauthenticatedError(refused);
    }
    if (!reply || reply->type != REDIS_REPLY_STRING) continue;
    if (!absl::StrContains(absl::string_view(reply->str, reply->len), "maxmemory_policy:noeviction\r\n"))
      return absl::FailedPreconditionError(absl::StrCat(
          "Redis at ", server, ": maxmemory-policy must be noeviction, or it forgets what it was told to keep"));
  }
  return absl::OkStatus();
}

}  // namespace civicmesh
