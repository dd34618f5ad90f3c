#include "services/intake/tracking_code.h"

#include "absl/strings/ascii.h"
#include "services/intake/vault/city_key.h"
#include "services/runtime/base/ids.h"

namespace civicmesh::intake {
namespace {

// Without letters that look like others.
constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr size_t kCharacters = 16, kGroup = 4;

}  // namespace

std::string MakeTrackingCode(const CityKey& key, std::string_view request_id) {
  const std::string secret = key.Derive("tracking code", request_id);
  std::string code;
  for (size_t i = 0; i < kCharacters; ++i) {
    if (i > 0 && i % kGroup == 0) code.push_back('-');
    code.push_back(kAlphabet[static_cast<unsigned char>(secret[i]) & 31]);
  }
  return code;
}

std::string HashOfTrackingCode(std::string_view code) {
  std::string plain;
  for (char c : code)
    if (absl::ascii_isalnum(c)) plain.push_back(absl::ascii_tolower(c));
  return plain.empty() ? "" : Sha256(plain);
}

}  // namespace civicmesh::intake
