// What a backup copies, topic by topic; shared by backup and restore.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/runtime/journal/kafka_copy.h"

namespace civicmesh::civicctl {

enum class CopyKind {
  kPlain,    // restored at the same offsets
  kJournal,  // likewise; it says how much of its inbox is decided
  kInbox,    // only what is not decided
  kCompact,  // records may be missing in between, and offsets mean nothing
};

struct CopiedTopic {
  std::string name;
  int partitions = 0;
  CopyKind kind = CopyKind::kPlain;
  std::string domain;  // whose journal or inbox it is
};

// Every topic of the mesh. FAILED_PRECONDITION: one is missing, or has another number of partitions.
absl::StatusOr<std::vector<CopiedTopic>> CopiedTopics(KafkaCopy& kafka, int shards);

std::vector<TopicPartition> PartitionsOf(const std::vector<CopiedTopic>& topics);

}  // namespace civicmesh::civicctl
