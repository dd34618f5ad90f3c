// A key pair made on the spot, its key set, and tokens signed by it: for tests of whatever asks who calls.
#pragma once

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/escaping.h"

namespace civicmesh {

class TestIssuer {
 public:
  explicit TestIssuer(std::string kid = "k1") : kid_(std::move(kid)), key_(EVP_EC_gen("P-256")) {}
  ~TestIssuer() { EVP_PKEY_free(key_); }
  TestIssuer(const TestIssuer&) = delete;

  std::string Jwks() const {
    unsigned char point[65];
    size_t size = 0;
    EVP_PKEY_get_octet_string_param(key_, "encoded-pub-key", point, sizeof point, &size);
    const std::string bytes(reinterpret_cast<char*>(point), size);
    return nlohmann::json{{"keys",
                           {{{"kty", "EC"},
                             {"crv", "P-256"},
                             {"use", "sig"},
                             {"kid", kid_},
                             {"x", Encode(bytes.substr(1, 32))},
                             {"y", Encode(bytes.substr(33, 32))}}}}}
        .dump();
  }

  std::string Sign(const nlohmann::json& header, const nlohmann::json& claims) const {
    const std::string text = Encode(header.dump()) + "." + Encode(claims.dump());
    return text + "." + Encode(Signature(text));
  }
  std::string Token(const nlohmann::json& claims) const { return Sign({{"alg", "ES256"}, {"kid", kid_}}, claims); }

  static std::string Encode(const std::string& bytes) { return absl::WebSafeBase64Escape(bytes); }

 private:
  std::string Signature(const std::string& text) const {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key_);
    unsigned char der[80];
    size_t size = sizeof der;
    EVP_DigestSign(context, der, &size, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    EVP_MD_CTX_free(context);
    const unsigned char* at = der;
    ECDSA_SIG* sig = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size));
    std::string raw(64, '\0');
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), reinterpret_cast<unsigned char*>(raw.data()), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), reinterpret_cast<unsigned char*>(raw.data()) + 32, 32);
    ECDSA_SIG_free(sig);
    return raw;
  }

  const std::string kid_;
  EVP_PKEY* key_;
};

}  // namespace civicmesh
