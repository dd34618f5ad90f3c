// Hot state in Redis (hot_state.h says what it is): one connection per shard, every write one Lua call.
//
// A time-out or an I/O error drops the connection and answers what was pending as unknown; nothing is ever sent again
// on it. On connecting it logs in, the server's run id is fetched, the scripts are loaded, and a server that might
// evict keys (maxmemory-policy other than noeviction) is refused.
//
//   RedisHotState hot({.servers = {"unix:/run/redis.sock"}, .domain = "dispatch"});
//   hot.Fold(…);  while (…) hot.Poll(20);
//
// One thread uses an instance; only Poll blocks, for at most its wait.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "services/runtime/hotstate/hot_state.h"
#include "services/runtime/hotstate/redis_login.h"

namespace civicmesh {

struct RedisOptions {
  // "unix:/path" or "host:port"; shard i lives on server i mod their number.
  std::vector<std::string> servers;
  RedisLogin login = {};
  std::string domain;
  int fold_version = 1;
  // After so long without an answer the connection is dropped.
  int command_timeout_ms = 2000;
};

class RedisHotState : public HotState {
 public:
  explicit RedisHotState(RedisOptions options);
  ~RedisHotState() override;

  void Fold(int shard, uint64_t epoch, std::string expected, HotPointValue next, HotChanges changes,
            Done done) override;
  void Clear(int shard, uint64_t epoch, std::string repair_id, Done done) override;
  void Refill(int shard, uint64_t epoch, std::string repair_id, HotChanges part, std::optional<HotPointValue> finish,
              Done done) override;
  void Unverify(int shard, uint64_t epoch, int other_fold_version, Done done) override;
  void Look(int shard, std::function<void(absl::StatusOr<HotPiece>)> done) override;
  void Scan(int shard, HotTable table, uint64_t cursor, std::function<void(absl::StatusOr<HotPiece>)> done) override;
  void Read(int shard, HotTable table, std::vector<std::string> keys,
            std::function<void(absl::StatusOr<HotRead>)> done) override;
  void Range(int shard, std::string from, std::string to, int limit, bool descending,
             std::function<void(absl::StatusOr<HotRead>)> done) override;
  void Reconnect(int shard) override;
  int Poll(int wait_ms) override;
  std::vector<std::pair<int, short>> PollDescriptors() override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace civicmesh
