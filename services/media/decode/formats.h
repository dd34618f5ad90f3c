// What a file is by its first bytes, and which media types may be declared for it. Nothing but these formats ever
// reaches a decoder.
#pragma once

#include <string_view>

namespace civicmesh::media {

enum class Format { kUnknown, kJpeg, kPng, kWebp, kWav, kMp3, kMp4, kAmr, kOgg, kWebm };

Format Sniff(std::string_view file);
bool IsPicture(Format format);
bool IsVoice(Format format);

// Whether `type`, as in "audio/webm; codecs=opus", may be said of a file of this format.
bool MayDeclare(std::string_view type, Format format);

}  // namespace civicmesh::media
