// What the decoder (decode/decode.h) makes of a posted file, as uploads keep it.
#pragma once

#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "services/media/decode/decode.h"
#include "services/media/uploads.h"

namespace civicmesh::media {

// By the content type that was announced: a picture or a recording. Blocks as the decoder does; any thread.
// UNAVAILABLE: the decoder could not be run.
absl::StatusOr<std::variant<Decoded, Refusal>> LookAt(const DecoderOptions& decoder, const std::string& file,
                                                      const std::string& content_type);

}  // namespace civicmesh::media
