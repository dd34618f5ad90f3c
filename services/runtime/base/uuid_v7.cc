#include "services/runtime/base/uuid_v7.h"

#include "absl/strings/str_format.h"

namespace civicmesh {

std::string UuidV7(int64_t ms, uint64_t high, uint64_t low) {
  const auto time = static_cast<uint64_t>(ms);
  return absl::StrFormat("%08x-%04x-7%03x-%04x-%012x", time >> 16 & 0xffffffff, time & 0xffff, high & 0xfff,
                         0x8000 | (high >> 12 & 0x3fff), low & 0xffffffffffff);
}

}  // namespace civicmesh
