// The object store: whole objects by bucket and key.
//
// S3ObjectStore (s3_object_store.h) and the in-memory twin pass the same suite (object_store_contract.h). Any thread;
// every call blocks, for at most some seconds, but for Read and Write, which last as long as bytes come and go.
// UNAVAILABLE: it did not answer, and what was to be done may have been.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace civicmesh {

// What the store keeps with an object.
struct ObjectFacts {
  std::string content_type;
  std::map<std::string, std::string> metadata;  // names in lower case

  bool operator==(const ObjectFacts&) const = default;
};

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // NOT_FOUND; OUT_OF_RANGE: it has more than `max_bytes`.
  virtual absl::StatusOr<std::string> Get(const std::string& bucket, const std::string& key, size_t max_bytes) = 0;

  // What is under that key is replaced as a whole: readers see the old or the new one.
  virtual absl::Status Put(const std::string& bucket, const std::string& key, const std::string& bytes,
                           const std::string& content_type) = 0;

  // Gives `take` the object piece by piece, and returns what is known of it. NOT_FOUND: nothing was taken. What `take`
  // fails with ends it.
  using Take = std::function<absl::Status(std::string_view piece)>;
  virtual absl::StatusOr<ObjectFacts> Read(const std::string& bucket, const std::string& key, const Take& take) = 0;

  // As Put, with `size` bytes from the beginning of `from`. UNAVAILABLE also where it has fewer. INVALID_ARGUMENT: the
  // facts could not be headers of HTTP.
  virtual absl::Status Write(const std::string& bucket, const std::string& key, const ObjectFacts& facts,
                             std::istream& from, int64_t size) = 0;

  // OK also where there was none.
  virtual absl::Status Delete(const std::string& bucket, const std::string& key) = 0;

  struct Listed {
    std::string key;
    absl::Time modified;
    int64_t size = 0;
  };
  // The first keys, in their order, that begin with `prefix` and come after `after`; fewer than `max` at the end. `max`
  // is 1 to 1000.
  virtual absl::StatusOr<std::vector<Listed>> List(const std::string& bucket, const std::string& prefix,
                                                   const std::string& after, int max) = 0;
};

}  // namespace civicmesh
