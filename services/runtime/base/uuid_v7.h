// Request ids are UUIDv7 (RFC 9562 section 5.7); UuidV7Time of ids.h reads their time back.
#pragma once

#include <cstdint>
#include <string>

namespace civicmesh {

// `ms` since 1970; 26 bits of `high` and 48 of `low` make it unique.
std::string UuidV7(int64_t ms, uint64_t high, uint64_t low);

}  // namespace civicmesh
