// The one key that a city had before the vault gave each person a key. It still opens what was sealed with it, and
// tracking codes follow from it.
//
// CIVICMESH_DEV_SEAL_KEY, 64 hexadecimal digits, the same in all replicas; without it a built-in key that protects
// nothing, and says so in the log. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/intake/vault/aead.h"

namespace civicmesh::type::v1 {
class Sealed;
}

namespace civicmesh::intake {

class CityKey {
 public:
  // INVALID_ARGUMENT: the variable is set and is not a key; the message does not quote it.
  static absl::StatusOr<std::unique_ptr<CityKey>> FromEnvironment();
  explicit CityKey(const AeadKey& key);

  // Whether a city's key sealed it, this one or another.
  static bool Sealed(std::string_view key_id);
  // FAILED_PRECONDITION: another key sealed it. DATA_LOSS: it was changed, or is no seal.
  absl::StatusOr<std::string> Open(const type::v1::Sealed& sealed) const;

  // A secret that follows from the key, a purpose and an input, 32 bytes: whoever lacks the key cannot tell it.
  std::string Derive(std::string_view purpose, std::string_view input) const;

 private:
  const AeadKey key_;
  const std::string key_id_;
};

}  // namespace civicmesh::intake
