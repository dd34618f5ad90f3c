#include "services/runtime/rpc/quota_meter.h"

#include <algorithm>
#include <cmath>

namespace civicmesh {
namespace {

constexpr double kMinuteMs = 60'000;

}  // namespace

QuotaMeter::Bucket& QuotaMeter::Of(std::string_view subject, int per_minute, int64_t steady_ms) {
  if (auto known = buckets_.find(absl::string_view(subject.data(), subject.size())); known != buckets_.end()) {
    recent_.splice(recent_.begin(), recent_, known->second);
    return recent_.front();
  }
  recent_.push_front({std::string(subject), static_cast<double>(per_minute), steady_ms});
  buckets_[recent_.front().subject] = recent_.begin();
  if (recent_.size() > remembered_) {
    buckets_.erase(recent_.back().subject);
    recent_.pop_back();
  }
  return recent_.front();
}

absl::Duration QuotaMeter::Take(std::string_view subject, int per_minute, int64_t steady_ms) {
  absl::MutexLock lock(&mutex_);
  Bucket& bucket = Of(subject, per_minute, steady_ms);
  const double grown = bucket.left + static_cast<double>(steady_ms - bucket.filled_ms) * per_minute / kMinuteMs;
  bucket.left = std::min(grown, static_cast<double>(per_minute));
  bucket.filled_ms = steady_ms;
  if (bucket.left < 1) {
    ++refused_;
    return absl::Milliseconds(std::ceil((1 - bucket.left) * kMinuteMs / per_minute));
  }
  bucket.left -= 1;
  ++taken_;
  return absl::ZeroDuration();
}

std::pair<int64_t, int64_t> QuotaMeter::counts() const {
  absl::MutexLock lock(&mutex_);
  return {taken_, refused_};
}

}  // namespace civicmesh
