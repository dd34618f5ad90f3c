#include "services/runtime/rpc/issuer_keys.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/base/log.h"

namespace civicmesh {
namespace {

using Json = nlohmann::json;

// Clocks of one machine that was started anew.
constexpr absl::Duration kSkew = absl::Seconds(60);

// Whole or not at all, and readable by nobody else.
bool Keep(const std::string& path, const std::string& text) {
  const std::string part = path + ".new";
  const int file = open(part.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return false;
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  return close(file) == 0 && written && std::rename(part.c_str(), path.c_str()) == 0;
}

}  // namespace

struct IssuerKeys::Impl {
  TokenVerifier* const tokens;
  const IssuerKeysOptions options;
  const Fetch fetch;
  const Clock* const clock;

  mutable absl::Mutex mutex;
  std::optional<absl::Time> fetched ABSL_GUARDED_BY(mutex);  // the set in use
  // By the steady clock: the wall's may jump back, which must not keep us from asking.
  int64_t asked_ms ABSL_GUARDED_BY(mutex) = 0;
  int64_t due_ms ABSL_GUARDED_BY(mutex) = 0;
  bool wanted ABSL_GUARDED_BY(mutex) = false;
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  bool said ABSL_GUARDED_BY(mutex) = false;  // that it does not work
  Counts counts ABSL_GUARDED_BY(mutex);
  std::thread thread;

  Impl(TokenVerifier* t, IssuerKeysOptions o, Fetch f, const Clock* c)
      : tokens(t), options(std::move(o)), fetch(std::move(f)), clock(c) {}

  void TakeUpKept() {
    if (options.kept_in.empty()) return;
    std::ifstream file(options.kept_in, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    const Json kept = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!kept.is_object() || kept.value("url", Json()) != options.url || !kept.value("fetched", Json()).is_number() ||
        !kept.value("jwks", Json()).is_string())
      return;
    const absl::Time at = absl::FromUnixSeconds(kept["fetched"].get<int64_t>());
    const absl::Time now = clock->wall();
    if (at > now + kSkew || now >= at + options.good_for) return;
    if (!tokens->Rotate(kept["jwks"].get<std::string>(), at + options.good_for).ok()) return;
    Log(Severity::kInfo, "goes on with the key set that was kept",
        {{"age_seconds", absl::ToInt64Seconds(now - at)}, {"url", options.url}});
    absl::MutexLock lock(&mutex);
    fetched = at;
  }

  int64_t DueMs() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return wanted ? std::min(due_ms, asked_ms + absl::ToInt64Milliseconds(kWanted)) : due_ms;
  }

  void Ask() {
    const absl::Time now = clock->wall();
    auto text = fetch();
    const bool answered = text.ok();
    const absl::Status taken = answered ? tokens->Rotate(*text, now + options.good_for) : text.status();
    bool first_failure;
    {
      absl::MutexLock lock(&mutex);
      ++(taken.ok() ? counts.good : answered ? counts.unusable : counts.unreachable);
      due_ms = asked_ms + absl::ToInt64Milliseconds(taken.ok() ? options.every : std::min(options.every, kRetry));
      if (taken.ok()) fetched = now;
      first_failure = !taken.ok() && !said;
      said = !taken.ok();
    }
    if (first_failure)
      Log(Severity::kError, "the issuer brings no usable key set; the one before goes on to hold for its time",
          {{"why", std::string(taken.message())}, {"url", options.url}});
    if (!taken.ok() || options.kept_in.empty()) return;
    const Json kept{{"url", options.url}, {"fetched", absl::ToUnixSeconds(now)}, {"jwks", *text}};
    if (!Keep(options.kept_in, kept.dump()))
      Log(Severity::kWarning, "cannot keep the key set", {{"file", options.kept_in}});
  }

  void Run() {
    for (;;) {
      const int64_t next_ms = Turn();
      absl::MutexLock lock(&mutex);
      const auto disturbed = [this, next_ms] {
        mutex.AssertHeld();
        return stopping || DueMs() < next_ms;
      };
      mutex.AwaitWithTimeout(absl::Condition(&disturbed), absl::Milliseconds(next_ms - clock->steady_ms()));
      if (stopping) return;
    }
  }

  int64_t Turn() {
    {
      absl::MutexLock lock(&mutex);
      const int64_t now_ms = clock->steady_ms();
      if (now_ms < DueMs()) return DueMs();
      wanted = false;
      asked_ms = now_ms;
    }
    Ask();
    absl::MutexLock lock(&mutex);
    return DueMs();
  }
};

IssuerKeys::IssuerKeys(TokenVerifier* tokens, IssuerKeysOptions options, Fetch fetch, const Clock* clock)
    : impl_(std::make_unique<Impl>(tokens, std::move(options), std::move(fetch), clock)) {
  impl_->TakeUpKept();
}

IssuerKeys::~IssuerKeys() {
  {
    absl::MutexLock lock(&impl_->mutex);
    impl_->stopping = true;
  }
  if (impl_->thread.joinable()) impl_->thread.join();
}

void IssuerKeys::Start() {
  impl_->thread = std::thread([impl = impl_.get()] { impl->Run(); });
}

void IssuerKeys::Want() {
  absl::MutexLock lock(&impl_->mutex);
  impl_->wanted = true;
}

int64_t IssuerKeys::Turn() { return impl_->Turn(); }

std::optional<absl::Duration> IssuerKeys::age() const {
  absl::MutexLock lock(&impl_->mutex);
  if (!impl_->fetched) return std::nullopt;
  return impl_->clock->wall() - *impl_->fetched;
}

bool IssuerKeys::good() const {
  const auto old = age();
  return old && *old < impl_->options.good_for;
}

IssuerKeys::Counts IssuerKeys::counts() const {
  absl::MutexLock lock(&impl_->mutex);
  return impl_->counts;
}

}  // namespace civicmesh
