#include "tests/bench/load.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "services/runtime/rpc/errors.h"

namespace civicmesh::bench {
namespace {

class Pump {
 public:
  Pump(const Plan& plan, const Start& start)
      : plan_(plan), start_(start), from_(absl::Now() + plan.warm), until_(from_ + plan.measured) {}

  Load Run() {
    open_ = plan_.in_flight;
    for (int i = 0; i < plan_.in_flight; ++i) Next();
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](Pump* p) { return p->open_ == 0; }, this));
    Load load;
    std::sort(millis_.begin(), millis_.end());
    load.good = static_cast<int64_t>(millis_.size());
    load.started = next_;
    load.failed = std::move(failed_);
    if (millis_.empty()) return load;
    const absl::Time last = plan_.calls > 0 ? last_ : until_;
    load.per_second = static_cast<double>(load.good) / absl::ToDoubleSeconds(last - from_);
    load.p50_ms = millis_[millis_.size() / 2];
    load.p99_ms = millis_[millis_.size() * 99 / 100];
    return load;
  }

 private:
  void Next() {
    const int64_t n = next_++;
    const absl::Time began = absl::Now();
    if (began >= until_ || (plan_.calls > 0 && n >= plan_.calls)) {
      absl::MutexLock lock(&mutex_);
      --open_;
      return;
    }
    start_(n, [this, began](const grpc::Status& status) {
      const absl::Time now = absl::Now();
      {
        absl::MutexLock lock(&mutex_);
        last_ = std::max(last_, now);
        if (!status.ok())
          ++failed_[absl::StrCat(status.error_code(), " ", ReasonOf(status))];
        else if (now >= from_ && now < until_)
          millis_.push_back(absl::ToDoubleMilliseconds(now - began));
      }
      Next();
    });
  }

  const Plan plan_;
  const Start& start_;
  const absl::Time from_, until_;
  std::atomic<int64_t> next_{0};
  absl::Mutex mutex_;
  int open_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time last_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::vector<double> millis_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int64_t> failed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

Load Run(const Plan& plan, const Start& start) { return Pump(plan, start).Run(); }

}  // namespace civicmesh::bench
