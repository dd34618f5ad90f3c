#include "services/intake/vault/aead.h"

#include <sodium.h>

#include <cstdlib>

#include "absl/strings/escaping.h"

namespace civicmesh::intake {
namespace {

constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(std::tuple_size_v<AeadKey> == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

void FillRandomly(void* bytes, size_t size) {
  static const bool ready = sodium_init() >= 0;
  if (!ready) std::abort();
  randombytes_buf(bytes, size);
}

}  // namespace

AeadKey RandomAeadKey() {
  AeadKey key;
  FillRandomly(key.data(), key.size());
  return key;
}

std::string RandomId() {
  std::string id(16, '\0');
  FillRandomly(id.data(), id.size());
  return id;
}

std::string AeadSeal(const AeadKey& key, std::string_view context, std::string_view text) {
  std::string out(kNonceBytes + text.size() + kTagBytes, '\0');
  FillRandomly(out.data(), kNonceBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(Bytes(out) + kNonceBytes, nullptr, Bytes(text), text.size(),
                                             Bytes(context), context.size(), nullptr, Bytes(out), key.data());
  return out;
}

std::optional<std::string> AeadOpen(const AeadKey& key, std::string_view context, std::string_view sealed) {
  if (sealed.size() < kNonceBytes + kTagBytes) return std::nullopt;
  std::string text(sealed.size() - kNonceBytes - kTagBytes, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(Bytes(text), nullptr, nullptr, Bytes(sealed) + kNonceBytes,
                                                 sealed.size() - kNonceBytes, Bytes(context), context.size(),
                                                 Bytes(sealed), key.data()) != 0)
    return std::nullopt;
  return text;
}

std::optional<AeadKey> AeadKeyFromHex(std::string_view hex) {
  AeadKey key;
  size_t size = 0;
  if (hex.size() != 2 * key.size() ||
      sodium_hex2bin(key.data(), key.size(), hex.data(), hex.size(), nullptr, &size, nullptr) != 0 ||
      size != key.size())
    return std::nullopt;
  return key;
}

std::string AeadKeyName(const AeadKey& key) {
  std::string digest(crypto_generichash_BYTES_MIN, '\0');
  crypto_generichash(Bytes(digest), digest.size(), key.data(), key.size(), nullptr, 0);
  return absl::BytesToHexString(digest.substr(0, 4));
}

}  // namespace civicmesh::intake
