// The in-memory twin of Redis as hot state, for unit tests and for the simulation of the protocol.
//
// A MemoryRedis is the server; any number of MemoryHotState connect to it. Calls run in order when Poll is called. A
// simulation chooses per call what goes wrong: the reply is lost, the call runs late (after the connection was given
// up), or a fold writes half of its values and not its point.
//
// Single-threaded, deterministic. Nothing blocks. A Fold that expects "*" is not compared: a mutant without R5's check.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "services/runtime/hotstate/hot_state.h"

namespace civicmesh {

class MemoryRedis {
 public:
  struct Shard {
    std::map<HotTable, std::map<std::string, std::string>> tables;
    std::set<std::string> rows;
    HotPointValue point;
    uint64_t fence = 0;
    std::string repair_id;
    std::optional<HotVerified> verified;
  };
  enum class Fault { kNone, kReplyLost, kLate, kHalf };

  // Keys are domain, fold version and shard.
  using Key = std::tuple<std::string, int, int>;
  std::map<Key, Shard> shards;
  int run = 1;

  std::string run_id() const { return "run-" + std::to_string(run); }
  void FlushAll() { shards.clear(); }
  // Back to an older state, as after a restart from a snapshot: a new run id.
  void Restore(std::map<Key, Shard> snapshot) {
    shards = std::move(snapshot);
    ++run;
  }

  // The control surface of a simulation. Asked for every write call, before it runs.
  std::function<Fault()> fault;
  // Calls answered kUnknown that may still run (while the run id is the same).
  struct Late {
    int run;
    std::function<void()> call;
  };
  std::vector<Late> late;
  void RunLate(size_t i);
  size_t scan_piece = 100;
};

class MemoryHotState : public HotState {
 public:
  // `server` outlives it.
  MemoryHotState(MemoryRedis* server, std::string domain, int fold_version = 1)
      : server_(server), domain_(std::move(domain)), fold_version_(fold_version) {}

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
  std::vector<std::pair<int, short>> PollDescriptors() override { return {}; }

  // Runs at most so many queued calls: a step of a simulation.
  int PollSome(int max);

 private:
  struct Call {
    int shard;
    std::function<void()> run;
    std::function<void()> abandon;
  };
  using Key = MemoryRedis::Key;
  Key KeyOf(int shard) const { return {domain_, fold_version_, shard}; }
  MemoryRedis::Shard& At(int shard) { return server_->shards[KeyOf(shard)]; }
  void Write(int shard, std::function<HotResult(bool half)> call, Done done);
  HotPiece Piece(int shard);
  HotRead ReadOf(int shard);
  bool Broken(int shard);

  MemoryRedis* server_;
  const std::string domain_;
  const int fold_version_;
  std::deque<Call> calls_;
  std::map<int, int> connection_run_;  // per shard: the server's run when connected
  std::set<int> broken_;               // connections on which a call went unanswered
};

}  // namespace civicmesh
