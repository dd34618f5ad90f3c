#include "services/civicctl/replay/loop.h"

#include <utility>

#include "services/runtime/base/clock.h"

namespace civicmesh::civicctl {
namespace {

// Of the steady clock, so that a corrected wall clock moves nothing.
absl::Time Now() { return absl::FromUnixMillis(Clock::Real()->steady_ms()); }

}  // namespace

void Loop::Post(Work work) {
  absl::MutexLock lock(&mutex_);
  posted_.push_back(std::move(work));
}

void Loop::After(absl::Duration wait, Work work) { later_.emplace(Now() + wait, std::move(work)); }

Loop::Work Loop::Next() {
  while (true) {
    const absl::Duration wait = later_.empty() ? absl::InfiniteDuration() : later_.begin()->first - Now();
    if (wait <= absl::ZeroDuration()) {
      Work work = std::move(later_.begin()->second);
      later_.erase(later_.begin());
      return work;
    }
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(
                                +[](std::deque<Work>* posted) { return !posted->empty(); }, &posted_),
                            wait);
    if (posted_.empty()) continue;
    Work work = std::move(posted_.front());
    posted_.pop_front();
    return work;
  }
}

void Loop::RunUntil(const std::function<bool()>& done) {
  while (!done()) Next()();
}

}  // namespace civicmesh::civicctl
