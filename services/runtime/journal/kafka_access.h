// Who may do what with the topics and groups of a cluster: Kafka's ACLs, made equal to a list.
//
// A cluster that has an authorizer lets nobody do anything that no rule allows, but for its super users. Whoever may
// read or write something may also see that it is there.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/runtime/journal/kafka_options.h"

namespace civicmesh {

struct KafkaGrant {
  enum class On { kTopic, kGroup };
  enum class May { kRead, kWrite, kSee, kSeeSettings };

  std::string user;
  On on = On::kTopic;
  std::string name;
  bool prefix = false;  // all whose names begin with `name`
  May may = May::kRead;

  friend auto operator<=>(const KafkaGrant&, const KafkaGrant&) = default;
};

struct AppliedGrants {
  int added = 0, removed = 0, kept = 0;
};

// Afterwards each user whom `grants` names may do exactly what they say; users whom they do not name keep what they
// have. UNAVAILABLE, UNAUTHENTICATED: as kafka_topics.h; PERMISSION_DENIED: `options` is no super user's;
// FAILED_PRECONDITION: the cluster has no authorizer. Blocks at most 30 seconds.
absl::StatusOr<AppliedGrants> ApplyGrants(const KafkaOptions& options, const std::vector<KafkaGrant>& grants);

}  // namespace civicmesh
