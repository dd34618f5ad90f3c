#include "services/runtime/base/names.h"

#include <openssl/sha.h>

#include <cassert>
#include <cstdint>

namespace civicmesh {
namespace {

std::string Dotted(std::string_view domain, std::string_view rest) {
  std::string name = "civicmesh.";
  name.append(domain).append(".").append(rest);
  return name;
}

}  // namespace

std::string InboxTopic(std::string_view domain) { return Dotted(domain, "commands.v1"); }
std::string JournalTopic(std::string_view domain) { return Dotted(domain, "journal.v1"); }
std::string EventsTopic(std::string_view domain) { return Dotted(domain, "events.v1"); }
std::string ParkedTopic(std::string_view domain) { return Dotted(domain, "parked.v1"); }

std::string ReferenceTopic() { return JournalTopic("reference"); }
std::string WebhooksProgressTopic() { return Dotted("webhooks", "progress.v1"); }

std::string KeysTopic() { return Dotted("intake", "keys.v1"); }

std::string OwnersGroup(std::string_view domain) { return Dotted(domain, "owners"); }
std::string ReadersGroup(std::string_view domain) { return Dotted(domain, "readers"); }
std::string PolicyGroup(std::string_view domain, std::string_view policy) {
  return Dotted(domain, "policy.").append(policy);
}

std::string HotPrefix(std::string_view domain, int fold_version, int shard) {
  std::string prefix = "civicmesh:";
  prefix.append(domain).append(":v").append(std::to_string(fold_version));
  return prefix.append(":{").append(std::to_string(shard)).append("}:");
}

std::string ReplyChannel(std::string_view domain, std::string_view replica) {
  std::string channel = "civicmesh:";
  return channel.append(domain).append(":replies:").append(replica);
}

std::string OnceKey(std::string_view id) { return std::string("civicmesh:once:").append(id); }

int ShardOf(std::string_view key, int shards) {
  assert(shards > 0);
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest);
  uint64_t first = 0;
  for (int i = 0; i < 8; ++i) first = first << 8 | digest[i];
  return static_cast<int>(first % static_cast<uint64_t>(shards));
}

}  // namespace civicmesh
