// Which shards of a domain this replica owns, as the consumer group of its inbox says (R15); or, over another topic,
// which of its partitions: one partition makes one of several processes the one that works.
//
//   KafkaMembership membership(options, [&](std::set<int> shards) { worker.SetAssigned(std::move(shards)); });
//
// It reads nothing: it joins, tells every assignment, and keeps its place on a thread of its own, however long the
// worker takes. It says who should own a shard, not who does: only the journal's barriers decide that (R3).
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/runtime/journal/kafka_options.h"

namespace civicmesh {

class KafkaMembership {
 public:
  // Told on the membership's thread whenever the set changes; empty while the group is being rearranged, after the
  // place was lost, and at last by Close. Must not block, nor call back into the membership.
  using OnChange = std::function<void(std::set<int> shards)>;

  // Joins. A Kafka that is away is waited for. `topic`: whose partitions are given out; the domain's inbox where it is
  // empty.
  KafkaMembership(const KafkaOptions& options, OnChange on_change, std::string topic = "");
  // Closes with a bound of three seconds.
  ~KafkaMembership();

  // Leaves the group, so that others take over at once instead of after the session's six seconds. Blocks at most
  // `bound` (and at most three seconds more for the client's threads to go). OK: left. DEADLINE_EXCEEDED: not
  // confirmed; the group finds out by itself. No call of OnChange comes after it. Closing again does nothing.
  absl::Status Close(absl::Duration bound);

  // UNAVAILABLE with the reason where the client could not be made or has given up; for readiness.
  absl::Status Health() const;

 private:
  struct Member;
  std::shared_ptr<Member> member_;
};

}  // namespace civicmesh
