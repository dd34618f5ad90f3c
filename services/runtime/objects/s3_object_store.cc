#include "services/runtime/objects/s3_object_store.h"

#include <algorithm>
#include <pugixml.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace civicmesh {
namespace {

constexpr absl::Duration kSignatureLife = absl::Minutes(1);
constexpr size_t kLongestRefusal = 64 << 10;
constexpr absl::Duration kLongestSilence = absl::Minutes(1);
constexpr char kContentType[] = "content-type";
constexpr char kMetadata[] = "x-amz-meta-";

absl::Status StatusOf(const HttpAnswer& answer) {
  if (answer.status >= 200 && answer.status < 300) return absl::OkStatus();
  if (answer.status == 404) return absl::NotFoundError("there is no such object");
  return absl::UnavailableError(absl::StrCat("the object store answered ", answer.status));
}

// A line's end in it would begin another header.
bool IsHeader(std::string_view name, std::string_view value) {
  const auto in_name = [](char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.'; };
  const auto in_value = [](char c) { return !absl::ascii_iscntrl(c); };
  return std::all_of(name.begin(), name.end(), in_name) && std::all_of(value.begin(), value.end(), in_value);
}

}  // namespace

absl::StatusOr<HttpAnswer> S3ObjectStore::Send(HttpRequest request, const std::string& path,
                                               std::map<std::string, std::string> parameters,
                                               const std::map<std::string, std::string>& signed_headers) {
  request.url =
      PresignedUrl(place_, login_, request.method, path, std::move(parameters), kSignatureLife, now_(), signed_headers);
  for (const auto& [name, value] : signed_headers) request.headers.push_back(absl::StrCat(name, ": ", value));
  auto answer = http_.Send(request);
  if (!answer.ok()) return answer;
  if (auto status = StatusOf(*answer); !status.ok()) return status;
  return answer;
}

absl::StatusOr<std::string> S3ObjectStore::Get(const std::string& bucket, const std::string& key, size_t max_bytes) {
  auto answer = Send({.method = "GET", .max_answer_bytes = std::max(max_bytes, kLongestRefusal)},
                     absl::StrCat("/", bucket, "/", key));
  if (!answer.ok()) return answer.status();
  if (answer->body.size() > max_bytes) return absl::OutOfRangeError("the object is larger than asked for");
  return std::move(answer->body);
}

absl::Status S3ObjectStore::Put(const std::string& bucket, const std::string& key, const std::string& bytes,
                                const std::string& content_type) {
  return Send({.method = "PUT", .headers = {absl::StrCat("content-type: ", content_type)}, .body = bytes},
              absl::StrCat("/", bucket, "/", key))
      .status();
}

absl::StatusOr<ObjectFacts> S3ObjectStore::Read(const std::string& bucket, const std::string& key, const Take& take) {
  auto answer = Send({.method = "GET", .max_answer_bytes = kLongestRefusal, .take = take, .wait = kLongestSilence},
                     absl::StrCat("/", bucket, "/", key));
  if (!answer.ok()) return answer.status();
  ObjectFacts facts{.content_type = "binary/octet-stream", .metadata = {}};  // S3's own, where nobody gave one
  for (const auto& [name, value] : answer->headers) {
    if (name == kContentType) facts.content_type = value;
    if (name.starts_with(kMetadata)) facts.metadata[name.substr(sizeof kMetadata - 1)] = value;
  }
  return facts;
}

absl::Status S3ObjectStore::Write(const std::string& bucket, const std::string& key, const ObjectFacts& facts,
                                  std::istream& from, int64_t size) {
  std::map<std::string, std::string> headers = {{kContentType, facts.content_type}};
  for (const auto& [name, value] : facts.metadata) headers[absl::StrCat(kMetadata, name)] = value;
  for (const auto& [name, value] : headers)
    if (!IsHeader(name, value)) return absl::InvalidArgumentError(absl::StrCat("no header of HTTP: ", name));
  return Send({.method = "PUT", .stream = &from, .stream_bytes = size, .wait = kLongestSilence},
              absl::StrCat("/", bucket, "/", key), {}, headers)
      .status();
}

absl::Status S3ObjectStore::Delete(const std::string& bucket, const std::string& key) {
  const absl::Status deleted = Send({.method = "DELETE"}, absl::StrCat("/", bucket, "/", key)).status();
  return absl::IsNotFound(deleted) ? absl::OkStatus() : deleted;
}

absl::StatusOr<std::vector<ObjectStore::Listed>> S3ObjectStore::List(const std::string& bucket,
                                                                     const std::string& prefix,
                                                                     const std::string& after, int max) {
  std::map<std::string, std::string> parameters = {
      {"list-type", "2"}, {"prefix", prefix}, {"max-keys", absl::StrCat(max)}};
  if (!after.empty()) parameters["start-after"] = after;
  auto answer = Send({.method = "GET"}, absl::StrCat("/", bucket), std::move(parameters));
  if (!answer.ok()) return answer.status();
  pugi::xml_document document;
  if (!document.load_buffer(answer->body.data(), answer->body.size()))
    return absl::UnavailableError("the object store's list is no XML");
  std::vector<Listed> listed;
  for (const pugi::xml_node& one : document.child("ListBucketResult").children("Contents")) {
    Listed object{.key = one.child_value("Key")};
    if (!absl::SimpleAtoi(one.child_value("Size"), &object.size))
      return absl::UnavailableError("the object store's list has no sizes");
    std::string why;
    if (!absl::ParseTime(absl::RFC3339_full, one.child_value("LastModified"), &object.modified, &why))
      return absl::UnavailableError(absl::StrCat("the object store's list has no times: ", why));
    listed.push_back(std::move(object));
  }
  return listed;
}

}  // namespace civicmesh
