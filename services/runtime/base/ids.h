// Ids of what the mesh creates. An id is a prefix, the shard in two characters and 16 characters that follow from the
// command, in lower-case Crockford base32: "c-0a7m2k…". Whoever holds an id knows the shard without a look-up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace civicmesh {

// `shard` is 0 to 1023. The same arguments give the same id.
std::string MakeId(std::string_view prefix, int shard, std::string_view seed);

// The shard that an id carries; nullopt when it is not an id of ours with that prefix.
std::optional<int> ShardOfId(std::string_view prefix, std::string_view id);

// The last 16 characters of an id: of `digest`, at least 16 bytes, the low five bits of each (80 bits).
std::string IdDigits(std::string_view digest);

// 32 bytes.
std::string Sha256(std::string_view bytes);

// The time within a UUIDv7 (RFC 9562 section 5.7), milliseconds since 1970; nullopt for anything else.
std::optional<int64_t> UuidV7Time(std::string_view uuid);

// SHA-256(subject, method, routing key, request_id), each with its length in front.
std::string CommandId(std::string_view subject, std::string_view method, std::string_view routing_key,
                      std::string_view request_id);

}  // namespace civicmesh
