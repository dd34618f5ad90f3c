#include "services/runtime/base/person_tokens.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "services/runtime/base/ids.h"

namespace civicmesh {

std::string PersonTokens::Of(std::string_view subject) const {
  if (subject.empty()) return "";
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()), reinterpret_cast<const unsigned char*>(subject.data()),
       subject.size(), mac, &size);
  return "p-" + IdDigits({reinterpret_cast<const char*>(mac), size});
}

}  // namespace civicmesh
