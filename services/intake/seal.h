// How what a person wrote leaves the process: encrypted (type.v1.Sealed), XChaCha20-Poly1305 with a random nonce.
//
//   auto sealer = Sealer::FromEnvironment();          // once; at start-up
//   *command.mutable_sealed() = sealer->Seal(text);
//   auto text = sealer->Open(state.sealed());
//
// One key for all until the vault gives each person a key of their own: CIVICMESH_DEV_SEAL_KEY, 64 hexadecimal digits,
// the same in all replicas; without it a built-in key that protects nothing, and says so in the log. Thread-safe.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace civicmesh::type::v1 {
class Sealed;
}

namespace civicmesh::intake {

class Sealer {
 public:
  using Key = std::array<unsigned char, 32>;

  // INVALID_ARGUMENT: the variable is set and is not a key; the message does not quote it.
  static absl::StatusOr<std::unique_ptr<Sealer>> FromEnvironment();
  // `key_id` names the key in what it seals.
  Sealer(const Key& key, std::string key_id);

  // Two seals of the same text differ.
  type::v1::Sealed Seal(std::string_view text) const;

  // FAILED_PRECONDITION: another key sealed it. DATA_LOSS: it was changed, or is no seal.
  absl::StatusOr<std::string> Open(const type::v1::Sealed& sealed) const;

  // A secret that follows from the key, a purpose and an input, 32 bytes: whoever lacks the key cannot tell it.
  std::string Derive(std::string_view purpose, std::string_view input) const;

 private:
  const Key key_;
  const std::string key_id_;
};

}  // namespace civicmesh::intake
