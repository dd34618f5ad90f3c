#include "services/runtime/rpc/one_time_tokens.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "services/runtime/base/ids.h"

namespace civicmesh {
namespace {

absl::Status Again() { return absl::UnauthenticatedError("used before: it is good once"); }

}  // namespace

void OneTimeTokens::Use(const std::string& token_id, absl::Time now, absl::Time until,
                        std::function<void(absl::Status)> done) {
  // Whatever an issuer puts into an id, a key of ours has the same shape and length.
  const std::string id = absl::BytesToHexString(Sha256(token_id));
  if (Seen(id, now)) return done(Again());
  if (!once_) return done(Note(id, until, Once::Result::kUnknown));
  once_->Use(id, until - now,
             [this, id, until, done = std::move(done)](Once::Result result) { done(Note(id, until, result)); });
}

bool OneTimeTokens::Seen(const std::string& id, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  while (!expiring_.empty() && (expiring_.begin()->first < now || expiring_.size() > remembered_)) {
    used_.erase(expiring_.begin()->second);
    expiring_.erase(expiring_.begin());
  }
  const bool seen = used_.contains(id);
  if (seen) ++counts_.again;
  return seen;
}

absl::Status OneTimeTokens::Note(const std::string& id, absl::Time until, Once::Result result) {
  absl::MutexLock lock(&mutex_);
  switch (result) {
    case Once::Result::kFirst:
      // One that was wiped from hot state while two calls were under way.
      if (!used_.emplace(id, until).second) break;
      expiring_.emplace(until, id);
      ++counts_.first;
      return absl::OkStatus();
    case Once::Result::kAgain:
      break;
    case Once::Result::kUnknown:
      ++counts_.unknown;
      return absl::UnavailableError("nobody can say whether this one-time token was used; get another one");
  }
  ++counts_.again;
  return Again();
}

OneTimeTokens::Counts OneTimeTokens::counts() const {
  absl::MutexLock lock(&mutex_);
  return counts_;
}

}  // namespace civicmesh
