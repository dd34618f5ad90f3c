// The object store over S3's API, with signed addresses (services/runtime/objects/s3_signing.h).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "services/runtime/base/http.h"
#include "services/runtime/objects/object_store.h"
#include "services/runtime/objects/s3_signing.h"

namespace civicmesh {

class S3ObjectStore : public ObjectStore {
 public:
  // `place` as this process reaches it, `now` the wall clock.
  S3ObjectStore(S3Place place, S3Login login, std::function<absl::Time()> now)
      : place_(std::move(place)), login_(std::move(login)), now_(std::move(now)) {}

  absl::StatusOr<std::string> Get(const std::string& bucket, const std::string& key, size_t max_bytes) override;
  absl::Status Put(const std::string& bucket, const std::string& key, const std::string& bytes,
                   const std::string& content_type) override;
  absl::StatusOr<ObjectFacts> Read(const std::string& bucket, const std::string& key, const Take& take) override;
  absl::Status Write(const std::string& bucket, const std::string& key, const ObjectFacts& facts, std::istream& from,
                     int64_t size) override;
  absl::Status Delete(const std::string& bucket, const std::string& key) override;
  absl::StatusOr<std::vector<Listed>> List(const std::string& bucket, const std::string& prefix,
                                           const std::string& after, int max) override;

 private:
  absl::StatusOr<HttpAnswer> Send(HttpRequest request, const std::string& path,
                                  std::map<std::string, std::string> parameters = {},
                                  const std::map<std::string, std::string>& signed_headers = {});

  const S3Place place_;
  const S3Login login_;
  const std::function<absl::Time()> now_;
  Http http_;
};

}  // namespace civicmesh
