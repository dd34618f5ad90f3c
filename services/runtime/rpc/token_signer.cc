#include "services/runtime/rpc/token_signer.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "services/runtime/base/ids.h"

namespace civicmesh {
namespace {

constexpr size_t kCoordinateBytes = 32;
constexpr size_t kKidBytes = 8;

std::string Base64Url(std::string_view bytes) {
  return absl::WebSafeBase64Escape(absl::string_view(bytes.data(), bytes.size()));
}

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;

}  // namespace

struct TokenSigner::Key {
  explicit Key(EVP_PKEY* k) : pkey(k) {}
  ~Key() { EVP_PKEY_free(pkey); }
  Key(const Key&) = delete;

  // x and y, 32 bytes each.
  std::string Point() const {
    unsigned char point[1 + 2 * kCoordinateBytes];
    size_t size = 0;
    EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, sizeof point, &size);
    return std::string(reinterpret_cast<char*>(point) + 1, sizeof point - 1);
  }

  EVP_PKEY* const pkey;
};

TokenSigner::TokenSigner(std::shared_ptr<const Key> key, std::string kid) : key_(std::move(key)), kid_(std::move(kid)) {
  if (kid_.empty()) kid_ = absl::BytesToHexString(Sha256(key_->Point()).substr(0, kKidBytes));
}

TokenSigner TokenSigner::Generate(std::string kid) {
  return TokenSigner(std::make_shared<const Key>(EVP_EC_gen("P-256")), std::move(kid));
}

absl::StatusOr<TokenSigner> TokenSigner::FromPem(std::string_view pem, std::string kid) {
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  EVP_PKEY* pkey = PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr);
  if (pkey == nullptr) return absl::InvalidArgumentError("not a private key in PEM");
  auto key = std::make_shared<const Key>(pkey);
  char group[32] = "";
  size_t size = 0;
  EVP_PKEY_get_group_name(pkey, group, sizeof group, &size);
  if (std::string_view(group) != "prime256v1") return absl::InvalidArgumentError("not a key on P-256");
  return TokenSigner(std::move(key), std::move(kid));
}

std::string TokenSigner::Pem() const {
  Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key_->pkey, nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

std::string TokenSigner::Jwks() const {
  const std::string point = key_->Point();
  const nlohmann::json key{{"kty", "EC"},
                           {"crv", "P-256"},
                           {"use", "sig"},
                           {"alg", "ES256"},
                           {"kid", kid_},
                           {"x", Base64Url(point.substr(0, kCoordinateBytes))},
                           {"y", Base64Url(point.substr(kCoordinateBytes))}};
  return nlohmann::json{{"keys", nlohmann::json::array({key})}}.dump();
}

std::string TokenSigner::Token(std::string_view claims) const {
  return Sign(nlohmann::json{{"alg", "ES256"}, {"typ", "JWT"}, {"kid", kid_}}.dump(), claims);
}

std::string TokenSigner::Sign(std::string_view header, std::string_view claims) const {
  const std::string text = absl::StrCat(Base64Url(header), ".", Base64Url(claims));
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_->pkey);
  unsigned char der[80];  // at most 72 on P-256
  size_t size = sizeof der;
  EVP_DigestSign(context.get(), der, &size, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  const unsigned char* at = der;
  std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)),
                                                                  ECDSA_SIG_free);
  unsigned char raw[2 * kCoordinateBytes];
  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), raw, kCoordinateBytes);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), raw + kCoordinateBytes, kCoordinateBytes);
  return absl::StrCat(text, ".", Base64Url({reinterpret_cast<char*>(raw), sizeof raw}));
}

}  // namespace civicmesh
