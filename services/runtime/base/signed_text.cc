#include "services/runtime/base/signed_text.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/runtime/base/secrets.h"

namespace civicmesh {
namespace {

constexpr size_t kKeyBytes = 32, kMacBytes = 32;

}  // namespace

absl::StatusOr<SigningKeys> SigningKeys::FromEnvironment(const std::string& variable, std::string purpose) {
  const auto given = SecretFromEnvironment(variable);
  if (!given.ok()) return given.status();
  std::vector<std::string> keys;
  if (given->empty()) return SigningKeys({}, std::move(purpose));
  for (absl::string_view hex : absl::StrSplit(*given, ',')) {
    const bool digits = std::all_of(hex.begin(), hex.end(), [](char c) { return absl::ascii_isxdigit(c); });
    if (hex.size() != 2 * kKeyBytes || !digits)
      return absl::InvalidArgumentError(absl::StrCat(variable, " must be 64 hexadecimal digits, or several such"));
    keys.push_back(absl::HexStringToBytes(hex));
  }
  return SigningKeys(std::move(keys), std::move(purpose));
}

SigningKeys::SigningKeys(std::vector<std::string> keys, std::string purpose)
    : keys_(std::move(keys)), purpose_(std::move(purpose)) {}

std::string SigningKeys::Mac(const std::string& key, std::string_view bytes) const {
  std::string content = purpose_;
  if (!content.empty()) content.push_back('\0');
  content.append(bytes);
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(content.data()),
       content.size(), mac, &size);
  return {reinterpret_cast<const char*>(mac), size};
}

std::string SigningKeys::Sign(std::string_view bytes) const {
  return absl::WebSafeBase64Escape(Mac(keys_.front(), bytes).append(bytes));
}

std::optional<std::string> SigningKeys::Open(const std::string& text) const {
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(text, &bytes) || bytes.size() < kMacBytes) return std::nullopt;
  const std::string_view content = std::string_view(bytes).substr(kMacBytes);
  for (const auto& key : keys_)
    if (CRYPTO_memcmp(Mac(key, content).data(), bytes.data(), kMacBytes) == 0) return std::string(content);
  return std::nullopt;
}

}  // namespace civicmesh
