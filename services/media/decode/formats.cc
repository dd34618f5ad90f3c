#include "services/media/decode/formats.h"

#include <string>
#include <utility>

#include "absl/strings/ascii.h"

namespace civicmesh::media {
namespace {

using std::string_view_literals::operator""sv;

// Of the ISO base media files (HEIC and AVIF are some too) those whose brand stands for sound, alone or with a film.
constexpr std::string_view kMp4Brands[] = {"M4A ", "M4B ", "mp41", "mp42", "isom", "iso2", "iso4", "iso5",
                                           "iso6", "3gp4", "3gp5", "3gp6", "3gp7", "dash", "MSNV"};

constexpr std::pair<Format, std::string_view> kTypes[] = {
    {Format::kJpeg, "image/jpeg"},    {Format::kJpeg, "image/jpg"}, {Format::kPng, "image/png"},
    {Format::kWebp, "image/webp"},    {Format::kWav, "audio/wav"},  {Format::kWav, "audio/wave"},
    {Format::kWav, "audio/x-wav"},    {Format::kMp3, "audio/mpeg"}, {Format::kMp3, "audio/mp3"},
    {Format::kWav, "audio/vnd.wave"}, {Format::kMp4, "audio/mp4"},  {Format::kMp4, "audio/m4a"},
    {Format::kMp4, "audio/x-m4a"},    {Format::kMp4, "audio/aac"},  {Format::kMp4, "audio/3gpp"},
    {Format::kAmr, "audio/amr"},      {Format::kAmr, "audio/3gpp"}, {Format::kAmr, "audio/amr-wb"},
    {Format::kOgg, "audio/ogg"},      {Format::kOgg, "audio/opus"}, {Format::kOgg, "application/ogg"},
    {Format::kWebm, "audio/webm"},
};

// A frame's header of layer III; ADTS, which begins alike, has no layer.
bool IsMp3(std::string_view file) {
  if (file.starts_with("ID3")) return true;
  return file.size() > 1 && file[0] == '\xFF' && (file[1] & 0xE6) == 0xE2;
}

bool IsMp4(std::string_view file) {
  if (file.size() < 12 || file.substr(4, 4) != "ftyp") return false;
  for (const std::string_view brand : kMp4Brands)
    if (file.substr(8, 4) == brand) return true;
  return false;
}

std::string Bare(std::string_view type) {
  std::string bare(type.substr(0, type.find(';')));
  absl::StripAsciiWhitespace(&bare);
  absl::AsciiStrToLower(&bare);
  return bare;
}

}  // namespace

Format Sniff(std::string_view file) {
  const auto riff = [&](std::string_view kind) {
    return file.size() >= 12 && file.substr(0, 4) == "RIFF" && file.substr(8, 4) == kind;
  };
  if (file.starts_with("\xFF\xD8\xFF")) return Format::kJpeg;
  if (file.starts_with("\x89PNG\r\n\x1A\n")) return Format::kPng;
  if (riff("WEBP")) return Format::kWebp;
  if (riff("WAVE")) return Format::kWav;
  if (file.starts_with("#!AMR\n") || file.starts_with("#!AMR-WB\n")) return Format::kAmr;
  if (file.starts_with("OggS"sv)) return Format::kOgg;
  if (file.starts_with("\x1A\x45\xDF\xA3")) return Format::kWebm;
  if (IsMp4(file)) return Format::kMp4;
  if (IsMp3(file)) return Format::kMp3;
  return Format::kUnknown;
}

bool IsPicture(Format format) { return format == Format::kJpeg || format == Format::kPng || format == Format::kWebp; }

bool IsVoice(Format format) { return format != Format::kUnknown && !IsPicture(format); }

bool MayDeclare(std::string_view type, Format format) {
  const std::string bare = Bare(type);
  for (const auto& [of, name] : kTypes)
    if (of == format && name == bare) return true;
  return false;
}

}  // namespace civicmesh::media
