// What people upload, made safe to keep and to show: a photo or a voice is taken apart in a process of its own, made
// anew without whatever else the file carried, and refused where it is not what it says or would cost too much.
//
//   const DecoderOptions options{.program = "/usr/lib/civicmesh/civicmesh-decode"};
//   const auto decoded = DecodePicture(options, bytes, "image/jpeg");
//   if (!decoded.ok()) return decoded.status();                       // this machine's fault: try again
//   if (const auto* refused = std::get_if<Refused>(&*decoded)) ...    // the file's fault: say so, for good
//   const Picture& picture = std::get<Picture>(*decoded);
//
// Any thread. Each call blocks for at most `limit`, starts one child and ends it; how many run at the same time is the
// caller's to bound (README.md says what one costs). Nothing of the child outlives the call, nor the calling thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace civicmesh::media {

enum class Refused {
  kNotAPicture,        // no JPEG, PNG or still WebP
  kNotAVoice,          // no WAV, MP3, M4A, AMR, Ogg or WebM, or one with pictures in it, or without sound
  kDeclaredOtherwise,  // one of these, but not of the declared type
  kTooLarge,           // 64 MiB; 50 megapixels or 12,000 px a side; 5 minutes
  kTooSmall,           // 64 px a side; 0.3 s
  kBroken,             // truncated, or nothing can be made of it
  kTooExpensive,       // met the limit of CPU, memory or time
};

// As in NOT_A_PICTURE.
std::string_view Name(Refused refused);

// A photo: longer side at most 2048 px, upright, JPEG without any metadata; transparency is gone, colours are as sRGB.
struct Picture {
  std::string photo_jpeg;
  std::string thumbnail_jpeg;  // longer side at most 320 px
  int width = 0;               // of photo_jpeg
  int height = 0;
  uint64_t perceptual_hash = 0;  // compare with HashDistance
  struct Place {
    double latitude;  // as the camera wrote it: WGS 84, unless its maker thought otherwise
    double longitude;
  };
  std::optional<Place> taken_at_place;
  std::optional<absl::CivilSecond> taken_at;  // by the camera's clock, in whatever zone that was
};

// A voice: Opus in Ogg, mono, 24 kbit/s, without any metadata.
struct Voice {
  std::string ogg_opus;
  absl::Duration length;  // of what was decoded, whatever the file said
};

// Bits in which two pictures differ: up to 8 for the same picture scaled, recompressed or brightened a little, over 20
// for most that are different. Pictures without any structure (a covered lens) all hash alike.
int HashDistance(uint64_t a, uint64_t b);

struct DecoderOptions {
  std::string program;  // civicmesh-decode
  absl::Duration limit = absl::Seconds(30);
};

// `declared_type` is a media type, parameters allowed. UNAVAILABLE: the decoder could not be run; says nothing about
// the file.
absl::StatusOr<std::variant<Picture, Refused>> DecodePicture(const DecoderOptions& options, std::string_view file,
                                                             std::string_view declared_type);
absl::StatusOr<std::variant<Voice, Refused>> DecodeVoice(const DecoderOptions& options, std::string_view file,
                                                         std::string_view declared_type);

}  // namespace civicmesh::media
