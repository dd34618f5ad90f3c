// Every name that the mesh uses outside its own process: topics, consumer groups, Redis keys, and the shard of a key.
//
// Nothing else in the project spells such a name (tests/house). Pure functions; `domain` is lower-case ASCII, as
// "intake".
#pragma once

#include <string>
#include <string_view>

namespace civicmesh {

// The four topics of a domain (DESIGN section 2).
std::string InboxTopic(std::string_view domain);
std::string JournalTopic(std::string_view domain);
std::string EventsTopic(std::string_view domain);
std::string ParkedTopic(std::string_view domain);

// The reference data of all domains (R10), read as the journal of the domain "reference"; and intake's wrapped personal
// keys; and how far each subscription of webhooks has come.
std::string ReferenceTopic();
std::string KeysTopic();
std::string WebhooksProgressTopic();

// The group whose assignment says who owns which shard; the group that readers name and never join; and the group in
// which a policy of `domain` follows other domains' events.
std::string OwnersGroup(std::string_view domain);
std::string ReadersGroup(std::string_view domain);
std::string PolicyGroup(std::string_view domain, std::string_view policy);

// What all Redis keys of a shard begin with: "civicmesh:intake:v1:{17}:". The braces keep a shard on one server.
std::string HotPrefix(std::string_view domain, int fold_version, int shard);

// The channel on which a replica hears answers to its commands.
std::string ReplyChannel(std::string_view domain, std::string_view replica);

// Under which every service notes that an id is used up: "civicmesh:once:" and the id. Shared by all domains.
std::string OnceKey(std::string_view id);

// The first 8 bytes of SHA-256(key), big-endian, mod `shards`. `shards` is positive.
int ShardOf(std::string_view key, int shards);

}  // namespace civicmesh
