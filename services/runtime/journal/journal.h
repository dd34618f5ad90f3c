// The log of one domain: topics of equally many partitions, appended through sessions and read back in order.
//
// Everything that the mesh knows goes through here (DESIGN section 2): the inbox, the journal, the public events and
// the parked records. The log does not judge: a record that was appended by a dead owner is delivered like any other,
// and EffectiveFold (shard/effective.h) tells which are real.
//
//   auto session = log->NewAppender();                              // one idempotent producer
//   session->Append({Topic::kJournal, 3}, bytes, {});               // queued; real only once read back as effective
//   reader->Start({Topic::kJournal, 3}, 0);
//   reader->Poll(sink);                                             // sink.OnRecord(...) in offset order per partition
//
// The Kafka log and the in-memory twin pass the same suite (journal_contract.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace civicmesh {

enum class Topic { kInbox, kJournal, kEvents, kParked };

struct Partition {
  Topic topic = Topic::kInbox;
  int shard = 0;
  friend auto operator<=>(const Partition&, const Partition&) = default;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

struct LogRecord {
  int64_t offset = 0;
  // The broker's time, milliseconds since 1970 (LogAppendTime). Negative where the broker did not stamp it.
  int64_t time_ms = 0;
  std::string value;
  Headers headers;
};

// One idempotent producer session. It lives and dies as a whole: once Health() is not OK, nothing that was queued may
// be assumed landed or lost, Append refuses, and the owner makes a new one (R3, R15). Destroying it abandons what is in
// flight; such records may still land later. Thread-safe. Nothing blocks.
class LogAppender {
 public:
  virtual ~LogAppender() = default;

  // Queues one record at the end of `at`; records of one session land in the order of the calls. OK: queued.
  // RESOURCE_EXHAUSTED: nothing was queued, try again later. INVALID_ARGUMENT: larger than the log takes, nothing was
  // queued. UNAVAILABLE: the session is over.
  virtual absl::Status Append(Partition at, std::string value, Headers headers) = 0;

  // The same, and `done` is called once (on any thread, or from within Poll of a single-threaded twin) with the offset,
  // or with UNAVAILABLE when it is unknown whether it landed.
  using Done = std::function<void(absl::StatusOr<int64_t>)>;
  virtual absl::Status Append(Partition at, std::string value, Headers headers, Done done) = 0;

  // UNAVAILABLE for ever after the first delivery error or lost connection to a partition's leader.
  virtual absl::Status Health() = 0;
};

// What a reader hands over.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void OnRecord(Partition from, LogRecord record) = 0;
  // Everything below `offset` that stood there when this was noticed has been delivered.
  virtual void OnEnd(Partition from, int64_t offset) = 0;
  // The connection to a leader was lost, or the position lies outside the log (OUT_OF_RANGE). The partition is not read
  // any further until Start is called again.
  virtual void OnTrouble(Partition from, absl::Status why) = 0;
};

struct Bounds {
  int64_t begin = 0;  // the first offset still there
  int64_t end = 0;    // one past the last
};

// Reads any number of partitions. One thread uses it; only what says so blocks.
class LogReader {
 public:
  virtual ~LogReader() = default;

  // Delivers `at` from `offset` on; replaces an earlier position. Nothing read before Start is delivered after it.
  virtual void Start(Partition at, int64_t offset) = 0;
  virtual void Stop(Partition at) = 0;

  // Delivers what has arrived, at most `max` records. Waits up to `wait_ms` for the first one or until Wake.
  // Returns how many records were delivered.
  virtual int Poll(LogSink& sink, int max, int wait_ms) = 0;

  // Ends a waiting Poll. From any thread.
  virtual void Wake() = 0;

  // Becomes readable when Poll has something to deliver, for a common event loop; -1: none.
  virtual int descriptor() { return -1; }

  // The ends as the leader says now. Blocks up to a few seconds; UNAVAILABLE when the leader does not answer.
  virtual absl::StatusOr<Bounds> GetBounds(Partition at) = 0;

  // One record. Blocks likewise. NOT_FOUND when the offset lies outside the log.
  virtual absl::StatusOr<LogRecord> ReadAt(Partition at, int64_t offset) = 0;
};

class Journal {
 public:
  virtual ~Journal() = default;
  virtual std::unique_ptr<LogAppender> NewAppender() = 0;
  virtual std::unique_ptr<LogReader> NewReader() = 0;
  virtual int shards() const = 0;
};

}  // namespace civicmesh
