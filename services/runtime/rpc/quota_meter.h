// Counts what each agency asks against its own quota: a bucket each, filled evenly, which holds a minute's calls. One
// that is empty slows nobody else.
//
// Of one replica of one service: an agency that is spread over three may ask three times as often. Thread-safe; nothing
// blocks but a lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace civicmesh {

class QuotaMeter {
 public:
  // Remembers so many subjects; the one that has asked least recently is forgotten first and begins anew.
  explicit QuotaMeter(size_t remembered = 10000) : remembered_(remembered) {}

  // Zero: the call is within the quota, and counted. Else after how long it would be; nothing is counted.
  // `per_minute` is positive, `steady_ms` the steady clock.
  absl::Duration Take(std::string_view subject, int per_minute, int64_t steady_ms);

  // How many calls have been taken and refused, since the start.
  std::pair<int64_t, int64_t> counts() const;

 private:
  struct Bucket {
    std::string subject;
    double left;
    int64_t filled_ms;
  };
  using Recent = std::list<Bucket>;  // the latest first

  Bucket& Of(std::string_view subject, int per_minute, int64_t steady_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t remembered_;
  mutable absl::Mutex mutex_;
  Recent recent_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, Recent::iterator> buckets_ ABSL_GUARDED_BY(mutex_);
  int64_t taken_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t refused_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace civicmesh
