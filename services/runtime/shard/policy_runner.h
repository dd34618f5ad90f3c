// Policies: one domain acting on another's facts (DESIGN section 2). A policy reads public events in order per source
// shard and appends commands to its own domain's inbox; it commits after the appends are acknowledged. A crash between
// the two repeats commands, and the target shard takes each of them once (R8).
//
//   PolicySpec{.name = "open_case", .source_domain = "intake", .react = [](const PublicFact& f) { … }}
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/runtime/journal/group_reader.h"
#include "services/runtime/journal/journal.h"

namespace civicmesh {

// A public event as read from its topic.
struct PublicFact {
  std::string type;     // ce_type
  std::string subject;  // ce_subject
  std::string bytes;
  int64_t time_ms = 0;  // ce_time: the business time of the fact
  int source_shard = 0;
  int64_t journal_offset = 0;
  int index = 0;
  std::string traceparent;  // W3C; of the call that it came of, empty where that brought none
};

struct PolicyCommand {
  int shard = 0;
  std::string payload;
};

struct PolicySpec {
  // So many commands of one event can be told apart at their target.
  static constexpr int kCommandsPerEvent = 64;

  // Part of the group's name and of what the target shard remembers: never renamed.
  std::string name;
  std::string source_domain;
  // A function of the fact alone; at most kCommandsPerEvent commands, in a fixed order. An error parks the event.
  std::function<absl::StatusOr<std::vector<PolicyCommand>>(const PublicFact&)> react;
  // What has to be done outside the log, before the event counts as acted on; empty: nothing. It may be repeated, and
  // may block for some seconds. UNAVAILABLE: the event is read again; other errors park it.
  std::function<absl::Status(const PublicFact&)> act = {};
};

// INVALID_ARGUMENT when the record does not carry the headers of an event of ours.
absl::StatusOr<PublicFact> ParseFact(const LogRecord& record);

// Runs one policy. Run() is called on a thread of the caller's; the rest is thread-safe.
class PolicyRunner {
 public:
  // `target` is the policy's own domain's journal, `driven` as in WorkerOptions. All outlive the runner.
  PolicyRunner(PolicySpec spec, bool driven, GroupReader* source, Journal* target);
  ~PolicyRunner();

  // Reads, reacts, appends and commits until Stop; says after each turn that it has turned, for a watchdog.
  void Run(const std::function<void()>& turned);
  void Stop() { stop_ = true; }

  struct Progress {
    std::map<int, int64_t> committed;  // by source shard held: the next offset
    uint64_t commands = 0, parked = 0, restarts = 0;
  };
  Progress progress() const;
  const PolicySpec& spec() const { return spec_; }

  // One turn of Run: at most `max` events. For tests and the simulation.
  void Turn(int max, int wait_ms);

 private:
  struct Impl;
  const PolicySpec spec_;
  std::unique_ptr<Impl> impl_;
  std::atomic<bool> stop_{false};
};

}  // namespace civicmesh
