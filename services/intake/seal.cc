#include "services/intake/seal.h"

#include <sodium.h>

#include <cstdlib>
#include <utility>

#include "absl/strings/escaping.h"
#include "civicmesh/type/v1/type.pb.h"
#include "services/runtime/base/log.h"
#include "services/runtime/base/secrets.h"

namespace civicmesh::intake {
namespace {

constexpr char kVariable[] = "CIVICMESH_DEV_SEAL_KEY";
constexpr char kBuiltIn[] = "civicmesh built-in development k";
constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

// Follows from the key, so that two keys never go by one name.
std::string IdOf(const Sealer::Key& key) {
  std::string digest(crypto_generichash_BYTES_MIN, '\0');
  crypto_generichash(Bytes(digest), digest.size(), key.data(), key.size(), nullptr, 0);
  return "dev-" + absl::BytesToHexString(digest.substr(0, 4));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Sealer>> Sealer::FromEnvironment() {
  Key key;
  const auto given = SecretFromEnvironment(kVariable);
  if (!given.ok()) return given.status();
  if (const std::string_view text = *given; !text.empty()) {
    size_t size = 0;
    if (text.size() != 2 * key.size() ||
        sodium_hex2bin(key.data(), key.size(), text.data(), text.size(), nullptr, &size, nullptr) != 0 ||
        size != key.size())
      return absl::InvalidArgumentError(std::string(kVariable) + " must be 64 hexadecimal digits");
  } else {
    std::copy_n(kBuiltIn, key.size(), key.begin());
    Log(Severity::kWarning, "personal data is sealed with the built-in key, which protects nothing",
        {{"variable", kVariable}});
  }
  return std::make_unique<Sealer>(key, IdOf(key));
}

Sealer::Sealer(const Key& key, std::string key_id) : key_(key), key_id_(std::move(key_id)) {
  if (sodium_init() < 0) std::abort();  // the machine has no randomness
}

type::v1::Sealed Sealer::Seal(std::string_view text) const {
  std::string out(kNonceBytes + text.size() + kTagBytes, '\0');
  randombytes_buf(out.data(), kNonceBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(Bytes(out) + kNonceBytes, nullptr, Bytes(text), text.size(),
                                             Bytes(key_id_), key_id_.size(), nullptr, Bytes(out), key_.data());
  type::v1::Sealed sealed;
  sealed.set_ciphertext(std::move(out));
  sealed.set_key_id(key_id_);
  return sealed;
}

absl::StatusOr<std::string> Sealer::Open(const type::v1::Sealed& sealed) const {
  if (sealed.key_id() != key_id_) return absl::FailedPreconditionError("sealed with another key");
  const std::string& in = sealed.ciphertext();
  if (in.size() < kNonceBytes + kTagBytes) return absl::DataLossError("too short to be sealed");
  std::string text(in.size() - kNonceBytes - kTagBytes, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(Bytes(text), nullptr, nullptr, Bytes(in) + kNonceBytes,
                                                 in.size() - kNonceBytes, Bytes(key_id_), key_id_.size(), Bytes(in),
                                                 key_.data()) != 0)
    return absl::DataLossError("what was sealed has been changed");
  return text;
}

std::string Sealer::Derive(std::string_view purpose, std::string_view input) const {
  // The purpose's length in front keeps ("ab", "c") and ("a", "bc") apart.
  const std::string message = std::to_string(purpose.size()) + ":" + std::string(purpose) + std::string(input);
  std::string out(32, '\0');
  crypto_generichash(Bytes(out), out.size(), Bytes(std::string_view(message)), message.size(), key_.data(),
                     key_.size());
  return out;
}

}  // namespace civicmesh::intake
