// The in-memory twin of a compacted topic, for tests: what has landed is shared by all logs over one MemoryKeyedTopic.
// Thread-safe, but for one thread at a time in a log's Poll.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "services/runtime/journal/keyed_log.h"

namespace civicmesh {

class MemoryKeyedTopic {
 public:
  struct Record {
    int64_t offset = 0;
    std::string key;
    std::optional<std::string> value;
  };

  explicit MemoryKeyedTopic(int partitions) : records_(partitions) {}

  // Leaves the last record of each key, and no tombstone.
  void Compact();
  // Every byte of it, keys too: to look for what must not be there.
  std::string AllBytes() const;
  // While true, no Put lands, and each is answered UNAVAILABLE.
  void SetAway(bool away);

 private:
  friend class MemoryKeyedLog;
  mutable absl::Mutex mutex_;
  std::vector<std::vector<Record>> records_ ABSL_GUARDED_BY(mutex_);
  int64_t next_ ABSL_GUARDED_BY(mutex_) = 0;  // offsets, over all partitions
  bool away_ ABSL_GUARDED_BY(mutex_) = false;
};

class MemoryKeyedLog : public KeyedLog {
 public:
  // The topic outlives the log.
  explicit MemoryKeyedLog(MemoryKeyedTopic* topic);
  void Put(int partition, std::string key, std::optional<std::string> value, Done done) override;
  void Poll(KeyedSink& sink, int wait_ms) override;
  int partitions() const override { return static_cast<int>(positions_.size()); }

 private:
  std::vector<MemoryKeyedTopic::Record> Take(int partition);

  MemoryKeyedTopic* const topic_;
  std::vector<int64_t> positions_;  // by partition: the offset to be read next
  std::vector<bool> told_;          // by partition: whether its end was told since the last record
};

}  // namespace civicmesh
