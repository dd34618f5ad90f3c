// Once within a process: for tests. Forgets nothing, however long ago.
#pragma once

#include <set>
#include <string>

#include "absl/synchronization/mutex.h"
#include "services/runtime/hotstate/once.h"

namespace civicmesh {

class MemoryOnce : public Once {
 public:
  void Use(const std::string& id, absl::Duration, Done done) override {
    bool away, first;
    {
      absl::MutexLock lock(&mutex_);
      away = away_;
      first = !away && used_.insert(id).second;
    }
    done(away ? Result::kUnknown : first ? Result::kFirst : Result::kAgain);
  }

  // As a server that does not answer, until told otherwise.
  void SetAway(bool away) {
    absl::MutexLock lock(&mutex_);
    away_ = away;
  }
  void Wipe() {
    absl::MutexLock lock(&mutex_);
    used_.clear();
  }

 private:
  absl::Mutex mutex_;
  bool away_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<std::string> used_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace civicmesh
