// The frame around what stands in the inbox and in the journal: a format byte, a checksum, the message.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace civicmesh {

// Format 1: byte 0x01, CRC-32 (ISO 3309) of the rest big-endian, the bytes.
std::string Frame(std::string_view bytes);

// The bytes within, a view into `framed`. DATA_LOSS: too short, another format, or a wrong checksum; says which.
absl::StatusOr<std::string_view> Unframe(std::string_view framed);

}  // namespace civicmesh
