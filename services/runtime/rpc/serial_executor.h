// Runs what may block a little, one after the other, on one thread of its own, so that gRPC's threads need not.
//
// Thread-safe. The destructor waits for the task under way and drops the rest (their destructors run).
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <utility>

#include "absl/synchronization/mutex.h"

namespace civicmesh {

class SerialExecutor {
 public:
  explicit SerialExecutor(size_t max_queued) : max_queued_(max_queued), thread_([this] { Run(); }) {}
  ~SerialExecutor() {
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
    }
    thread_.join();
  }

  // False: too much is queued, and `task` was not taken.
  bool Post(std::function<void()> task) {
    absl::MutexLock lock(&mutex_);
    if (stopping_ || tasks_.size() >= max_queued_) return false;
    tasks_.push_back(std::move(task));
    return true;
  }

 private:
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stopping_ || !tasks_.empty(); }
  void Run() {
    while (true) {
      std::function<void()> task;
      {
        absl::MutexLock lock(&mutex_);
        mutex_.Await(absl::Condition(this, &SerialExecutor::HasWork));
        if (stopping_) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
    }
  }

  const size_t max_queued_;
  absl::Mutex mutex_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace civicmesh
