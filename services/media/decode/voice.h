// The voice of a file, made anew by Debian's ffmpeg. In the child only, whose limits hold for what it starts.
#pragma once

#include <string_view>
#include <variant>

#include "absl/status/statusor.h"
#include "services/media/decode/decode.h"

namespace civicmesh::media {

// `file` is what stands behind the standard input. UNAVAILABLE: ffmpeg could not be started.
absl::StatusOr<std::variant<Voice, Refused>> MakeVoice(std::string_view file);

}  // namespace civicmesh::media
