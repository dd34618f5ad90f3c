// What a camera wrote into a photo that is of use to us. Cameras write much that is wrong; that is left out, never an
// error.
#pragma once

#include <optional>
#include <string_view>

#include "absl/time/civil_time.h"
#include "services/media/decode/decode.h"

namespace civicmesh::media {

struct ExifFacts {
  int orientation = 1;  // 1 to 8, as EXIF counts them
  std::optional<Picture::Place> place;
  std::optional<absl::CivilSecond> taken_at;
};

// `block` from its byte order mark on.
ExifFacts ReadExif(std::string_view block);

}  // namespace civicmesh::media
