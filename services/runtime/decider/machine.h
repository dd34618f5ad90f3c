// One shard of one domain in memory, as the runtime sees it: bytes in, bytes out, no I/O.
//
// A domain writes Decide and Evolve over its own generated messages and gets a Machine by deriving from
// TypedMachine (typed_machine.h). The owner of a shard keeps versions, timers, outcomes and time; the machine keeps the
// streams' states and whatever indexes it derives from them.
//
// One thread uses a machine. Nothing blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/runtime/decider/context.h"
#include "services/runtime/decider/decision.h"

namespace civicmesh {

struct FiredTimer {
  std::string stream;
  std::string kind;
  int64_t due_ms = 0;
};

// A fact for other services and the data team: one record of the events topic.
struct PublicEvent {
  std::string type;     // the event's full proto name: ce_type
  std::string subject;  // what it is about: ce_subject
  std::string bytes;
};

// What a machine is told about the record whose event it folds or publishes.
struct EventMeta {
  std::string_view stream;
  uint64_t version = 0;
  int64_t now_ms = 0;
};

class Machine {
 public:
  using Bytes = std::string;
  virtual ~Machine() = default;

  // Decides a command's payload. An error status means that it cannot be decided at all (undecodable): it is parked.
  virtual absl::StatusOr<Decision<Bytes>> Decide(std::string_view payload, const Context& ctx) const = 0;
  virtual absl::StatusOr<Decision<Bytes>> Fire(const FiredTimer& timer, const Context& ctx) const = 0;

  // Applies one journal event. An error (undecodable, unknown) stops the shard: DATA_LOSS.
  virtual absl::Status Evolve(const EventMeta& meta, std::string_view event) = 0;

  // A stream's whole state, absolute, and back. Save of an unknown stream answers "".
  virtual Bytes Save(std::string_view stream) const = 0;
  virtual absl::Status Load(std::string_view stream, std::string_view state) = 0;

  // The rows by which lists find this stream, in its present state: "<index>\x1f<value>\x1f<sort key>\x1f<stream>".
  virtual std::vector<std::string> Rows(std::string_view stream) const = 0;

  // The public facts of one journal event: a function of the event alone.
  virtual absl::StatusOr<std::vector<PublicEvent>> Publish(const EventMeta& meta, std::string_view event) const = 0;
};

using MachineFactory = std::function<std::unique_ptr<Machine>(int shard)>;

}  // namespace civicmesh
