#include "services/runtime/base/ids.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "absl/strings/ascii.h"

namespace civicmesh {
namespace {

constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr int kDigits = 16;

void AppendLength(std::string& to, std::string_view part) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<char>(part.size() >> shift));
  to.append(part);
}

}  // namespace

std::string Sha256(std::string_view bytes) {
  // SHA256() would look the algorithm up anew for each call, which costs more than a short text's digest.
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(out.data()), nullptr, algorithm, nullptr);
  return out;
}

std::string IdDigits(std::string_view digest) {
  std::string digits;
  for (int i = 0; i < kDigits; ++i) digits.push_back(kAlphabet[static_cast<unsigned char>(digest[i]) & 31]);
  return digits;
}

std::string MakeId(std::string_view prefix, int shard, std::string_view seed) {
  std::string id(prefix);
  id.push_back('-');
  id.push_back(kAlphabet[(shard >> 5) & 31]);
  id.push_back(kAlphabet[shard & 31]);
  id.append(IdDigits(Sha256(seed)));
  return id;
}

std::optional<int> ShardOfId(std::string_view prefix, std::string_view id) {
  if (id.size() != prefix.size() + 1 + 2 + kDigits || id.substr(0, prefix.size()) != prefix || id[prefix.size()] != '-')
    return std::nullopt;
  for (char c : id.substr(prefix.size() + 1))
    if (kAlphabet.find(c) == std::string_view::npos) return std::nullopt;
  return static_cast<int>(kAlphabet.find(id[prefix.size() + 1]) << 5 | kAlphabet.find(id[prefix.size() + 2]));
}

std::optional<int64_t> UuidV7Time(std::string_view uuid) {
  if (uuid.size() != 36 || uuid[14] != '7') return std::nullopt;
  int64_t time = 0;
  for (size_t i = 0; i < uuid.size(); ++i) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (uuid[i] == '-') || (!dash && !absl::ascii_isxdigit(uuid[i]))) return std::nullopt;
    if (dash || i > 12) continue;
    char c = absl::ascii_tolower(uuid[i]);
    time = time << 4 | (c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return time;
}

std::string CommandId(std::string_view subject, std::string_view method, std::string_view routing_key,
                      std::string_view request_id) {
  std::string joined;
  for (std::string_view part : {subject, method, routing_key, request_id}) AppendLength(joined, part);
  return Sha256(joined);
}

}  // namespace civicmesh
