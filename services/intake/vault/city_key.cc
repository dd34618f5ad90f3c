#include "services/intake/vault/city_key.h"

#include <sodium.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "civicmesh/type/v1/type.pb.h"
#include "services/runtime/base/log.h"
#include "services/runtime/base/secrets.h"

namespace civicmesh::intake {
namespace {

constexpr char kVariable[] = "CIVICMESH_DEV_SEAL_KEY";
constexpr std::string_view kBuiltIn = "civicmesh built-in development k";
constexpr std::string_view kPrefix = "dev-";

}  // namespace

absl::StatusOr<std::unique_ptr<CityKey>> CityKey::FromEnvironment() {
  AeadKey key;
  const auto secret = SecretFromEnvironment(kVariable);
  if (!secret.ok()) return secret.status();
  if (!secret->empty()) {
    const auto given = AeadKeyFromHex(*secret);
    if (!given) return absl::InvalidArgumentError(absl::StrCat(kVariable, " must be 64 hexadecimal digits"));
    key = *given;
  } else {
    std::copy_n(kBuiltIn.begin(), key.size(), key.begin());
    Log(Severity::kWarning, "tracking codes are made with the built-in key, which anybody can",
        {{"variable", kVariable}});
  }
  return std::make_unique<CityKey>(key);
}

CityKey::CityKey(const AeadKey& key)
    : key_(key), key_id_(absl::StrCat(absl::string_view(kPrefix.data(), kPrefix.size()), AeadKeyName(key))) {}

bool CityKey::Sealed(std::string_view key_id) { return key_id.substr(0, kPrefix.size()) == kPrefix; }

absl::StatusOr<std::string> CityKey::Open(const type::v1::Sealed& sealed) const {
  if (sealed.key_id() != key_id_) return absl::FailedPreconditionError("sealed with another key");
  auto text = AeadOpen(key_, key_id_, sealed.ciphertext());
  if (!text) return absl::DataLossError("what was sealed has been changed");
  return *std::move(text);
}

std::string CityKey::Derive(std::string_view purpose, std::string_view input) const {
  // The purpose's length in front keeps ("ab", "c") and ("a", "bc") apart.
  const std::string message = std::to_string(purpose.size()) + ":" + std::string(purpose) + std::string(input);
  std::string out(32, '\0');
  crypto_generichash(reinterpret_cast<unsigned char*>(out.data()), out.size(),
                     reinterpret_cast<const unsigned char*>(message.data()), message.size(), key_.data(), key_.size());
  return out;
}

}  // namespace civicmesh::intake
