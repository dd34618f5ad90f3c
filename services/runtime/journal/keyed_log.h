// A compacted topic: of each key the last value stays, what it replaced is gone from the disks in time. For what must
// be erasable, which a log never is (intake's wrapped keys).
//
//   log->Put(partition, "k/p-…/k-…", wrapped, [](absl::Status put) { … });
//   log->Put(partition, "k/p-…/k-…", std::nullopt, …);          // a tombstone
//   log->Poll(sink, 200);                                       // everything from the start, then what comes
//
// A reader may miss values that were replaced before it came by, never the last one of a key (but for a tombstone,
// which is as if there had been nothing). Records of one partition come in the order in which they landed. The Kafka
// log and the in-memory twin pass the same suite (keyed_log_contract.h).
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"

namespace civicmesh {

class KeyedSink {
 public:
  virtual ~KeyedSink() = default;
  // No value: a tombstone.
  virtual void OnRecord(int partition, std::string key, std::optional<std::string> value) = 0;
  // Everything that stood there when this was noticed has been delivered. Comes again whenever the end is reached.
  virtual void OnCurrent(int partition) = 0;
};

class KeyedLog {
 public:
  virtual ~KeyedLog() = default;

  // Appends one record. `done` is called exactly once, on any thread or within the call: UNAVAILABLE where it is
  // unknown whether the record landed. From any thread; does not block.
  using Done = std::function<void(absl::Status)>;
  virtual void Put(int partition, std::string key, std::optional<std::string> value, Done done) = 0;

  // Delivers what has arrived, waiting up to `wait_ms` for something. A broker that is away is waited for. One thread.
  virtual void Poll(KeyedSink& sink, int wait_ms) = 0;

  virtual int partitions() const = 0;
};

}  // namespace civicmesh
