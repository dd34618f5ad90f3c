#include "services/runtime/rpc/auth.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <cmath>
#include <list>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "civicmesh/options/v1/options.pb.h"
#include "services/runtime/base/ids.h"

// The JWT itself is read here and not by a library: Debian's cpp-jwt asks the machine's clock, knows the audience only
// as one string, asserts on malformed text and leaks keys. The cryptography is OpenSSL's.
namespace civicmesh {
namespace {

using Json = nlohmann::json;
template <typename T, void (*F)(T*)>
struct Freed {
  void operator()(T* t) const { F(t); }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;

constexpr size_t kMaxTokenBytes = 8 * 1024;
constexpr size_t kCoordinate = 32;
constexpr absl::Duration kSkew = absl::Seconds(60);
constexpr absl::Duration kLongestOneTime = absl::Minutes(10);
constexpr char kUse[] = "civicmesh_use";

absl::Status Refused(const char* why) { return absl::UnauthenticatedError(why); }

Json ParseJson(std::string_view text) { return Json::parse(text, nullptr, /*allow_exceptions=*/false); }

std::string StringAt(const Json& object, const char* name) {
  auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

// Strict base64url without padding: another spelling of the same bytes would be another cache entry, or worse.
std::optional<std::string> Decode(const std::string& text) {
  if (text.empty() || text.find_first_of("=+/ \t\r\n") != std::string::npos) return std::nullopt;
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(text, &bytes)) return std::nullopt;
  return bytes;
}

// A P-256 key from its JWK coordinates; null when they are not a point of the curve.
Key MakeKey(const std::string& x, const std::string& y) {
  if (x.size() != kCoordinate || y.size() != kCoordinate) return nullptr;
  const std::string point = absl::StrCat("\x04", x, y);
  std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM, OSSL_PARAM_free>> params(OSSL_PARAM_BLD_to_param(builder.get()));
  std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX, EVP_PKEY_CTX_free>> context(
      EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    return nullptr;
  return Key(key);
}

// JWS keeps an ECDSA signature as r and s, 32 bytes each; OpenSSL wants DER.
bool SignatureHolds(EVP_PKEY* key, std::string_view signed_text, const std::string& signature) {
  if (signature.size() != 2 * kCoordinate) return false;
  std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG, ECDSA_SIG_free>> sig(ECDSA_SIG_new());
  const auto* raw = reinterpret_cast<const unsigned char*>(signature.data());
  BIGNUM* r = BN_bin2bn(raw, kCoordinate, nullptr);
  BIGNUM* s = BN_bin2bn(raw + kCoordinate, kCoordinate, nullptr);
  if (!sig || ECDSA_SIG_set0(sig.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return false;
  }
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(sig.get(), &der);
  if (size <= 0) return false;
  std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX, EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  const bool holds =
      context && EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
      EVP_DigestVerify(context.get(), der, static_cast<size_t>(size),
                       reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size()) == 1;
  OPENSSL_free(der);
  return holds;
}

// NumericDate: seconds, possibly with a fraction. Dates beyond the year 9999 are no dates.
std::optional<absl::Time> TimeAt(const Json& claims, const char* name) {
  auto it = claims.find(name);
  if (it == claims.end() || !it->is_number()) return std::nullopt;
  const double seconds = it->get<double>();
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 253402300799.0) return std::nullopt;
  return absl::FromUnixSeconds(static_cast<int64_t>(seconds));
}

// A citizen's app may least; an agency has its quota beside what the console has.
int Narrowness(ClientKind kind) {
  constexpr ClientKind kWidestFirst[] = {ClientKind::kAny, ClientKind::kStaff, ClientKind::kAgency,
                                         ClientKind::kCitizen};
  return static_cast<int>(std::find(std::begin(kWidestFirst), std::end(kWidestFirst), kind) - kWidestFirst);
}

// The kind of client that the claim aud names, the narrowest where it names several; none where it names none of ours.
std::optional<ClientKind> ClientOf(const Json& claims, const AuthOptions& options) {
  std::set<std::string> named;
  if (auto it = claims.find("aud"); it != claims.end() && it->is_string()) {
    named.insert(it->get<std::string>());
  } else if (it != claims.end() && it->is_array()) {
    for (const Json& one : *it)
      if (one.is_string()) named.insert(one.get<std::string>());
  }
  std::optional<ClientKind> found;
  if (!options.audience.empty() && named.count(options.audience)) found = ClientKind::kAny;
  for (const auto& [audience, kind] : options.audiences)
    if (named.count(audience) && (!found || Narrowness(kind) > Narrowness(*found))) found = kind;
  return found;
}

std::vector<Post> PostsIn(const Json& claims) {
  std::vector<Post> posts;
  auto it = claims.find("roles");
  if (it == claims.end() || !it->is_array()) return posts;
  for (const Json& one : *it) {
    options::v1::Role role = options::v1::ROLE_UNSPECIFIED;
    if (one.is_string() && options::v1::Role_Parse(absl::StrCat("ROLE_", one.get<std::string>()), &role) &&
        role != options::v1::ROLE_UNSPECIFIED)
      posts.push_back(
          {.role = one.get<std::string>(), .unit = StringAt(claims, "unit"), .area = StringAt(claims, "area")});
  }
  return posts;
}

struct Verified {
  TokenHolder holder;
  absl::Time from;
  absl::Time until;
};

}  // namespace

struct TokenVerifier::Impl {
  AuthOptions options;
  using Keys = std::map<std::string, Key>;  // by kid

  using Recent = std::list<std::pair<std::string, Verified>>;  // the latest first
  mutable absl::Mutex mutex;
  Recent recent ABSL_GUARDED_BY(mutex);
  absl::flat_hash_map<std::string, Recent::iterator> cache ABSL_GUARDED_BY(mutex);
  std::shared_ptr<const Keys> keys ABSL_GUARDED_BY(mutex);
  std::string jwks ABSL_GUARDED_BY(mutex);  // of keys
  absl::Time good_until ABSL_GUARDED_BY(mutex) = absl::InfinitePast();

  static absl::StatusOr<std::shared_ptr<const Keys>> ReadKeys(const std::string& jwks) {
    const Json set = ParseJson(jwks);
    if (!set.is_object() || !set.contains("keys") || !set["keys"].is_array())
      return absl::InvalidArgumentError("not a JSON Web Key Set");
    auto read = std::make_shared<Keys>();
    for (const Json& jwk : set["keys"])
      if (auto status = AddKey(jwk, *read); !status.ok()) return status;
    if (read->empty()) return absl::InvalidArgumentError("the key set holds no P-256 key");
    return std::shared_ptr<const Keys>(std::move(read));
  }

  static absl::Status AddKey(const Json& jwk, Keys& keys) {
    // A set with a secret in it was not meant for us to read, and who else has read it?
    if (jwk.is_object() && (jwk.contains("d") || jwk.contains("k")))
      return absl::InvalidArgumentError("the key set holds private keys");
    if (!jwk.is_object() || StringAt(jwk, "kty") != "EC" || StringAt(jwk, "crv") != "P-256") return absl::OkStatus();
    if (const std::string use = StringAt(jwk, "use"); !use.empty() && use != "sig") return absl::OkStatus();
    if (const std::string alg = StringAt(jwk, "alg"); !alg.empty() && alg != "ES256") return absl::OkStatus();
    auto x = Decode(StringAt(jwk, "x")), y = Decode(StringAt(jwk, "y"));
    Key key = x && y ? MakeKey(*x, *y) : nullptr;
    const std::string kid = StringAt(jwk, "kid");
    if (!key || kid.empty()) return absl::InvalidArgumentError(absl::StrCat("not a P-256 key with a kid: ", kid));
    if (!keys.emplace(kid, std::move(key)).second)
      return absl::InvalidArgumentError(absl::StrCat("two keys with the kid ", kid));
    return absl::OkStatus();
  }

  absl::StatusOr<std::shared_ptr<const Keys>> KeysAt(absl::Time now) const {
    absl::MutexLock lock(&mutex);
    if (!keys) return absl::UnavailableError("the issuer's key set has not been read yet");
    if (now >= good_until) return absl::UnavailableError("the issuer has not been reached for too long");
    return keys;
  }

  absl::StatusOr<Verified> Read(const std::string& token, const Keys& keys) const {
    const std::vector<std::string> parts = absl::StrSplit(token, '.');
    if (parts.size() != 3) return Refused("not a signed token");
    auto header_text = Decode(parts[0]), claims_text = Decode(parts[1]), signature = Decode(parts[2]);
    if (!header_text || !claims_text || !signature) return Refused("not a signed token");
    const Json header = ParseJson(*header_text);
    // A critical extension that we do not know must not be ignored (RFC 7515 section 4.1.11).
    if (!header.is_object() || StringAt(header, "alg") != "ES256" || header.contains("crit"))
      return Refused("not an ES256 token");
    auto key = keys.find(StringAt(header, "kid"));
    if (key == keys.end()) {
      if (options.unknown_key) options.unknown_key();
      return Refused("signed by an unknown key");
    }
    if (!SignatureHolds(key->second.get(), std::string_view(token).substr(0, token.rfind('.')), *signature))
      return Refused("the signature does not hold");
    return ReadClaims(ParseJson(*claims_text));
  }

  absl::StatusOr<Verified> ReadClaims(const Json& claims) const {
    if (!claims.is_object()) return Refused("the claims are not an object");
    if (StringAt(claims, "iss") != options.issuer) return Refused("from another issuer");
    const auto client = ClientOf(claims, options);
    if (!client) return Refused("for another audience");
    auto until = TimeAt(claims, "exp");
    if (!until) return Refused("without an expiry");
    Verified verified{.holder = {.subject = StringAt(claims, "sub"),
                                 .claimed = options.development ? PostsIn(claims) : std::vector<Post>(),
                                 .client = *client,
                                 .token_id = StringAt(claims, "jti")},
                      .from = absl::InfinitePast(),
                      .until = *until};
    for (const char* name : {"nbf", "iat"}) {
      if (!claims.contains(name)) continue;
      auto from = TimeAt(claims, name);
      if (!from) return Refused("with an unreadable time");
      verified.from = std::max(verified.from, *from);
      if (std::string_view(name) == "iat") verified.holder.issued_ms = absl::ToUnixMillis(*from);
    }
    // "policy:" and "timer" are the mesh's own actors.
    const std::string& subject = verified.holder.subject;
    if (subject.empty() || subject.size() > 256 || subject == "timer" || subject.rfind("policy:", 0) == 0)
      return Refused("without a subject");
    verified.holder.good_until = verified.until + kSkew;
    if (claims.contains(kUse))
      if (auto once = ReadUse(claims, verified); !once.ok()) return once;
    return verified;
  }

  static absl::Status ReadUse(const Json& claims, Verified& verified) {
    if (StringAt(claims, kUse) != "once") return Refused("for a use that is not known here");
    const auto issued = TimeAt(claims, "iat");
    if (!issued || verified.holder.token_id.empty() || verified.until - *issued > kLongestOneTime)
      return Refused("good once, but without an id, or for too long");
    verified.holder.one_time = true;
    return absl::OkStatus();
  }

  std::optional<Verified> Recall(const std::string& digest) {
    absl::MutexLock lock(&mutex);
    auto it = cache.find(digest);
    if (it == cache.end()) return std::nullopt;
    recent.splice(recent.begin(), recent, it->second);
    return it->second->second;
  }

  // Not what was verified by keys that have been rotated away meanwhile.
  void Remember(const std::string& digest, const Verified& verified, const std::shared_ptr<const Keys>& by) {
    absl::MutexLock lock(&mutex);
    if (cache.contains(digest) || by != keys) return;
    recent.emplace_front(digest, verified);
    cache[digest] = recent.begin();
    while (recent.size() > options.cached_tokens) Drop(std::prev(recent.end()));
  }

  void Forget(const std::string& digest) {
    absl::MutexLock lock(&mutex);
    if (auto it = cache.find(digest); it != cache.end()) Drop(it->second);
  }

  void Drop(Recent::iterator it) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    cache.erase(it->first);
    recent.erase(it);
  }
};

TokenVerifier::TokenVerifier(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TokenVerifier::~TokenVerifier() = default;

absl::StatusOr<std::unique_ptr<TokenVerifier>> TokenVerifier::Make(AuthOptions options) {
  if (options.issuer.empty() || (options.audience.empty() && options.audiences.empty()))
    return absl::InvalidArgumentError("tokens need an issuer and an audience");
  auto impl = std::make_unique<Impl>();
  const std::string jwks = std::move(options.jwks);
  impl->options = std::move(options);
  std::unique_ptr<TokenVerifier> made(new TokenVerifier(std::move(impl)));
  if (made->impl_->options.keys_come_later && jwks.empty()) return made;
  if (auto keys = made->Rotate(jwks); !keys.ok()) return keys;
  return made;
}

absl::Status TokenVerifier::Rotate(const std::string& jwks, absl::Time good_until) {
  auto keys = Impl::ReadKeys(jwks);
  if (!keys.ok()) return keys.status();
  absl::MutexLock lock(&impl_->mutex);
  impl_->good_until = good_until;
  if (impl_->keys && impl_->jwks == jwks) return absl::OkStatus();
  impl_->jwks = jwks;
  impl_->keys = *std::move(keys);
  impl_->recent.clear();
  impl_->cache.clear();
  return absl::OkStatus();
}

absl::StatusOr<TokenHolder> TokenVerifier::Verify(std::string_view token, absl::Time now) {
  if (token.size() > kMaxTokenBytes) return Refused("larger than a token may be");
  const auto keys = impl_->KeysAt(now);
  if (!keys.ok()) return keys.status();
  const std::string digest = Sha256(token);
  std::optional<Verified> known = impl_->Recall(digest);
  if (!known) {
    auto read = impl_->Read(std::string(token), **keys);
    if (!read.ok()) return read.status();
    known = *std::move(read);
    if (now < known->until + kSkew && !known->holder.one_time) impl_->Remember(digest, *known, *keys);
  }
  if (now >= known->until + kSkew) {
    impl_->Forget(digest);
    return Refused("expired");
  }
  if (now < known->from - kSkew) return Refused("not valid yet");
  return known->holder;
}

size_t TokenVerifier::cached() const {
  absl::MutexLock lock(&impl_->mutex);
  return impl_->recent.size();
}

absl::StatusOr<std::vector<Post>> RightsOf(const google::protobuf::MethodDescriptor* method,
                                           const std::vector<Post>* posts) {
  if (!method || !method->options().HasExtension(options::v1::access))
    return absl::PermissionDeniedError("nobody may call this method");
  const auto& access = method->options().GetExtension(options::v1::access);
  std::vector<Post> rights;
  if (!posts && !access.anonymous()) return Refused("no token was sent");
  if (!posts) return rights;
  for (const Post& post : *posts) {
    options::v1::Role role = options::v1::ROLE_UNSPECIFIED;
    if (!options::v1::Role_Parse(absl::StrCat("ROLE_", post.role), &role)) continue;
    for (const auto& right : access.rights()) {
      if (std::find(right.roles().begin(), right.roles().end(), role) == right.roles().end()) continue;
      rights.push_back(post);
      rights.back().scope = static_cast<Scope>(right.scope());
    }
  }
  if (rights.empty() && !access.anonymous())
    return absl::PermissionDeniedError("none of the caller's posts may call this method");
  return rights;
}

}  // namespace civicmesh
