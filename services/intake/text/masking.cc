#include "services/intake/text/masking.h"

#include <algorithm>

namespace civicmesh::intake {
namespace {

const char* MarkOf(PersonalKind kind) {
  switch (kind) {
    case PersonalKind::kMobile:
      return "【手机号】";
    case PersonalKind::kLandline:
      return "【电话号码】";
    case PersonalKind::kIdentityCard:
    case PersonalKind::kOldIdentityCard:
      return "【身份证号】";
    case PersonalKind::kBankCard:
    case PersonalKind::kLongNumber:
      return "【银行卡号】";
    case PersonalKind::kPlate:
      return "【车牌号】";
    case PersonalKind::kEmail:
      return "【邮箱】";
  }
  return "";
}

}  // namespace

Masked Mask(std::string_view text) {
  Masked out;
  size_t copied = 0;
  for (const PersonalPlace& place : FindPersonal(text)) {
    out.text.append(text.substr(copied, place.begin - copied));
    out.text.append(MarkOf(place.kind));
    out.found.push_back(place.kind);
    copied = place.end;
  }
  out.text.append(text.substr(copied));
  return out;
}

bool LooksPersonal(std::string_view id) {
  const auto found = FindPersonal(id);
  // Ids may be long.
  return std::any_of(found.begin(), found.end(), [](const PersonalPlace& place) {
    return place.kind != PersonalKind::kBankCard && place.kind != PersonalKind::kLongNumber;
  });
}

}  // namespace civicmesh::intake
