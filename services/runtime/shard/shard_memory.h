// A shard's working state: the domain's machine and what the runtime keeps beside it: versions, timers, outcomes,
// policies' progress, activated reference data. It runs ahead of read-back by what is in flight and is thrown away
// whole when its epoch ends (R1, R3).
//
// Apply takes a record in and answers what changed, in absolute values; nothing of that may leave the process before
// the record has come back effective. One thread; nothing blocks.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "civicmesh/log/v1/log.pb.h"
#include "services/runtime/decider/machine.h"
#include "services/runtime/hotstate/hot_state.h"
#include "services/runtime/shard/rules.h"

namespace civicmesh {

// Where a record stands: at an offset, or, while in flight, under its seq of this epoch.
struct Place {
  int64_t offset = -1;
  uint64_t seq = 0;
  bool in_flight() const { return seq != 0; }
};

// What one record changed. Offsets are filled in when they are known (Finish).
struct Delta {
  struct Stream {
    std::string id;
    log::v1::StreamValue value;
    bool has_events = false;
    Place events_place;  // of the last record with events of it, this one included
    std::vector<std::string> rows_removed, rows_added;
  };
  std::vector<Stream> streams;
  std::string outcome_id;  // empty: none
  log::v1::OutcomeValue outcome;
  std::string policy_key;  // empty: none
  log::v1::PolicyValue policy;
  std::vector<std::string> outcomes_expired;
};

struct StreamMeta {
  struct Timer {
    std::string kind;
    int64_t due_ms = 0;
    uint64_t arming_version = 0;
  };
  uint64_t version = 0;
  int64_t now_ms = 0;
  Place last;                 // of the last record that touched it
  Place last_events;          // of the last record with events of it
  std::vector<Timer> timers;  // those armed; sorted by kind, of which each is there once
};

class ShardMemory {
 public:
  static constexpr int64_t kWindowMs = 48 * 3600 * 1000LL;  // R8

  ShardMemory(std::unique_ptr<Machine> machine, const Rules& rules) : rules_(rules), machine_(std::move(machine)) {}

  // From a scan of hot state that stood at `offset`.
  absl::Status Load(HotTable table, const std::string& key, const std::string& value, int64_t offset);
  // Of each loaded value that is ahead of that offset, Apply has met the record it names.
  bool explained() const { return ahead_.empty(); }
  void SetActivations(std::vector<log::v1::Activation> activations) { activations_ = std::move(activations); }

  // Folds an effective record. With `skip`, what a loaded value already holds is passed over (R4).
  // Without `values` the answer holds no streams: for a replay that ends in a Dump. DATA_LOSS when the machine cannot
  // fold it.
  absl::StatusOr<Delta> Apply(const log::v1::Record& record, Place place, bool skip, bool values = true);
  // The record appended under `seq` has come back at `offset`.
  void Landed(const Delta& delta, uint64_t seq, int64_t offset);

  const Machine& machine() const { return *machine_; }
  const StreamMeta* Stream(const std::string& id) const;
  struct Outcome {
    log::v1::OutcomeValue value;
    Place place;
  };
  const Outcome* FindOutcome(const std::string& command_id) const;
  // True where this policy's event was taken before.
  bool PolicyTook(const log::v1::PolicyOrigin& origin) const;
  // The earliest timer due at or before `now_ms`.
  std::optional<log::v1::TimerId> Due(int64_t now_ms) const;
  const std::vector<log::v1::Activation>& activations() const { return activations_; }
  size_t streams() const { return streams_.size(); }
  size_t outcomes() const { return outcomes_.size(); }

  // Everything, part by part, for a refill. While one is under way nothing is in flight and nothing is taken in.
  class Dump {
   public:
    // `memory` outlives it.
    explicit Dump(const ShardMemory& memory);
    // At most HotState::kMaxArguments arguments; empty where there is nothing at all.
    HotChanges Next();
    bool done() const;

   private:
    bool AddNext(HotChanges& part);
    const ShardMemory* memory_;
    absl::flat_hash_map<std::string, StreamMeta>::const_iterator stream_;
    absl::flat_hash_map<std::string, Outcome>::const_iterator outcome_;
    std::map<std::string, std::pair<log::v1::EventId, Place>>::const_iterator policy_;
  };

 private:
  void Arm(const std::string& stream, StreamMeta& meta, StreamMeta::Timer timer);
  void Disarm(const std::string& stream, StreamMeta& meta, std::string_view kind);
  void Expire(int64_t broker_now_ms, Delta& delta);
  absl::Status ApplyStreams(const log::v1::Record& record, Place place, bool skip, bool values, Delta& delta);
  log::v1::StreamValue ValueOf(const std::string& id, const StreamMeta& meta) const;
  std::vector<std::string> SortedRows(const std::string& id) const;
  void Met(HotTable table, const std::string& key, int64_t offset);

  const Rules& rules_;
  std::unique_ptr<Machine> machine_;
  absl::flat_hash_map<std::string, StreamMeta> streams_;
  absl::flat_hash_map<std::string, Outcome> outcomes_;
  std::set<std::pair<int64_t, std::string>> window_;  // outcomes by their now
  std::map<std::string, std::pair<log::v1::EventId, Place>> policies_;
  absl::btree_set<std::tuple<int64_t, std::string, std::string, uint64_t>> timers_;  // due, stream, kind, version
  std::vector<log::v1::Activation> activations_;
  int64_t broker_now_ms_ = 0;
  std::map<std::pair<HotTable, std::string>, int64_t> ahead_;  // loaded, and their records not met yet
};

// The delta as one call of hot state, at its record's offset.
HotChanges ToHotChanges(Delta delta, int64_t offset);

std::string PolicyKey(const log::v1::PolicyOrigin& origin);

// Adds `next` as the one decided last, once: the same again, after another for the same time, holds again.
void AddActivation(std::vector<log::v1::Activation>& activations, const log::v1::Activation& next);

}  // namespace civicmesh
