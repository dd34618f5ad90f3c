// What may happen once: an id that is used up by its first use, for all replicas of all services that share hot state,
// and across their restarts.
//
//   once->Use(id, absl::Minutes(5), [](Once::Result r) { … });
//
// Hot state may be wiped: an id that was used before is then fresh again. So it is only for what expires soon.
//
// Thread-safe; nothing blocks. `done` is called once, on any thread, and must not block.
#pragma once

#include <functional>
#include <string>

#include "absl/time/time.h"

namespace civicmesh {

class Once {
 public:
  enum class Result {
    kFirst,
    kAgain,
    kUnknown,  // nobody answers; the id may be used up by now
  };
  using Done = std::function<void(Result)>;
  virtual ~Once() = default;

  // Remembers the id for `keep`, which is rounded up to a millisecond.
  virtual void Use(const std::string& id, absl::Duration keep, Done done) = 0;
};

}  // namespace civicmesh
