// What in a text identifies a person by a number: the one rule by which texts are masked, refused, and ids told from
// numbers of people (DESIGN section 2, personal data).
//
// Found: mobile and fixed lines, identity cards (18 digits, and the old 15), bank cards, plates, e-mail addresses;
// written in full-width digits or with single blanks, dots or dashes between the groups too. A case number (案卷号) is
// none of them. Names and addresses are not found. Pure functions; linear.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace civicmesh {

enum class PersonalKind {
  kMobile,
  kLandline,
  kIdentityCard,
  kOldIdentityCard,  // 15 digits; some codes of grids look like it
  kBankCard,         // 16 digits or more, the check digit is right
  kLongNumber,       // 16 digits or more; some codes of components look like it
  kPlate,
  kEmail
};

// Bytes [begin, end) of the text.
struct PersonalPlace {
  size_t begin = 0;
  size_t end = 0;
  PersonalKind kind = PersonalKind::kMobile;
};

// In order; none overlaps another. Rather one too many than one too few.
std::vector<PersonalPlace> FindPersonal(std::string_view text);

// For what staff write, which is refused where it holds such a number: true only for what is hardly anything else, and
// not for fixed lines, by which offices are named.
bool HoldsPersonalNumber(std::string_view text);

// For what should be an id: true where it holds such a number. Ids may be long, so long numbers are none.
bool LooksPersonal(std::string_view id);

}  // namespace civicmesh
