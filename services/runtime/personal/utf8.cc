#include "services/runtime/personal/utf8.h"

#include <cstdint>

namespace civicmesh {
namespace {

constexpr char32_t kNone = 0xFFFD, kIdeographicSpace = 0x3000;

char32_t Narrow(char32_t code) {
  if (code >= 0xFF01 && code <= 0xFF5E) return code - 0xFF01 + '!';
  return code;
}

Character Next(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(at);
  const size_t size = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
  if (size == 0 || at + size > text.size()) return {kNone, at, at + 1};
  char32_t code = size == 1 ? lead : lead & (0x7F >> size);
  for (size_t i = 1; i < size; ++i) {
    if (byte(at + i) >> 6 != 2) return {kNone, at, at + 1};
    code = code << 6 | (byte(at + i) & 0x3F);
  }
  return {Narrow(code), at, at + size};
}

bool IsSpace(char32_t code) {
  return code == ' ' || (code >= '\t' && code <= '\r') || code == 0xA0 || code == kIdeographicSpace;
}

}  // namespace

std::vector<Character> Characters(std::string_view text) {
  std::vector<Character> out;
  out.reserve(text.size() / 3 + 1);
  for (size_t at = 0; at < text.size(); at = out.back().end) out.push_back(Next(text, at));
  return out;
}

size_t CountCharacters(std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); at = Next(text, at).end) ++count;
  return count;
}

std::string_view Trim(std::string_view text) {
  const auto all = Characters(text);
  size_t first = 0, last = all.size();
  while (first < last && IsSpace(all[first].code)) ++first;
  while (last > first && IsSpace(all[last - 1].code)) --last;
  return first == last ? std::string_view() : text.substr(all[first].begin, all[last - 1].end - all[first].begin);
}

}  // namespace civicmesh
