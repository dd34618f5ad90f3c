// The in-memory twin of the Kafka log, for unit tests and for the simulation of the protocol.
//
// By default every append lands at once. A simulation sets `manual` and decides itself when, in which order and whether
// an append lands: appends of one session keep their order, but one may be lost while later ones still land; a
// session's writer may be gone when they do (a zombie's late append). The broker's clock is the function given, which
// may step back; what a reader is slow to see is the `max` of its Poll.
//
//   MemoryLog log(8, [&] { return now_ms; });
//   MemoryJournal journal(&log);
//   log.manual = true;
//   for (auto& session : std::vector(log.sessions().begin(), log.sessions().end()))
//     if (!session->queue.empty()) log.Land(*session);
//
// Single-threaded, deterministic; no clock and no randomness of its own. Nothing blocks. Callbacks may append, and may
// destroy their session; they must not cut or delete the log.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <vector>

#include "services/runtime/journal/journal.h"

namespace civicmesh {

// The broker: what has landed, and what is on its way.
class MemoryLog {
 public:
  static constexpr size_t kMaxRecordBytes = 1000 * 1000;

  struct InFlight {
    Partition at;
    std::string value;
    Headers headers;
    LogAppender::Done done;
  };
  // One producer session, which outlives its appender while something is in flight. A session that ends, or is
  // destroyed, answers every `done` with UNAVAILABLE at once; what is in flight stays, and lands unheard.
  struct Session : std::enable_shared_from_this<Session> {
    std::deque<InFlight> queue;
    bool dead = false;    // Health is UNAVAILABLE
    bool orphan = false;  // the appender is gone: nobody hears of what lands
  };

  MemoryLog(int shards, std::function<int64_t()> now_ms) : shards_(shards), now_ms_(std::move(now_ms)) {}

  int shards() const { return shards_; }

  // The control surface of a simulation.
  bool manual = false;
  // Sees every append as it lands.
  std::function<void(Partition, const LogRecord&)> on_land;
  // A stale answer to GetBounds (an end too low); nullptr: the truth.
  std::function<Bounds(Partition, Bounds)> on_bounds;

  const std::list<std::shared_ptr<Session>>& sessions() const { return sessions_; }
  // The following three need something in flight.
  void Land(Session& session);  // the oldest append in flight lands and, while the session lives, is acknowledged
  // The oldest is lost and the session dead. What follows it in its partition is lost too, as an idempotent producer
  // without a message time-out leaves no gap; but in the journal later ones still land, harsher than Kafka (R15).
  void Lose(Session& session);
  void LoseAck(Session& session);                   // the oldest lands, and the session is dead
  void Kill(Session& session);                      // all is still in flight
  void DeleteBefore(Partition at, int64_t offset);  // retention
  void Truncate(Partition at, int64_t end);         // a power cut; every session and reader hears of it
  const std::deque<LogRecord>& records(Partition at) { return partitions_[at].records; }
  Bounds bounds(Partition at);

 private:
  friend class MemoryAppender;
  friend class MemoryReader;
  struct Log {
    std::deque<LogRecord> records;
    int64_t begin = 0;
    uint64_t cuts = 0;
  };
  void End(Session& session);
  int64_t Store(InFlight append);
  void Forget();

  const int shards_;
  const std::function<int64_t()> now_ms_;
  std::map<Partition, Log> partitions_;
  std::list<std::shared_ptr<Session>> sessions_;
};

class MemoryJournal : public Journal {
 public:
  // `log` outlives the journal and everything made by it.
  explicit MemoryJournal(MemoryLog* log) : log_(log) {}
  std::unique_ptr<LogAppender> NewAppender() override;
  std::unique_ptr<LogReader> NewReader() override;
  int shards() const override { return log_->shards(); }

 private:
  MemoryLog* log_;
};

}  // namespace civicmesh
