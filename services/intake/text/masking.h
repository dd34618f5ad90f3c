// What in a citizen's text identifies a person, and the text without it (DESIGN section 2, personal data).
//
//   Mask("回电13800000058，车牌浙A12345").text == "回电【手机号】，车牌【车牌号】"
//
// Found: mobile and landline numbers, identity card numbers (18, and the old 15 digits), bank cards (any number of 16
// digits or more), plates, e-mail addresses; written in full-width digits or with single blanks, dots or dashes between
// the groups too. Rather one number too many than one too few. Names and addresses are not found. Pure functions;
// linear.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace civicmesh::intake {

enum class PersonalKind { kMobile, kLandline, kIdentityCard, kBankCard, kPlate, kEmail };

struct Masked {
  std::string text;
  std::vector<PersonalKind> found;  // in order, one per place
};

Masked Mask(std::string_view text);

// True where an id or reference of another system is a phone or identity number rather than an id.
bool LooksPersonal(std::string_view id);

}  // namespace civicmesh::intake
