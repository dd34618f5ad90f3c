// The object store: whole objects by bucket and key.
//
// S3ObjectStore (s3_object_store.h) and the in-memory twin pass the same suite (object_store_contract.h). Any thread;
// every call blocks, for at most some seconds. UNAVAILABLE: it did not answer, and what was to be done may have been.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace civicmesh {

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // NOT_FOUND; OUT_OF_RANGE: it has more than `max_bytes`.
  virtual absl::StatusOr<std::string> Get(const std::string& bucket, const std::string& key, size_t max_bytes) = 0;

  // What is under that key is replaced as a whole: readers see the old or the new one.
  virtual absl::Status Put(const std::string& bucket, const std::string& key, const std::string& bytes,
                           const std::string& content_type) = 0;

  // OK also where there was none.
  virtual absl::Status Delete(const std::string& bucket, const std::string& key) = 0;

  struct Listed {
    std::string key;
    absl::Time modified;
  };
  // The first keys, in their order, that begin with `prefix` and come after `after`; fewer than `max` at the end. `max`
  // is 1 to 1000.
  virtual absl::StatusOr<std::vector<Listed>> List(const std::string& bucket, const std::string& prefix,
                                                   const std::string& after, int max) = 0;
};

}  // namespace civicmesh
