#include "services/civicctl/replay/dice.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/base/uuid_v7.h"

namespace civicmesh::civicctl {
namespace {

std::string Digest(const std::string& seed, std::string_view what) {
  return Sha256(absl::StrCat(seed, "/", absl::string_view(what.data(), what.size())));
}

uint64_t Number(std::string_view bytes) {
  uint64_t number = 0;
  for (int i = 0; i < 8; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

}  // namespace

double Dice::Roll(std::string_view what) const {
  return static_cast<double>(Number(Digest(seed_, what)) >> 11) * 0x1p-53;
}

int Dice::Pick(std::string_view what, size_t count) const {
  return static_cast<int>(Number(Digest(seed_, what)) % count);
}

absl::Duration Dice::Minutes(std::string_view what, int least, int most) const {
  return absl::Minutes(least + Pick(what, most - least + 1));
}

std::string Dice::RequestId(absl::Time issued, std::string_view what) const {
  const std::string digest = Digest(seed_, what);
  return UuidV7(absl::ToUnixMillis(issued), Number(digest), Number(std::string_view(digest).substr(8)));
}

}  // namespace civicmesh::civicctl
