// HotReads over any HotState: a connection of the handlers' own, on a thread of its own.
//
//   HotReadsThread reads(std::make_unique<RedisHotState>(options));
//
// Thread-safe. `done` is called on the thread; it must not block, but may read again. At most kMaxPending reads wait:
// more are answered RESOURCE_EXHAUSTED within the call. The destructor answers what is left with UNAVAILABLE and blocks
// until then.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "services/runtime/rpc/hot_reads.h"

namespace civicmesh {

class HotReadsThread : public HotReads {
 public:
  static constexpr size_t kMaxPending = 20000;

  explicit HotReadsThread(std::unique_ptr<HotState> hot);
  ~HotReadsThread() override;

  void Read(int shard, HotTable table, std::vector<std::string> keys, Done done) override;
  void Range(int shard, std::string from, std::string to, int limit, bool descending, Done done) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace civicmesh
