// The keys that wrap the keys of persons. Who has them and the topic of keys can read everything; whoever loses them
// has lost, for good, everything that people wrote: nothing else opens it. Keep a copy apart from the installation.
//
//   auto masters = MasterKeys::FromEnvironment();          // once; at start-up
//   v1::WrappedKey wrapped = masters->Wrap(key, record_key);
//   auto key = masters->Unwrap(wrapped, record_key);
//
// CIVICMESH_MASTER_KEYS: 64 hexadecimal digits, the same in all replicas; several with commas between them while keys
// are changed: the first wraps, each unwraps. Every replica wraps anew under the first, once a minute, what another one
// wrapped (vault.h), and says in the log when nothing is left of it: once all replicas have the new key, and each has
// said so, the old one may go. Without the variable a built-in key, which protects nothing, and says so in the log.
// Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/intake/vault/aead.h"

namespace civicmesh::intake {

namespace v1 {
class WrappedKey;
}

class MasterKeys {
 public:
  // INVALID_ARGUMENT: the variable is set and holds something else than keys; the message does not quote it.
  static absl::StatusOr<std::unique_ptr<MasterKeys>> FromEnvironment();
  // At least one.
  explicit MasterKeys(std::vector<AeadKey> keys);

  // `record_key` is where the wrapped key will stand: moved elsewhere it does not open.
  v1::WrappedKey Wrap(const AeadKey& key, std::string_view record_key) const;
  // FAILED_PRECONDITION: its master key is not among these; names it. DATA_LOSS: it was changed, or moved.
  absl::StatusOr<AeadKey> Unwrap(const v1::WrappedKey& wrapped, std::string_view record_key) const;

  // Of the key that wraps, as "m-4f0c11aa".
  const std::string& first_id() const { return keys_.front().id; }

 private:
  struct Named {
    std::string id;
    AeadKey key;
  };
  std::vector<Named> keys_;
};

}  // namespace civicmesh::intake
