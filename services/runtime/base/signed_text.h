// Words of our own that go out to a client and come back: what they say can be read by it, and not changed.
//
//   auto keys = SigningKeys::FromEnvironment("CIVICMESH_RECEIPT_KEYS", "receipt");   // once; at start-up
//   std::string text = keys->Sign(bytes);
//   std::optional<std::string> bytes = keys->Open(text);
//
// HMAC-SHA-256 under keys of 64 hexadecimal digits, the same in all replicas; several with commas between them while
// keys are changed: the first signs, each is taken. Thread-safe; nothing blocks.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace civicmesh {

class SigningKeys {
 public:
  // As the variable, or the file that it names (secrets.h), has them; none where it is not set, and then Sign must not
  // be called and Open takes nothing. INVALID_ARGUMENT: it holds something else than keys; the message does not quote
  // it.
  static absl::StatusOr<SigningKeys> FromEnvironment(const std::string& variable, std::string purpose);
  // 32 bytes each. What was signed for one purpose is not taken for another.
  SigningKeys(std::vector<std::string> keys, std::string purpose);

  bool empty() const { return keys_.empty(); }

  // Stands in addresses and JSON as it is: 44 characters and four for every three bytes.
  std::string Sign(std::string_view bytes) const;

  // Nullopt: not signed with one of our keys for this purpose, or changed since.
  std::optional<std::string> Open(const std::string& text) const;

 private:
  std::string Mac(const std::string& key, std::string_view bytes) const;

  std::vector<std::string> keys_;
  std::string purpose_;
};

}  // namespace civicmesh
