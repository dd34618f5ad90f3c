#include "services/runtime/base/frame.h"

#include <zlib.h>

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace civicmesh {
namespace {

constexpr char kFormat = 1;
constexpr size_t kHeader = 5;

uint32_t Crc(std::string_view bytes) {
  return static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

}  // namespace

std::string Frame(std::string_view bytes) {
  uint32_t crc = Crc(bytes);
  std::string framed;
  framed.reserve(kHeader + bytes.size());
  framed.push_back(kFormat);
  for (int shift = 24; shift >= 0; shift -= 8) framed.push_back(static_cast<char>(crc >> shift));
  framed.append(bytes);
  return framed;
}

absl::StatusOr<std::string_view> Unframe(std::string_view framed) {
  if (framed.size() < kHeader) return absl::DataLossError("record shorter than its frame");
  if (framed[0] != kFormat) return absl::DataLossError(absl::StrCat("record of unknown format ", int{framed[0]}));
  uint32_t stated = 0;
  for (int i = 1; i <= 4; ++i) stated = stated << 8 | static_cast<unsigned char>(framed[i]);
  std::string_view bytes = framed.substr(kHeader);
  if (Crc(bytes) != stated) return absl::DataLossError("record checksum does not match");
  return bytes;
}

}  // namespace civicmesh
