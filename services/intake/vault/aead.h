// Authenticated encryption as intake uses it: XChaCha20-Poly1305 of libsodium, a random nonce in front of what it
// makes. Pure but for the nonce; thread-safe. The first use ends the process where the machine has no randomness.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace civicmesh::intake {

using AeadKey = std::array<unsigned char, 32>;

AeadKey RandomAeadKey();
// 16 random bytes.
std::string RandomId();

// `context` is authenticated, not kept: opening needs the same one.
std::string AeadSeal(const AeadKey& key, std::string_view context, std::string_view text);
// Nullopt: another key, another context, or it was changed.
std::optional<std::string> AeadOpen(const AeadKey& key, std::string_view context, std::string_view sealed);

// 64 hexadecimal digits; nullopt for anything else.
std::optional<AeadKey> AeadKeyFromHex(std::string_view hex);

// The first 8 hexadecimal digits of a digest of the key, by which it is called.
std::string AeadKeyName(const AeadKey& key);

}  // namespace civicmesh::intake
