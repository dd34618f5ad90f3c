// A citizen's text without the numbers that identify a person (services/runtime/personal says which).
//
//   Mask("回电13800000058，车牌浙A12345").text == "回电【手机号】，车牌【车牌号】"
//
// Pure functions; linear.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "services/runtime/personal/personal_numbers.h"

namespace civicmesh::intake {

struct Masked {
  std::string text;
  std::vector<PersonalKind> found;  // in order, one per place
};

Masked Mask(std::string_view text);

}  // namespace civicmesh::intake
