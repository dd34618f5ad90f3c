#include "services/civicctl/domains.h"

#include <memory>

#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "civicmesh/dispatch/v1/dispatch_journal.pb.h"
#include "civicmesh/intake/v1/intake_events.pb.h"
#include "civicmesh/intake/v1/intake_journal.pb.h"
#include "civicmesh/options/v1/options.pb.h"
#include "civicmesh/points/v1/points_events.pb.h"
#include "civicmesh/points/v1/points_journal.pb.h"
#include "civicmesh/volunteering/v1/volunteering_events.pb.h"
#include "civicmesh/volunteering/v1/volunteering_journal.pb.h"
#include "services/dispatch/dispatch_reference.h"
#include "services/dispatch/domain/dispatch_shard.h"
#include "services/intake/domain/intake_shard.h"
#include "services/intake/intake_reference.h"
#include "services/points/domain/points_shard.h"
#include "services/points/points_reference.h"
#include "services/runtime/base/names.h"
#include "services/volunteering/domain/shard.h"

namespace civicmesh::civicctl {

const std::vector<Domain>& Domains() {
  static const auto* all = new std::vector<Domain>{
      {.name = "intake",
       .events = intake::v1::ReportSubmitted::descriptor()->file(),
       .command = intake::v1::Command::descriptor(),
       .journal_event = intake::v1::JournalEvent::descriptor(),
       .stream = intake::v1::IntakeStream::descriptor(),
       .machines = intake::MakeShard,
       .follows = {"dispatch", "points"},
       .references = intake::ReferenceParsers()},
      {.name = "dispatch",
       .events = dispatch::v1::CaseOpened::descriptor()->file(),
       .command = dispatch::v1::Command::descriptor(),
       .journal_event = dispatch::v1::JournalEvent::descriptor(),
       .stream = dispatch::v1::DispatchStream::descriptor(),
       .machines = [](int) { return std::make_unique<dispatch::DispatchShard>(); },
       .follows = {"intake", "dispatch"},
       .references = dispatch::ReferenceParsers()},
      {.name = "points",
       .events = points::v1::Posting::descriptor()->file(),
       .command = points::v1::Command::descriptor(),
       .journal_event = points::v1::JournalEvent::descriptor(),
       .stream = points::v1::PointsStream::descriptor(),
       .machines = [](int) { return std::make_unique<points::PointsShard>(); },
       .follows = {"dispatch", "points", "volunteering"},
       .references = points::ReferenceParsers()},
      {.name = "volunteering",
       .events = volunteering::v1::ActivityContext::descriptor()->file(),
       .command = volunteering::v1::Command::descriptor(),
       .journal_event = volunteering::v1::JournalEvent::descriptor(),
       .stream = volunteering::v1::ActivityState::descriptor(),
       .machines = volunteering::MakeShard},
  };
  return *all;
}

std::vector<std::string> TopicNames(const Domain& domain) {
  const auto& options = domain.events->options();
  std::vector<std::string> names;
  for (int i = 0; i < options.ExtensionSize(options::v1::topics); ++i)
    names.push_back(options.GetExtension(options::v1::topics, i).name());
  return names;
}

std::vector<TopicSpec> AllTopics(int shards) {
  std::vector<TopicSpec> topics;
  for (const Domain& domain : Domains()) {
    const auto& options = domain.events->options();
    for (int i = 0; i < options.ExtensionSize(options::v1::topics); ++i) {
      const options::v1::Topic& topic = options.GetExtension(options::v1::topics, i);
      topics.push_back({.name = topic.name(),
                        .partitions = topic.single_partition() ? 1 : shards,
                        .retention_ms = topic.retention_ms(),
                        .log_append_time = topic.log_append_time(),
                        .compaction_lag_ms = topic.compaction_lag_ms()});
    }
  }
  topics.push_back({.name = ReferenceTopic(), .partitions = 1});
  topics.push_back(WebhooksProgressTopicSpec());
  return topics;
}

}  // namespace civicmesh::civicctl
