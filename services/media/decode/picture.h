// The picture of a file, made anew: upright, no larger than needed, nothing in it but its pixels. In the child only:
// the file is decoded here.
#pragma once

#include <string_view>
#include <variant>

#include "services/media/decode/decode.h"

namespace civicmesh::media {

// Makes a picture of ours in each format, so that all that OpenCV loads on the way is there before the files are not.
bool WarmUp();

// Throws what OpenCV and the standard library throw.
std::variant<Picture, Refused> MakePicture(std::string_view file);

}  // namespace civicmesh::media
