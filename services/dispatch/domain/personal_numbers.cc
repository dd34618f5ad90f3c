#include "services/dispatch/domain/personal_numbers.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"

namespace civicmesh::dispatch {
namespace {

// What a plate begins with: the provinces, and 使 and 领 of embassies and consulates.
constexpr std::u32string_view kProvinces = U"京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新使领";
constexpr std::u32string_view kPlateEnds = U"挂学警港澳领试超";

// Code points, full-width forms of ASCII as ASCII, letters in upper case. What is no UTF-8 becomes U+FFFD.
std::u32string Normalised(std::string_view text) {
  std::u32string out;
  for (size_t i = 0; i < text.size();) {
    const unsigned char lead = text[i];
    const int length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    char32_t c = length == 1 ? lead : lead & (0x7f >> length);
    int read = 1;
    while (read < length && i + read < text.size() && (text[i + read] & 0xc0) == 0x80)
      c = c << 6 | (text[i + read++] & 0x3f);
    if (length == 0 || read < length) c = 0xfffd;
    i += read;
    if (c >= 0xff01 && c <= 0xff5e) c -= 0xfee0;
    if (c >= 'a' && c <= 'z') c -= 'a' - 'A';
    out.push_back(c);
  }
  return out;
}

bool Digit(char32_t c) { return c >= '0' && c <= '9'; }
bool Letter(char32_t c) { return c >= 'A' && c <= 'Z'; }
bool Separator(char32_t c) { return c == ' ' || c == '-' || c == 0x3000; }

int Number(std::string_view digits) {
  int value = 0;
  for (char c : digits) value = value * 10 + (c - '0');
  return value;
}

bool IsDate(std::string_view yyyymmdd) {
  const int year = Number(yyyymmdd.substr(0, 4)), month = Number(yyyymmdd.substr(4, 2)),
            day = Number(yyyymmdd.substr(6, 2));
  return year >= 1900 && year <= 2099 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

bool PassesLuhn(std::string_view digits) {
  int sum = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    int d = digits[digits.size() - 1 - i] - '0';
    if (i % 2 == 1) d = d * 2 > 9 ? d * 2 - 9 : d * 2;
    sum += d;
  }
  return sum % 10 == 0;
}

// A run of digits as written in one piece or in groups; `x` is set where an X follows at once.
bool IsPersonal(std::string_view digits, bool x) {
  if (digits.size() == 13 && digits.substr(0, 2) == "86") digits.remove_prefix(2);
  if (digits.size() == 11) return digits[0] == '1' && digits[1] >= '3';
  if ((digits.size() == 18 || (digits.size() == 17 && x)) && IsDate(digits.substr(6, 8))) return true;
  // A case number (案卷号) is 6 + date + 5 digits.
  if (digits.size() == 19 && IsDate(digits.substr(6, 8)) && digits[6] == '2') return false;
  return digits.size() >= 16 && digits.size() <= 19 && PassesLuhn(digits);
}

bool HoldsNumber(std::u32string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (!Digit(text[i]) || (i > 0 && Digit(text[i - 1]))) continue;
    // From here on: the run itself, and each way of reading on over single separators.
    std::string digits;
    for (size_t j = i; j < text.size() && digits.size() < 20; ++j) {
      if (Digit(text[j])) {
        digits.push_back(static_cast<char>(text[j]));
        const bool ends = j + 1 == text.size() || !Digit(text[j + 1]);
        if (ends && IsPersonal(digits, j + 1 < text.size() && text[j + 1] == 'X')) return true;
      } else if (!Separator(text[j]) || Separator(text[j - 1])) {
        break;
      }
    }
  }
  return false;
}

bool HoldsPlate(std::u32string_view text) {
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    if (kProvinces.find(text[i]) == std::u32string_view::npos || !Letter(text[i + 1])) continue;
    size_t j = i + 2;
    if (j < text.size() && (text[j] == 0xb7 || text[j] == '.' || text[j] == 0x2022 || Separator(text[j]))) ++j;
    int signs = 0, digits = 0;
    for (; j < text.size() && (Digit(text[j]) || Letter(text[j])); ++j) {
      ++signs;
      digits += Digit(text[j]);
    }
    if (signs == 4 && j < text.size() && kPlateEnds.find(text[j]) != std::u32string_view::npos) ++signs;
    if ((signs == 5 || signs == 6) && digits > 0) return true;
  }
  return false;
}

bool HoldsEmail(std::u32string_view text) {
  auto word = [](char32_t c) { return Digit(c) || Letter(c) || c == '.' || c == '_' || c == '-' || c == '+'; };
  for (size_t at = text.find('@'); at != std::u32string_view::npos; at = text.find('@', at + 1)) {
    if (at == 0 || !word(text[at - 1])) continue;
    size_t end = at + 1;
    while (end < text.size() && word(text[end])) ++end;
    const auto domain = text.substr(at + 1, end - at - 1);
    const size_t dot = domain.find('.');
    if (dot != std::u32string_view::npos && dot > 0 && dot + 1 < domain.size()) return true;
  }
  return false;
}

}  // namespace

bool HoldsPersonalNumber(std::string_view text) {
  const std::u32string normal = Normalised(text);
  return HoldsNumber(normal) || HoldsPlate(normal) || HoldsEmail(normal);
}

}  // namespace civicmesh::dispatch
