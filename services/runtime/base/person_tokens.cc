#include "services/runtime/base/person_tokens.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace civicmesh {
namespace {

constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr int kDigits = 16;

}  // namespace

std::string PersonTokens::Of(std::string_view subject) const {
  if (subject.empty()) return "";
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()), reinterpret_cast<const unsigned char*>(subject.data()),
       subject.size(), mac, &size);
  std::string token = "p-";
  for (int i = 0; i < kDigits; ++i) token.push_back(kAlphabet[mac[i] & 31]);
  return token;
}

}  // namespace civicmesh
