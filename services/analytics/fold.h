// Follows the public events of the source domains, from their first one on, and keeps the facts (DESIGN section 2: R5
// and R6 without hot state). Nothing is stored: a restart reads the topics again.
//
// Start runs one thread per source. Read, Health and Lags are for any thread and wait only for a batch being applied;
// Progress asks the broker and blocks.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "services/analytics/domain/facts.h"
#include "services/runtime/journal/journal.h"

namespace civicmesh {
class Clock;
}

namespace civicmesh::analytics {

struct FoldSource {
  std::string domain;
  Journal* journal = nullptr;  // outlives the fold
};

// How far one partition is folded.
struct PartitionProgress {
  std::string domain;
  int shard = 0;
  SourcePoint last;     // the last event applied
  int64_t next = 0;     // the next offset to read
  int64_t end = 0;      // one past the last record, as the broker said when it was last asked
  bool loaded = false;  // has been read to its end once
  bool away = false;    // cannot be read now
  uint64_t applied = 0, repeated = 0, other = 0, unreadable = 0;
};

class Fold {
 public:
  Fold(std::vector<FoldSource> sources, const Clock* clock);
  ~Fold();

  void Start();
  // Blocks for at most one turn.
  void Stop();

  // OK: everything that stood in the topics at the start is folded, and all partitions are being read. UNAVAILABLE: not
  // so. DATA_LOSS: events are gone from a topic, the figures cannot be made any more (also beside OK figures made
  // before). DEADLINE_EXCEEDED: a source's thread is stuck.
  absl::Status Health() const;
  // True from the moment when everything that stood in the topics at the start is folded.
  bool loaded() const;

  // Calls read(facts), which stand still meanwhile.
  void Read(const std::function<void(const Facts&)>& read) const;

  // By source, then shard; `end` as last known.
  std::vector<PartitionProgress> Lags() const;
  // The same, after asking for the ends. UNAVAILABLE: the broker does not answer. Blocks a few seconds at most.
  absl::StatusOr<std::vector<PartitionProgress>> Progress();

  // One turn of a source's thread: what has arrived, at most `max` records. For tests, instead of Start.
  void Turn(size_t source, int max, int wait_ms);

 private:
  struct Source;

  const Clock* const clock_;
  std::vector<std::unique_ptr<Source>> sources_;
  mutable absl::Mutex mutex_;
  Facts facts_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::vector<PartitionProgress>> progress_ ABSL_GUARDED_BY(mutex_);  // by source, then shard
  absl::Status lost_ ABSL_GUARDED_BY(mutex_);
  absl::Mutex asking_;  // one question to the broker at a time
  std::atomic<bool> stop_{false};
};

}  // namespace civicmesh::analytics
