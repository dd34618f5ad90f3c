#include "services/volunteering/domain/text.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "services/runtime/personal/personal_numbers.h"
#include "services/runtime/personal/utf8.h"

namespace civicmesh::volunteering {
namespace {

constexpr int kLongestHarmless = 6;

bool HoldsLongRun(std::string_view text) {
  int run = 0;
  for (const Character& c : Characters(text)) {
    run = c.code >= '0' && c.code <= '9' ? run + 1 : 0;
    if (c.code == '@' || run > kLongestHarmless) return true;
  }
  return false;
}

}  // namespace

bool HasLength(std::string_view text, int at_least, int at_most) {
  int characters = 0;
  for (const char c : absl::StripAsciiWhitespace(absl::string_view(text.data(), text.size())))
    if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) ++characters;
  return characters >= at_least && characters <= at_most;
}

bool MayNamePerson(std::string_view text) {
  const auto found = FindPersonal(text);
  // Two dates beside each other are a long number.
  return HoldsLongRun(text) || std::any_of(found.begin(), found.end(), [](const PersonalPlace& place) {
           return place.kind != PersonalKind::kLongNumber;
         });
}

}  // namespace civicmesh::volunteering
