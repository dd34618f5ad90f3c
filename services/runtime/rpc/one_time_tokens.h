// Tokens that are good once (auth.h): the id of each is used up by the first call that it lets in.
//
// What hot state says holds for all replicas and services; this process also remembers what it has seen itself, so that
// hot state that was wiped does not make fresh what was used here. Where hot state does not answer nobody knows, and
// the token is refused, and may be used up: the caller asks the issuer for another one. A repeated request has the same
// request_id and another token.
//
// Thread-safe; nothing blocks but a lock.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/runtime/hotstate/once.h"

namespace civicmesh {

class OneTimeTokens {
 public:
  // `once` outlives it; null: nobody can say, so none is taken. Remembers so many ids itself.
  explicit OneTimeTokens(Once* once, size_t remembered = 10000) : once_(once), remembered_(remembered) {}

  // OK, once for a token's id; UNAUTHENTICATED, it was used before; UNAVAILABLE, nobody can say. `until`: when the
  // token is good no more. `done` is called once, on any thread.
  void Use(const std::string& token_id, absl::Time now, absl::Time until, std::function<void(absl::Status)> done);

  struct Counts {
    int64_t first = 0, again = 0, unknown = 0;
  };
  Counts counts() const;

 private:
  bool Seen(const std::string& id, absl::Time now);
  absl::Status Note(const std::string& id, absl::Time until, Once::Result result);

  Once* const once_;
  const size_t remembered_;
  mutable absl::Mutex mutex_;
  std::multimap<absl::Time, std::string> expiring_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, absl::Time> used_ ABSL_GUARDED_BY(mutex_);
  Counts counts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace civicmesh
