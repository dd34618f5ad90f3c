// Which standard a handler classifies by: the one that holds in the report's shard, as hot state tells it (R10).
//
// Decisions do not depend on it: the shard checks the proposed class against the standard that it decides by, and drops
// one that it does not know.
//
// Thread-safe; nothing blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"

namespace civicmesh {
struct ServiceContext;
}

namespace civicmesh::intake {

struct IntakeStandard;

class ActiveStandard {
 public:
  // Null: none is active yet. UNAVAILABLE: hot state cannot be read, or the content is not loaded yet; to be tried
  // again.
  using Use = std::function<void(absl::StatusOr<std::shared_ptr<const IntakeStandard>>)>;

  // `service` and its reads outlive it, and answer every read before they go.
  explicit ActiveStandard(const ServiceContext& service);
  ~ActiveStandard();

  // Calls `use` once, on any thread, with the standard that holds in `shard` at `now_ms`. What was active a second ago
  // is used at once and read again beside; only while nothing is known, hot state is asked first. Where that does not
  // answer, what is known of another shard serves.
  void With(int shard, int64_t now_ms, Use use);

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace civicmesh::intake
