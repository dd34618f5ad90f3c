// A picture's file read by its structure alone, before any of it is decoded: whether it is all there, what size it
// claims, and where its EXIF block lies.
#pragma once

#include <string_view>
#include <variant>

#include "services/media/decode/decode.h"
#include "services/media/decode/formats.h"

namespace civicmesh::media {

struct Structure {
  int width = 0;
  int height = 0;
  std::string_view exif;  // from its byte order mark on; empty: none. Lives as long as the file.
};

// What follows the end of the picture is not looked at. Refused: of a size that is not decoded, in pieces, or a kind of
// these formats that we do not take (a film).
std::variant<Structure, Refused> ReadStructure(Format format, std::string_view file);

}  // namespace civicmesh::media
