// What civicmesh-decode says on its standard output: one line of JSON with facts and the lengths of the parts
// ("parts"), then the parts' bytes. Who reads one believes nothing of it: the child may have been taken over by the
// file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "services/media/decode/decode.h"

namespace civicmesh::media {

// The program's exit codes beside 0, an answer.
inline constexpr int kNotShutIn = 126;  // sandbox.h
inline constexpr int kNotRun = 127;     // it, or the loader before it, could not begin

std::string Write(const std::variant<Picture, Refused>& decoded);
std::string Write(const std::variant<Voice, Refused>& decoded);

// Nothing: not an answer.
std::optional<std::variant<Picture, Refused>> ReadPicture(std::string_view answer);
std::optional<std::variant<Voice, Refused>> ReadVoice(std::string_view answer);

}  // namespace civicmesh::media
