#include "services/media/decode/decode.h"

#include <signal.h>
#include <unistd.h>

#include <bit>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/media/decode/answer.h"
#include "services/media/decode/child.h"
#include "services/media/decode/formats.h"
#include "services/media/decode/limits.h"

namespace civicmesh::media {
namespace {

// OpenCV reads its limits when it is loaded, a second line behind ours. The rest keeps it and GDAL, which it brings,
// from looking for more to load.
std::vector<std::string> Environment() {
  return {absl::StrCat("OPENCV_IO_MAX_IMAGE_PIXELS=", kMaxPixels),
          absl::StrCat("OPENCV_IO_MAX_IMAGE_WIDTH=", kMaxSide),
          absl::StrCat("OPENCV_IO_MAX_IMAGE_HEIGHT=", kMaxSide),
          "OPENCV_OPENCL_RUNTIME=disabled",
          "GDAL_DRIVER_PATH=disable",
          "LC_ALL=C.UTF-8"};
}

absl::StatusOr<Ended> RunDecoder(const DecoderOptions& options, const std::string& kind, std::string_view contents) {
  const int file = SealedFile(contents);
  if (file < 0) return absl::UnavailableError("no memory or descriptor for an upload");
  absl::StatusOr<Ended> ended = Run({.arguments = {options.program, kind},
                                     .environment = Environment(),
                                     .limit = options.limit,
                                     .longest_output = kMaxAnswer},
                                    file);
  close(file);
  if (ended.ok() && ended->exited && ended->code == kNotShutIn)
    return absl::UnavailableError(
        absl::StrCat(options.program, " decodes nothing here: it may not install a seccomp filter"));
  if (ended.ok() && ended->exited && ended->code == kNotRun)
    return absl::UnavailableError(absl::StrCat(options.program, " cannot run here"));
  return ended;
}

template <typename Kind>
using Read = std::optional<std::variant<Kind, Refused>>(std::string_view);

template <typename Kind>
absl::StatusOr<std::variant<Kind, Refused>> Decode(const DecoderOptions& options, const std::string& kind,
                                                   std::string_view file, Read<Kind> read) {
  const absl::StatusOr<Ended> ended = RunDecoder(options, kind, file);
  if (!ended.ok()) return ended.status();
  if (!ended->exited)
    return ended->signal == SIGKILL || ended->signal == SIGXCPU ? Refused::kTooExpensive : Refused::kBroken;
  if (ended->code != 0) return Refused::kBroken;
  // A decoder that talks nonsense does so because of the file.
  return read(ended->output).value_or(Refused::kBroken);
}

std::optional<Refused> RefuseUnseen(std::string_view file, bool of_the_kind, Refused not_of_the_kind,
                                    std::string_view declared_type) {
  if (!of_the_kind) return not_of_the_kind;
  if (!MayDeclare(declared_type, Sniff(file))) return Refused::kDeclaredOtherwise;
  if (file.size() > kMaxFile) return Refused::kTooLarge;
  return std::nullopt;
}

}  // namespace

std::string_view Name(Refused refused) {
  switch (refused) {
    case Refused::kNotAPicture:
      return "NOT_A_PICTURE";
    case Refused::kNotAVoice:
      return "NOT_A_VOICE";
    case Refused::kDeclaredOtherwise:
      return "DECLARED_OTHERWISE";
    case Refused::kTooLarge:
      return "TOO_LARGE";
    case Refused::kTooSmall:
      return "TOO_SMALL";
    case Refused::kBroken:
      return "BROKEN";
    case Refused::kTooExpensive:
      return "TOO_EXPENSIVE";
  }
  return "";
}

int HashDistance(uint64_t a, uint64_t b) { return std::popcount(a ^ b); }

absl::StatusOr<std::variant<Picture, Refused>> DecodePicture(const DecoderOptions& options, std::string_view file,
                                                             std::string_view declared_type) {
  if (const auto refused = RefuseUnseen(file, IsPicture(Sniff(file)), Refused::kNotAPicture, declared_type))
    return *refused;
  return Decode<Picture>(options, "picture", file, ReadPicture);
}

absl::StatusOr<std::variant<Voice, Refused>> DecodeVoice(const DecoderOptions& options, std::string_view file,
                                                         std::string_view declared_type) {
  if (const auto refused = RefuseUnseen(file, IsVoice(Sniff(file)), Refused::kNotAVoice, declared_type))
    return *refused;
  return Decode<Voice>(options, "voice", file, ReadVoice);
}

}  // namespace civicmesh::media
