#include "services/media/decode/structure.h"

#include <cstdint>
#include <string>

#include "services/media/decode/limits.h"

namespace civicmesh::media {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::string_view kExifMark = "Exif\0\0"sv;
// The usual progressive file has ten. Each costs as much as the whole picture.
constexpr int kMaxScans = 64;

using Read = std::variant<Structure, Refused>;

// Both read nothing beyond `bytes`: what is missing is 0.
uint32_t BigEndian(std::string_view bytes, size_t at, int count) {
  uint32_t value = 0;
  for (int i = 0; i < count; ++i, ++at) value = value << 8 | (at < bytes.size() ? static_cast<uint8_t>(bytes[at]) : 0);
  return value;
}
uint32_t LittleEndian(std::string_view bytes, size_t at, int count) {
  uint32_t value = 0;
  for (int i = count - 1; i >= 0; --i)
    value = value << 8 | (at + i < bytes.size() ? static_cast<uint8_t>(bytes[at + i]) : 0);
  return value;
}

bool IsFrameHeader(int marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}
// Stuffed bytes and restarts, which belong to the coded data between two segments.
bool IsWithinScan(int marker) { return marker <= 0x01 || (marker >= 0xD0 && marker <= 0xD7); }

Read Jpeg(std::string_view file) {
  Structure found;
  int scans = 0;
  for (size_t at = file.find('\xFF', 2); at != file.npos && at + 1 < file.size(); at = file.find('\xFF', at)) {
    const int marker = static_cast<uint8_t>(file[at + 1]);
    if (marker == 0xFF || IsWithinScan(marker)) {
      at += marker == 0xFF ? 1 : 2;
      continue;
    }
    if (marker == 0xD9) return scans > 0 ? Read(found) : Refused::kBroken;
    const size_t length = BigEndian(file, at + 2, 2);
    if (marker == 0xD8 || length < 2 || at + 2 + length > file.size()) return Refused::kBroken;
    const std::string_view body = file.substr(at + 4, length - 2);
    if (IsFrameHeader(marker)) {
      if (found.width != 0) return Refused::kBroken;
      found.height = static_cast<int>(BigEndian(body, 1, 2));
      found.width = static_cast<int>(BigEndian(body, 3, 2));
    }
    if (marker == 0xE1 && found.exif.empty() && body.starts_with(kExifMark)) found.exif = body.substr(kExifMark.size());
    if (marker == 0xDA && ++scans > kMaxScans) return Refused::kTooExpensive;
    at += 2 + length;
  }
  // A claim that is refused anyway is named as such, though the file ends early.
  return found.width > kMaxSide || found.height > kMaxSide ? Read(found) : Refused::kBroken;
}

Read Png(std::string_view file) {
  Structure found;
  for (size_t at = 8; at + 12 <= file.size();) {
    const size_t length = BigEndian(file, at, 4);
    const std::string_view type = file.substr(at + 4, 4), body = file.substr(at + 8, length);
    if (found.width == 0) {
      if (type != "IHDR" || length != 13) return Refused::kBroken;
      found.width = static_cast<int>(BigEndian(body, 0, 4) & 0x7FFFFFFF);
      found.height = static_cast<int>(BigEndian(body, 4, 4) & 0x7FFFFFFF);
      if (found.width == 0) return Refused::kBroken;
    }
    if (length > file.size() - at - 12) break;
    if (type == "eXIf") found.exif = body;
    if (type == "IEND") return found;
    at += 12 + length;
  }
  return found.width > kMaxSide || found.height > kMaxSide ? Read(found) : Refused::kBroken;
}

Read Webp(std::string_view file) {
  const size_t whole = 8 + size_t{LittleEndian(file, 4, 4)};
  if (whole > file.size()) return Refused::kBroken;
  file = file.substr(0, whole);
  Structure found;
  for (size_t at = 12; at + 8 <= file.size();) {
    const std::string_view type = file.substr(at, 4);
    const size_t length = LittleEndian(file, at + 4, 4);
    if (length > file.size() - at - 8) return Refused::kBroken;
    const std::string_view body = file.substr(at + 8, length);
    if (type == "VP8X") {
      constexpr int kAnimated = 0x02;
      if (LittleEndian(body, 0, 1) & kAnimated) return Refused::kNotAPicture;
      found.width = static_cast<int>(LittleEndian(body, 4, 3) + 1);
      found.height = static_cast<int>(LittleEndian(body, 7, 3) + 1);
    } else if (type == "VP8 " && found.width == 0) {
      found.width = static_cast<int>(LittleEndian(body, 6, 2) & 0x3FFF);
      found.height = static_cast<int>(LittleEndian(body, 8, 2) & 0x3FFF);
    } else if (type == "VP8L" && found.width == 0) {
      const uint32_t sizes = LittleEndian(body, 1, 4);
      found.width = static_cast<int>((sizes & 0x3FFF) + 1);
      found.height = static_cast<int>((sizes >> 14 & 0x3FFF) + 1);
    } else if (type == "EXIF") {
      found.exif = body.starts_with(kExifMark) ? body.substr(kExifMark.size()) : body;
    }
    at += 8 + length + length % 2;
  }
  return found;
}

}  // namespace

std::variant<Structure, Refused> ReadStructure(Format format, std::string_view file) {
  const Read read = format == Format::kJpeg   ? Jpeg(file)
                    : format == Format::kPng  ? Png(file)
                    : format == Format::kWebp ? Webp(file)
                                              : Read(Refused::kNotAPicture);
  const auto* found = std::get_if<Structure>(&read);
  if (found == nullptr) return read;
  if (found->width > kMaxSide || found->height > kMaxSide) return Refused::kTooLarge;
  if (found->width * found->height > kMaxPixels) return Refused::kTooLarge;
  if (found->width == 0 || found->height == 0) return Refused::kBroken;
  if (found->width < kMinSide || found->height < kMinSide) return Refused::kTooSmall;
  return read;
}

}  // namespace civicmesh::media
