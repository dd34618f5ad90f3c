#include "services/intake/receipt.h"

#include <sodium.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "civicmesh/intake/v1/intake_journal.pb.h"
#include "services/runtime/base/log.h"
#include "services/runtime/base/secrets.h"

namespace civicmesh::intake {
namespace {

constexpr char kVariable[] = "CIVICMESH_RECEIPT_KEYS";
constexpr char kBuiltIn[] = "civicmesh built-in receipts' key";
constexpr size_t kKeyBytes = crypto_auth_hmacsha256_KEYBYTES, kMacBytes = crypto_auth_hmacsha256_BYTES;
static_assert(sizeof kBuiltIn - 1 == kKeyBytes);

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

absl::StatusOr<std::unique_ptr<ReceiptKeys>> ReceiptKeys::FromEnvironment() {
  const auto given = SecretFromEnvironment(kVariable);
  if (!given.ok()) return given.status();
  if (given->empty()) {
    Log(Severity::kWarning, "receipts are signed with the built-in key, which anybody can forge",
        {{"variable", kVariable}});
    return std::make_unique<ReceiptKeys>(std::vector<std::string>{kBuiltIn});
  }
  std::vector<std::string> keys;
  for (absl::string_view hex : absl::StrSplit(*given, ',')) {
    const bool digits = std::all_of(hex.begin(), hex.end(), [](char c) { return absl::ascii_isxdigit(c); });
    if (hex.size() != 2 * kKeyBytes || !digits)
      return absl::InvalidArgumentError(absl::StrCat(kVariable, " must be 64 hexadecimal digits, or several such"));
    keys.push_back(absl::HexStringToBytes(hex));
  }
  return std::make_unique<ReceiptKeys>(std::move(keys));
}

ReceiptKeys::ReceiptKeys(std::vector<std::string> keys) : keys_(std::move(keys)) {}

std::string ReceiptKeys::Sign(const v1::Receipt& receipt) const {
  const std::string content = receipt.SerializeAsString();
  std::string mac(kMacBytes, '\0');
  crypto_auth_hmacsha256(reinterpret_cast<unsigned char*>(mac.data()), Bytes(content), content.size(),
                         Bytes(keys_.front()));
  return absl::WebSafeBase64Escape(absl::StrCat(mac, content));
}

std::optional<v1::Receipt> ReceiptKeys::Open(const std::string& text) const {
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(text, &bytes) || bytes.size() < kMacBytes) return std::nullopt;
  const std::string_view mac = std::string_view(bytes).substr(0, kMacBytes),
                         content = std::string_view(bytes).substr(kMacBytes);
  for (const auto& key : keys_) {
    v1::Receipt receipt;
    // Compares in constant time.
    if (crypto_auth_hmacsha256_verify(Bytes(mac), Bytes(content), content.size(), Bytes(key)) == 0 &&
        receipt.ParseFromArray(content.data(), static_cast<int>(content.size())))
      return receipt;
  }
  return std::nullopt;
}

}  // namespace civicmesh::intake
