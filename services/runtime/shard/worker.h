// The thread that runs a process's shards of one domain: reads the log, lets the owners decide, folds, answers.
//
// A service makes one Worker, tells it which shards it is assigned (membership), and asks it how they are. Everything
// of a shard happens on the worker's thread; the methods here are thread-safe and do not block, except Stop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/runtime/decider/machine.h"
#include "services/runtime/hotstate/hot_state.h"
#include "services/runtime/journal/journal.h"

namespace civicmesh::log::v1 {
class Reply;
}

namespace civicmesh {

class ReferenceLibrary;

struct WorkerOptions {
  std::string domain;
  int shards = 8;
  int fold_version = 1;
  // CIVICMESH_CLOCK=driven: commands carry the business time (DESIGN section 2). Never in production.
  bool driven_clock = false;
};

// A version of reference data that was activated in a shard (R10).
struct ActiveReference {
  std::string kind;
  std::string version;
  std::string sha256;  // of the content, 32 bytes
  int64_t valid_from_ms = 0;
};

// How one shard is, for health, metrics and Quiesce.
struct ShardStatus {
  int shard = 0;
  bool assigned = false;
  bool serving = false;  // decides and answers
  std::string phase;     // idle, loading, replaying, claiming, serving, repairing, stopped
  absl::Status stopped;  // why it stopped for good (DATA_LOSS), else OK
  uint64_t epoch = 0;
  int64_t now_ms = 0;
  int64_t inbox_next = 0;    // the next inbox offset to decide
  int64_t journal_next = 0;  // the next journal offset to read back
  int64_t folded = 0;        // @offset as far as this owner knows
  int64_t published = 0;     // the next journal offset to publish
  int64_t in_flight = 0;     // records appended and not read back
  int64_t streams = 0;
  int64_t outcomes = 0;
  uint64_t decided = 0, refused = 0, parked = 0, duplicates = 0, timers_fired = 0;
  double takeover_seconds = 0;               // of the last takeover
  std::vector<ActiveReference> activations;  // by effective records, in their order
};

class Worker {
 public:
  // Called on the worker's thread for every answer; `reply_to` is the command's.
  using ReplySink = std::function<void(int shard, const std::string& reply_to, const log::v1::Reply& reply)>;

  // `journal`, `hot` and `references` outlive the worker; `hot` is used by its thread alone.
  Worker(WorkerOptions options, Journal* journal, HotState* hot, ReferenceLibrary* references, MachineFactory machines,
         ReplySink replies);
  ~Worker();

  void Start();
  // Stops deciding, lets what is in flight come back and be answered until `deadline`, then ends the thread. Blocks.
  void Stop(absl::Duration deadline);

  void SetAssigned(std::set<int> shards);
  std::vector<ShardStatus> Status() const;
  // The time of the last turn of the loop, for the watchdog.
  absl::Time last_turn() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace civicmesh
