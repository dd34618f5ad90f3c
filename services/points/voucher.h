// 兑换码: made from the redemption's name by a secret of the installation whenever its owner looks, and kept nowhere:
// no journal, event or hot state holds one. The same redemption always has the same voucher, so it is issued once (I5),
// and whoever knows the secret can check one. A new secret is a new voucher for every redemption.
#pragma once

#include <string>
#include <string_view>

namespace civicmesh::points {

// 16 hexadecimal characters.
std::string Voucher(std::string_view secret, std::string_view redemption);

}  // namespace civicmesh::points
