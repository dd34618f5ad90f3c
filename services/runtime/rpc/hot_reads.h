// Reads of hot state for handlers: the part of HotState that changes nothing, callable from any thread.
//
// `done` is called once, on any thread, and must not block. A read that fails, or whose connection is lost, is
// UNAVAILABLE. Nothing blocks.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/runtime/hotstate/hot_state.h"

namespace civicmesh {

class HotReads {
 public:
  using Done = std::function<void(absl::StatusOr<HotRead>)>;
  virtual ~HotReads() = default;

  // As HotState::Read and HotState::Range.
  virtual void Read(int shard, HotTable table, std::vector<std::string> keys, Done done) = 0;
  virtual void Range(int shard, std::string from, std::string to, int limit, bool descending, Done done) = 0;
};

}  // namespace civicmesh
