// Addresses and forms of an S3-compatible store that are signed beforehand (AWS Signature Version 4, "Authenticating
// Requests: Using Query Parameters" and "Browser-Based Uploads Using POST"): who has one may do that one thing until it
// expires, and nothing else. The only way in which we speak to the store, so no client library is needed for it; Debian
// has none that signs so.
//
// Pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace civicmesh {

struct S3Login {
  std::string access_key;
  std::string secret;
};

// "ACCESSKEY:SECRET". INVALID_ARGUMENT: it is not; the message does not quote it.
absl::StatusOr<S3Login> ParseS3Login(std::string_view text);

struct S3Place {
  std::string url;  // "https://objects.city.example", as whoever is to use the signature will address it
  std::string region = "us-east-1";
};

// `path` as "/bucket/key", `parameters` not yet encoded. Up to seven days. `headers`, their names in lower case, have
// to be sent as they are; all that begin with x-amz- must be among them.
std::string PresignedUrl(const S3Place& place, const S3Login& login, std::string_view method, std::string_view path,
                         std::map<std::string, std::string> parameters, absl::Duration expires, absl::Time now,
                         std::map<std::string, std::string> headers = {});

struct S3Form {
  std::string url;
  std::map<std::string, std::string> fields;  // the file comes after them, as "file"
};

// Takes one file of that size and type for that key.
S3Form PresignedForm(const S3Place& place, const S3Login& login, const std::string& bucket, const std::string& key,
                     const std::string& content_type, int64_t size_bytes, absl::Duration expires, absl::Time now);

}  // namespace civicmesh
