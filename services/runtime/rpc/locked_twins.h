// The in-memory twins of Kafka and Redis for a service that runs in earnest, with all its threads: for tests.
//
// Thread-safe, by locks around all twins of the process.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "services/runtime/hotstate/memory_hot_state.h"
#include "services/runtime/journal/group_reader.h"
#include "services/runtime/journal/memory_journal.h"
#include "services/runtime/rpc/hot_reads.h"

namespace civicmesh {

// The twins are single-threaded: one lock around the log, one around hot state. Callbacks run under them. Hot state's
// may go on to the door and the log (an answer, a record); the log's go nowhere, and the door calls the log under a
// lock of its own: one lock around both would close a circle.
inline std::recursive_mutex& LogLock() {
  static std::recursive_mutex mutex;
  return mutex;
}
inline std::recursive_mutex& HotLock() {
  static std::recursive_mutex mutex;
  return mutex;
}
using Locked = std::lock_guard<std::recursive_mutex>;

class LockedAppender : public LogAppender {
 public:
  explicit LockedAppender(std::unique_ptr<LogAppender> inner) : inner_(std::move(inner)) {}
  ~LockedAppender() override {
    Locked lock(LogLock());
    inner_.reset();
  }
  absl::Status Append(Partition at, std::string value, Headers headers) override {
    Locked lock(LogLock());
    return inner_->Append(at, std::move(value), std::move(headers));
  }
  absl::Status Append(Partition at, std::string value, Headers headers, Done done) override {
    Locked lock(LogLock());
    return inner_->Append(at, std::move(value), std::move(headers), std::move(done));
  }
  absl::Status Health() override {
    Locked lock(LogLock());
    return inner_->Health();
  }

 private:
  std::unique_ptr<LogAppender> inner_;
};

class LockedReader : public LogReader {
 public:
  explicit LockedReader(std::unique_ptr<LogReader> inner) : inner_(std::move(inner)) {}
  void Start(Partition at, int64_t offset) override {
    Locked lock(LogLock());
    inner_->Start(at, offset);
  }
  void Stop(Partition at) override {
    Locked lock(LogLock());
    inner_->Stop(at);
  }
  int Poll(LogSink& sink, int max, int) override {
    Locked lock(LogLock());
    return inner_->Poll(sink, max, 0);
  }
  void Wake() override {
    Locked lock(LogLock());
    inner_->Wake();
  }
  absl::StatusOr<Bounds> GetBounds(Partition at) override {
    Locked lock(LogLock());
    return inner_->GetBounds(at);
  }
  absl::StatusOr<LogRecord> ReadAt(Partition at, int64_t offset) override {
    Locked lock(LogLock());
    return inner_->ReadAt(at, offset);
  }

 private:
  std::unique_ptr<LogReader> inner_;
};

class LockedJournal : public Journal {
 public:
  explicit LockedJournal(MemoryLog* log) : inner_(log) {}
  std::unique_ptr<LogAppender> NewAppender() override {
    Locked lock(LogLock());
    return std::make_unique<LockedAppender>(inner_.NewAppender());
  }
  std::unique_ptr<LogReader> NewReader() override {
    Locked lock(LogLock());
    return std::make_unique<LockedReader>(inner_.NewReader());
  }
  int shards() const override { return inner_.shards(); }

 private:
  MemoryJournal inner_;
};

// A consumer group with this one member, which holds every partition of `source`. What it commits goes into
// `committed`, which outlives it, as a broker's memory does.
class LockedGroup : public GroupReader {
 public:
  LockedGroup(LockedJournal* source, std::map<int, int64_t>* committed)
      : shards_(source->shards()), committed_(committed), reader_(source->NewReader()) {
    Rewind();
  }
  int Poll(LogSink& sink, int max, int wait_ms) override {
    const int came = reader_->Poll(sink, max, 0);
    // The twin cannot wake whoever waits for it.
    if (came == 0) absl::SleepFor(absl::Milliseconds(std::min(wait_ms, 1)));
    return came;
  }
  void Commit(int shard, int64_t next) override {
    Locked lock(LogLock());
    (*committed_)[shard] = next;
  }
  void Rewind() override {
    for (const auto& [shard, next] : Held()) reader_->Start({Topic::kEvents, shard}, next);
  }
  std::map<int, int64_t> Held() override {
    Locked lock(LogLock());
    for (int shard = 0; shard < shards_; ++shard) committed_->try_emplace(shard, 0);
    return *committed_;
  }

 private:
  const int shards_;
  std::map<int, int64_t>* const committed_;
  const std::unique_ptr<LogReader> reader_;
};

// The worker's own connection: its calls reach the server only within Poll.
class LockedHot : public MemoryHotState {
 public:
  using MemoryHotState::MemoryHotState;
  int Poll(int wait_ms) override {
    Locked lock(HotLock());
    return MemoryHotState::Poll(wait_ms);
  }
};

class LockedReads : public HotReads {
 public:
  LockedReads(MemoryRedis* server, std::string domain, int fold_version = 1)
      : hot_(server, std::move(domain), fold_version) {}
  void Read(int shard, HotTable table, std::vector<std::string> keys, Done done) override {
    Locked lock(HotLock());
    hot_.Read(shard, table, std::move(keys), std::move(done));
    hot_.Poll(0);
  }
  void Range(int shard, std::string from, std::string to, int limit, bool descending, Done done) override {
    Locked lock(HotLock());
    hot_.Range(shard, std::move(from), std::move(to), limit, descending, std::move(done));
    hot_.Poll(0);
  }

 private:
  MemoryHotState hot_;
};

}  // namespace civicmesh
