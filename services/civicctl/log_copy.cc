#include "services/civicctl/log_copy.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "services/civicctl/domains.h"
#include "services/runtime/base/names.h"

namespace civicmesh::civicctl {
namespace {

CopiedTopic Described(const TopicSpec& spec) {
  CopiedTopic topic{.name = spec.name, .partitions = spec.partitions};
  if (spec.name == KeysTopic()) topic.kind = CopyKind::kCompact;
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
  std::vector<TopicSpec> specs = AllTopics(shards);
  const auto has_keys = [](const TopicSpec& spec) { return spec.name == KeysTopic(); };
  if (std::none_of(specs.begin(), specs.end(), has_keys)) specs.push_back({.name = KeysTopic(), .partitions = shards});
  std::vector<CopiedTopic> topics;
  for (const TopicSpec& spec : specs) {
    auto partitions = kafka.Partitions(spec.name);
    if (!partitions.ok()) return partitions.status();
    if (*partitions == 0 && has_keys(spec)) continue;
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
