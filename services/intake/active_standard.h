// Which standard a handler classifies by: the one that holds in the report's shard, as hot state tells it (R10).
//
// Decisions do not depend on it: the shard checks the proposed class against the standard that it decides by, and drops
// one that it does not know. Where hot state cannot be read, the last known standard serves; where none is known, the
// report goes on without a proposal, to a person.
//
// Thread-safe; nothing blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace civicmesh {
struct ServiceContext;
}

namespace civicmesh::intake {

struct IntakeStandard;

class ActiveStandard {
 public:
  // `service` and its reads outlive it, and answer every read before they go.
  explicit ActiveStandard(const ServiceContext& service);
  ~ActiveStandard();

  // Calls `use` once, on any thread, with the standard that holds in `shard` at `now_ms`; null where none is known. It
  // lives until `use` returns. What is known of a shard is used at once, and read again after a second.
  void With(int shard, int64_t now_ms, std::function<void(const IntakeStandard*)> use);

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace civicmesh::intake
