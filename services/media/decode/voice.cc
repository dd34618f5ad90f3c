#include "services/media/decode/voice.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/media/decode/child.h"
#include "services/media/decode/formats.h"
#include "services/media/decode/limits.h"

namespace civicmesh::media {
namespace {

// What phones and browsers record in.
constexpr std::string_view kCodecs[] = {"pcm_u8",   "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le",
                                        "pcm_alaw", "pcm_mulaw", "mp3",       "aac",       "alac",
                                        "amr_nb",   "amr_wb",    "opus",      "vorbis"};
// The decoders of these.
constexpr char kDecoders[] =
    "pcm_u8,pcm_s16le,pcm_s24le,pcm_s32le,pcm_f32le,pcm_alaw,pcm_mulaw,mp3float,aac,alac,amrnb,amrwb,opus,libopus,"
    "vorbis";
constexpr absl::Duration kShortest = absl::Milliseconds(300);

std::string_view Demuxer(Format format) {
  switch (format) {
    case Format::kWav:
      return "wav";
    case Format::kMp3:
      return "mp3";
    case Format::kMp4:
      return "mov";
    case Format::kAmr:
      return "amr";
    case Format::kOgg:
      return "ogg";
    default:
      return "matroska";
  }
}

// `tool` on the standard input, which is named so that it can be sought in: an M4A may have its index at the end. No
// other file can be named from within one of these formats: only MOV has references, which are off unless asked for.
std::vector<std::string> CommandLine(std::string_view tool, Format format, std::string_view of_input,
                                     std::string_view of_output) {
  return absl::StrSplit(std::string(tool)
                            .append(" -v quiet -f ")
                            .append(Demuxer(format))
                            .append(" -protocol_whitelist file,pipe ")
                            .append(of_input)
                            .append(" -i file:/proc/self/fd/0")
                            .append(of_output),
                        ' ');
}

absl::StatusOr<Ended> RunTool(std::vector<std::string> arguments) {
  // The limits of this process end it.
  return Run({.arguments = std::move(arguments),
              .environment = {"LC_ALL=C.UTF-8"},
              .limit = absl::Hours(1),
              .longest_output = kMaxAnswer,
              .own_group = false},
             STDIN_FILENO);
}

Refused WhyEnded(const Ended& ended) {
  return ended.signal == SIGXCPU || ended.signal == SIGKILL ? Refused::kTooExpensive : Refused::kBroken;
}

// Why what the file is made of is no voice, if so.
std::variant<std::monostate, Refused> Judge(const Ended& probed) {
  if (!probed.exited || probed.code != 0) return WhyEnded(probed);
  const auto listed = nlohmann::json::parse(probed.output, nullptr, false);
  if (!listed.is_object() || !listed.contains("streams")) return Refused::kBroken;
  bool sound = false;
  for (const auto& stream : listed["streams"]) {
    const std::string type = stream.value("codec_type", "");
    if (type == "video") return Refused::kNotAVoice;
    if (type != "audio") continue;
    if (std::ranges::count(kCodecs, stream.value("codec_name", "")) == 0) return Refused::kNotAVoice;
    sound = true;
  }
  if (!sound) return Refused::kNotAVoice;
  return {};
}

// By the containers' word alone, without decoding: a film is named as what it is, but none of it is looked at.
absl::StatusOr<Ended> Probe(Format format) {
  return RunTool(CommandLine("/usr/bin/ffprobe", format,
                             "-nofind_stream_info -show_entries stream=codec_type,codec_name -of json", ""));
}

// Times are counted anew from the samples: those of the file could claim any length. A second over the longest tells
// what is longer.
absl::StatusOr<Ended> Encode(Format format) {
  const std::string input = absl::StrCat("-nostdin -threads 1 -codec_whitelist ", kDecoders);
  return RunTool(CommandLine("/usr/bin/ffmpeg", format, input,
                             absl::StrCat(" -map 0:a:0 -vn -sn -dn -map_metadata -1 -map_chapters -1"
                                          " -af asetpts=N/SR/TB -ac 1 -ar 16000"
                                          " -c:a libopus -b:a 24k -application voip -threads 1"
                                          " -fflags +bitexact -flags:a +bitexact -f ogg -t ",
                                          kMaxVoiceSeconds + 1, " pipe:1")));
}

// Of Opus in Ogg as ffmpeg has just written it: the last page's position in samples of 48 kHz, less those that are to
// be skipped at the start.
absl::Duration Length(std::string_view ogg) {
  constexpr size_t kPageHeader = 27, kPosition = 6, kSegments = 26;
  const auto little_endian = [&](size_t at, int count) {
    uint64_t value = 0;
    for (int i = count - 1; i >= 0; --i) value = value << 8 | static_cast<uint8_t>(ogg[at + i]);
    return value;
  };
  const size_t head = ogg.find("OpusHead");
  if (head == ogg.npos || head + 12 > ogg.size()) return absl::ZeroDuration();
  const uint64_t skipped = little_endian(head + 10, 2);
  uint64_t last = 0;
  for (size_t at = 0; at + kPageHeader <= ogg.size();) {
    last = std::max(last, little_endian(at + kPosition, 8));
    const auto segments = static_cast<uint8_t>(ogg[at + kSegments]);
    at += kPageHeader;
    size_t payload = 0;
    for (size_t i = 0; i < segments && at + i < ogg.size(); ++i) payload += static_cast<uint8_t>(ogg[at + i]);
    at += segments + payload;
  }
  return last > skipped ? absl::Seconds(static_cast<double>(last - skipped) / 48000) : absl::ZeroDuration();
}

}  // namespace

absl::StatusOr<std::variant<Voice, Refused>> MakeVoice(std::string_view file) {
  const Format format = Sniff(file);
  if (!IsVoice(format)) return Refused::kNotAVoice;
  const absl::StatusOr<Ended> probed = Probe(format);
  if (!probed.ok()) return probed.status();
  if (const auto judged = Judge(*probed); std::holds_alternative<Refused>(judged)) return std::get<Refused>(judged);
  absl::StatusOr<Ended> encoded = Encode(format);
  if (!encoded.ok()) return encoded.status();
  if (!encoded->exited || encoded->code != 0) return WhyEnded(*encoded);
  const absl::Duration length = Length(encoded->output);
  if (length > absl::Seconds(kMaxVoiceSeconds)) return Refused::kTooLarge;
  if (length == absl::ZeroDuration()) return Refused::kBroken;
  if (length < kShortest) return Refused::kTooSmall;
  return Voice{.ogg_opus = std::move(encoded->output), .length = length};
}

}  // namespace civicmesh::media
