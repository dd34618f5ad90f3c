#include "services/runtime/objects/s3_signing.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/runtime/base/ids.h"

namespace civicmesh {
namespace {

constexpr char kAlgorithm[] = "AWS4-HMAC-SHA256";

std::string Mac(std::string_view key, std::string_view text) {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), mac, &size);
  return {reinterpret_cast<const char*>(mac), size};
}

// RFC 3986, as the signature wants it: capital digits, and nothing left as it is but what is unreserved.
std::string Encoded(std::string_view text, std::string_view also_left = "") {
  std::string encoded;
  for (unsigned char c : text) {
    if (absl::ascii_isalnum(c) || std::string_view("-._~").find(c) != std::string_view::npos ||
        also_left.find(c) != std::string_view::npos)
      encoded.push_back(static_cast<char>(c));
    else
      absl::StrAppend(&encoded, "%", absl::Hex(c >> 4), absl::Hex(c & 15));
  }
  for (size_t at = encoded.find('%'); at != std::string::npos; at = encoded.find('%', at + 1))
    for (size_t digit = at + 1; digit < at + 3; ++digit) encoded[digit] = absl::ascii_toupper(encoded[digit]);
  return encoded;
}

std::string Utc(const char* format, absl::Time time) { return absl::FormatTime(format, time, absl::UTCTimeZone()); }

// Who signs, when and for what.
struct Signer {
  Signer(const S3Place& place, const S3Login& who, absl::Time now)
      : login(who),
        region(place.region),
        day(Utc("%Y%m%d", now)),
        second(Utc("%Y%m%dT%H%M%SZ", now)),
        scope(absl::StrCat(day, "/", region, "/s3/aws4_request")) {}

  std::string credential() const { return absl::StrCat(login.access_key, "/", scope); }
  std::string Sign(std::string_view text) const {
    const std::string key = Mac(Mac(Mac(Mac("AWS4" + login.secret, day), region), "s3"), "aws4_request");
    return absl::BytesToHexString(Mac(key, text));
  }

  const S3Login& login;
  const std::string region, day, second, scope;
};

}  // namespace

absl::StatusOr<S3Login> ParseS3Login(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size())
    return absl::InvalidArgumentError("a login of the object store is ACCESSKEY:SECRET");
  return S3Login{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

std::string PresignedUrl(const S3Place& place, const S3Login& login, std::string_view method, std::string_view path,
                         std::map<std::string, std::string> parameters, absl::Duration expires, absl::Time now,
                         std::map<std::string, std::string> headers) {
  const Signer signer(place, login, now);
  headers["host"] = place.url.substr(place.url.find("://") + 3);
  std::string lines, names;
  for (auto& [name, value] : headers) {
    absl::RemoveExtraAsciiWhitespace(&value);
    absl::StrAppend(&lines, name, ":", value, "\n");
    absl::StrAppend(&names, names.empty() ? "" : ";", name);
  }
  parameters["X-Amz-Algorithm"] = kAlgorithm;
  parameters["X-Amz-Credential"] = signer.credential();
  parameters["X-Amz-Date"] = signer.second;
  parameters["X-Amz-Expires"] = absl::StrCat(absl::ToInt64Seconds(expires));
  parameters["X-Amz-SignedHeaders"] = names;
  const std::string query =
      absl::StrJoin(parameters, "&", [](std::string* out, const std::pair<const std::string, std::string>& one) {
        absl::StrAppend(out, Encoded(one.first), "=", Encoded(one.second));
      });
  const std::string encoded_path = Encoded(path, "/");
  const std::string request = absl::StrCat(std::string(method), "\n", encoded_path, "\n", query, "\n", lines, "\n",
                                           names, "\nUNSIGNED-PAYLOAD");
  const std::string signature = signer.Sign(
      absl::StrCat(kAlgorithm, "\n", signer.second, "\n", signer.scope, "\n", absl::BytesToHexString(Sha256(request))));
  return absl::StrCat(place.url, encoded_path, "?", query, "&X-Amz-Signature=", signature);
}

S3Form PresignedForm(const S3Place& place, const S3Login& login, const std::string& bucket, const std::string& key,
                     const std::string& content_type, int64_t size_bytes, absl::Duration expires, absl::Time now) {
  const Signer signer(place, login, now);
  S3Form form{.url = absl::StrCat(place.url, "/", bucket),
              .fields = {{"key", key},
                         {"Content-Type", content_type},
                         {"x-amz-algorithm", kAlgorithm},
                         {"x-amz-credential", signer.credential()},
                         {"x-amz-date", signer.second}}};
  nlohmann::json conditions = nlohmann::json::array({{{"bucket", bucket}}});
  for (const auto& [name, value] : form.fields) conditions.push_back({{name, value}});
  conditions.push_back({"content-length-range", size_bytes, size_bytes});
  const nlohmann::json policy = {{"expiration", Utc("%Y-%m-%dT%H:%M:%SZ", now + expires)}, {"conditions", conditions}};
  form.fields["policy"] = absl::Base64Escape(policy.dump());
  form.fields["x-amz-signature"] = signer.Sign(form.fields["policy"]);
  return form;
}

}  // namespace civicmesh
