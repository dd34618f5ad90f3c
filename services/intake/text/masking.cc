#include "services/intake/text/masking.h"

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

}  // namespace civicmesh::intake
