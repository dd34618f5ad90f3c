// Copies whole partitions of any topic as they are: offsets, times, keys, headers, tombstones. For what moves a log
// from one cluster to another (civicctl backup, restore); whoever takes part in the mesh uses kafka_journal.h.
//
//   auto source = KafkaCopy::Open(options);
//   (*source)->Read({"civicmesh.intake.journal.v1", 3}, 0, end, take);
//   auto copy = KafkaCopy::Open(other);
//   (*copy)->Append({"civicmesh.intake.journal.v1", 3}, record);      // lands at the end
//   (*copy)->Flush();
//
// One thread uses it. Everything may block, each call for as long as Kafka goes on answering.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/runtime/journal/journal.h"
#include "services/runtime/journal/kafka_options.h"

namespace civicmesh {

struct TopicPartition {
  std::string topic;
  int partition = 0;
  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
};

struct CopiedRecord {
  int64_t offset = 0;
  int64_t time_ms = -1;  // as the topic has it, by whomever it was stamped
  std::optional<std::string> key, value;
  Headers headers;
};

// How far the readers of a group have come, by group and partition.
using GroupOffsets = std::map<std::pair<std::string, TopicPartition>, int64_t>;

class KafkaCopy {
 public:
  // `options` say how to reach Kafka and how large records are; their domain counts for nothing. UNAVAILABLE,
  // UNAUTHENTICATED: as of kafka_topics.h.
  static absl::StatusOr<std::unique_ptr<KafkaCopy>> Open(const KafkaOptions& options);
  ~KafkaCopy();

  // How many partitions the topic has; 0: there is no such topic.
  absl::StatusOr<int> Partitions(const std::string& topic);

  // The first offset that is still there and the end of each, one after the other.
  absl::StatusOr<std::map<TopicPartition, Bounds>> GetBounds(const std::vector<TopicPartition>& partitions);

  // Hands over what stands in [from, to), in order, as far as it is still there, until `take` fails. UNAVAILABLE:
  // nothing comes any more.
  absl::Status Read(const TopicPartition& at, int64_t from, int64_t to,
                    const std::function<absl::Status(CopiedRecord)>& take);

  // Queues a record at the end of the partition, with its time where the topic takes the producer's.
  absl::Status Append(const TopicPartition& to, const CopiedRecord& record);
  // Waits until all that was appended is acknowledged. The first error of any of them; nothing was lost in between.
  absl::Status Flush();

  // Forgets what stands below `offset`, which becomes the first offset of the partition.
  absl::Status DeleteBefore(const TopicPartition& at, int64_t offset);

  // Of all groups of the cluster that have come anywhere in these partitions.
  absl::StatusOr<GroupOffsets> GetGroups(const std::vector<TopicPartition>& partitions);
  // The groups must have no members.
  absl::Status SetGroups(const GroupOffsets& offsets);

 private:
  struct Impl;
  explicit KafkaCopy(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace civicmesh
