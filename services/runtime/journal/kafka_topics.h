// The four topics of a domain as they must be (DESIGN section 2): checked by every service at start-up, made at
// installation.
#pragma once

#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "services/runtime/journal/journal.h"
#include "services/runtime/journal/kafka_options.h"

namespace civicmesh {

// OK: all four topics have `shards` partitions and settings under which no record is lost, compacted or unstamped.
// FAILED_PRECONDITION: names every setting that is wrong, with what it must be. UNAVAILABLE: Kafka does not answer.
// Blocks at most 15 seconds.
absl::Status CheckTopics(const KafkaOptions& options);

struct TopicCreation {
  int replication = 1;
  int min_insync_replicas = 1;
  // Replaces or adds settings of one topic.
  std::vector<std::tuple<Topic, std::string, std::string>> settings = {};
};

// Makes the topics that do not exist; leaves the others as they are. Errors and blocking as above; INVALID_ARGUMENT:
// the broker refuses one.
absl::Status CreateTopics(const KafkaOptions& options, const TopicCreation& creation);

}  // namespace civicmesh
