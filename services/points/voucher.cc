#include "services/points/voucher.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "absl/strings/escaping.h"

namespace civicmesh::points {

std::string Voucher(std::string_view secret, std::string_view redemption) {
  constexpr size_t kBytes = 8;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(redemption.data()), redemption.size(), digest, &size);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), kBytes));
}

}  // namespace civicmesh::points
