#include "services/intake/open311/form.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "services/runtime/personal/utf8.h"

namespace civicmesh::intake::open311 {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool Decode(std::string_view text, std::string* out) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out->push_back(text[i] == '+' ? ' ' : text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return false;
    out->push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return true;
}

// As protobuf and JSON have it, which refuse what is written longer than it need be, and halves of pairs.
bool IsUtf8(std::string_view text) {
  for (const Character& c : Characters(text)) {
    const auto lead = static_cast<uint8_t>(text[c.begin]);
    if (lead == 0 || (lead >= 0x80 && c.end == c.begin + 1)) return false;
    if (lead < 0x80) continue;
    const auto second = static_cast<uint8_t>(text[c.begin + 1]);
    const bool too_long = lead < 0xC2 || (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
    const bool half = lead == 0xED && second >= 0xA0;
    if (too_long || half || lead > 0xF4 || (lead == 0xF4 && second >= 0x90)) return false;
  }
  return true;
}

}  // namespace

std::optional<Form> DecodeForm(std::string_view body) {
  Form form;
  const absl::string_view all(body.data(), body.size());
  for (absl::string_view field : absl::StrSplit(all, '&', absl::SkipEmpty())) {
    const size_t equals = field.find('=');
    std::string name, value;
    if (!Decode({field.data(), std::min(equals, field.size())}, &name)) return std::nullopt;
    if (equals != field.npos && !Decode({field.data() + equals + 1, field.size() - equals - 1}, &value))
      return std::nullopt;
    if (!IsUtf8(name) || !IsUtf8(value) || form.size() == kMaxFields) return std::nullopt;
    form.emplace_back(std::move(name), std::move(value));
  }
  return form;
}

bool IsForm(std::string_view content_type) {
  const std::vector<absl::string_view> parts =
      absl::StrSplit(absl::string_view(content_type.data(), content_type.size()), ';');
  if (!absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(parts[0]), "application/x-www-form-urlencoded")) return false;
  for (size_t i = 1; i < parts.size(); ++i) {
    const absl::string_view parameter = absl::StripAsciiWhitespace(parts[i]);
    const bool charset = absl::StartsWithIgnoreCase(parameter, "charset=");
    if (charset && !absl::EqualsIgnoreCase(parameter.substr(8), "utf-8") &&
        !absl::EqualsIgnoreCase(parameter.substr(8), "\"utf-8\""))
      return false;
  }
  return true;
}

std::string ValueOf(const Form& form, std::string_view name) {
  for (const auto& [key, value] : form)
    if (key == name && !Trim(value).empty()) return std::string(Trim(value));
  return "";
}

}  // namespace civicmesh::intake::open311
