#include "services/volunteering/domain/text.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"

namespace civicmesh::volunteering {
namespace {

constexpr int kLongestHarmless = 6;
constexpr size_t kMobile = 11;

// Full-width digits, hyphen, at sign and blank as ASCII.
std::string Narrow(std::string_view text) {
  return absl::StrReplaceAll(std::string(text), {{"０", "0"},
                                                 {"１", "1"},
                                                 {"２", "2"},
                                                 {"３", "3"},
                                                 {"４", "4"},
                                                 {"５", "5"},
                                                 {"６", "6"},
                                                 {"７", "7"},
                                                 {"８", "8"},
                                                 {"９", "9"},
                                                 {"－", "-"},
                                                 {"＠", "@"},
                                                 {"　", " "}});
}

bool IsMobile(std::string_view digits) { return digits.size() == kMobile && digits[0] == '1' && digits[1] >= '3'; }

}  // namespace

bool HasLength(std::string_view text, int at_least, int at_most) {
  int characters = 0;
  for (const char c : absl::StripAsciiWhitespace(absl::string_view(text.data(), text.size())))
    if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) ++characters;
  return characters >= at_least && characters <= at_most;
}

bool HoldsPersonalNumber(std::string_view original) {
  const std::string text = Narrow(original);
  if (text.find('@') != std::string::npos) return true;
  std::string grouped;  // digits with single blanks or hyphens between them
  int run = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && absl::ascii_isdigit(text[i])) {
      grouped.push_back(text[i]);
      if (++run > kLongestHarmless) return true;
      continue;
    }
    if (IsMobile(grouped)) return true;
    const bool joint = run > 0 && i < text.size() && (text[i] == ' ' || text[i] == '-');
    run = 0;
    if (!joint) grouped.clear();
  }
  return false;
}

}  // namespace civicmesh::volunteering
