// The topics of the mesh as they must be (DESIGN section 2): checked by every service at start-up, made at
// installation.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "services/runtime/journal/journal.h"
#include "services/runtime/journal/kafka_options.h"

namespace civicmesh {

// What one topic must be. None loses records to its size or elects an unclean leader, and none is compacted that does
// not say so.
struct TopicSpec {
  std::string name;
  int partitions = 8;
  // Kept at least so long; -1: for ever, and then exactly so.
  int64_t retention_ms = -1;
  // True where the broker stamps the time of a record, not its producer.
  bool log_append_time = false;
  // Above 0: compacted (keyed_log.h), and what was replaced is gone from the disks after so long, at the next append.
  int64_t compaction_lag_ms = 0;
};

// The four topics of the domain.
std::vector<TopicSpec> TopicsOf(const KafkaOptions& options);
// Compacted, one partition; old progress is of no use to anybody.
TopicSpec WebhooksProgressTopicSpec();

// OK: all four topics have `shards` partitions and settings under which no record is lost, compacted or unstamped.
// FAILED_PRECONDITION: names every setting that is wrong, with what it must be. UNAVAILABLE: Kafka does not answer;
// UNAUTHENTICATED: it does not let this user in. Blocks at most 20 seconds.
absl::Status CheckTopics(const KafkaOptions& options);

// The same for any topics; `options` says how to reach Kafka and how large records are.
absl::Status CheckTopics(const KafkaOptions& options, const std::vector<TopicSpec>& topics);

struct TopicCreation {
  int replication = 1;
  int min_insync_replicas = 1;
  // Replaces or adds settings of one topic of the domain.
  std::vector<std::tuple<Topic, std::string, std::string>> settings = {};
};

// Makes the topics that do not exist, in one request; leaves the others as they are. Returns when all partitions have
// leaders, which a busy machine may take a while for: blocks at most 75 seconds. Errors as above; INVALID_ARGUMENT: the
// broker refuses one.
absl::Status CreateTopics(const KafkaOptions& options, const TopicCreation& creation);

// The same for any topics.
absl::Status CreateTopics(const KafkaOptions& options, const std::vector<TopicSpec>& topics,
                          const TopicCreation& creation);

// The settings with which CreateTopics makes `topic`, the replicas' apart.
std::map<std::string, std::string> SettingsOf(const KafkaOptions& options, const TopicSpec& topic);

}  // namespace civicmesh
