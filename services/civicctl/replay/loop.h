// The one thread on which a replay thinks: work that other threads hand over, and work for later.
//
// Post is thread-safe; everything else belongs to the thread that calls RunUntil.
#pragma once

#include <deque>
#include <functional>
#include <map>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace civicmesh::civicctl {

class Loop {
 public:
  using Work = std::function<void()>;

  void Post(Work work);
  // Real time, not business time.
  void After(absl::Duration wait, Work work);
  // Works, and waits for work, until `done` says so. It is asked after each piece of work.
  void RunUntil(const std::function<bool()>& done);

 private:
  Work Next();

  absl::Mutex mutex_;
  std::deque<Work> posted_ ABSL_GUARDED_BY(mutex_);
  std::multimap<absl::Time, Work> later_;
};

}  // namespace civicmesh::civicctl
