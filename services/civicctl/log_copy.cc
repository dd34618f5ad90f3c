#include "services/civicctl/log_copy.h"

#include "absl/strings/str_cat.h"
#include "services/civicctl/domains.h"
#include "services/runtime/base/names.h"

namespace civicmesh::civicctl {
namespace {

CopiedTopic Described(const TopicSpec& spec) {
  CopiedTopic topic{.name = spec.name, .partitions = spec.partitions};
  if (spec.compaction_lag_ms > 0) topic.kind = CopyKind::kCompact;
  for (const Domain& domain : Domains()) {
    const bool inbox = spec.name == InboxTopic(domain.name);
    if (!inbox && spec.name != JournalTopic(domain.name)) continue;
    topic.kind = inbox ? CopyKind::kInbox : CopyKind::kJournal;
    topic.domain = domain.name;
  }
  return topic;
}

}  // namespace

absl::StatusOr<std::vector<CopiedTopic>> CopiedTopics(KafkaCopy& kafka, int shards) {
  std::vector<CopiedTopic> topics;
  for (const TopicSpec& spec : AllTopics(shards)) {
    auto partitions = kafka.Partitions(spec.name);
    if (!partitions.ok()) return partitions.status();
    if (*partitions != spec.partitions)
      return absl::FailedPreconditionError(absl::StrCat(spec.name, " has ", *partitions, " partitions, not ",
                                                        spec.partitions,
                                                        ": is --shards right? (civicctl topics check)"));
    topics.push_back(Described(spec));
  }
  return topics;
}

std::vector<TopicPartition> PartitionsOf(const std::vector<CopiedTopic>& topics) {
  std::vector<TopicPartition> partitions;
  for (const CopiedTopic& topic : topics)
    for (int i = 0; i < topic.partitions; ++i) partitions.push_back({topic.name, i});
  return partitions;
}

}  // namespace civicmesh::civicctl
