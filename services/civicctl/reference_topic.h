// Puts contents on the reference topic, where every process finds them (services/runtime/shard/reference_reader.h).
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/civicctl/reference_contents.h"
#include "services/runtime/journal/kafka_options.h"

namespace civicmesh::civicctl {

// `reference` says how to reach the topic. Appends those of `contents` that are not there whole, and waits until the
// broker has them. Returns how many those were. UNAVAILABLE: Kafka does not answer; repeating is safe. Blocks.
absl::StatusOr<int> PublishContents(const KafkaOptions& reference, const std::vector<Content>& contents);

}  // namespace civicmesh::civicctl
