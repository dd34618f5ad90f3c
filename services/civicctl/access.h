// civicctl access: what each user of Kafka may do, as the rules of its cluster
// (services/runtime/journal/kafka_access.h).
#pragma once

#include <vector>

#include "services/civicctl/command.h"
#include "services/runtime/journal/kafka_access.h"

namespace civicmesh::civicctl {

// access apply makes the cluster's rules equal to the table; access list prints it.
Command AccessCommand();

// The whole table. Users are called as their service; `data` is the data team's, which reads the public events and
// nothing else. The operator (this tool) and the broker are the cluster's super users and stand in no rule.
std::vector<KafkaGrant> Grants();

}  // namespace civicmesh::civicctl
