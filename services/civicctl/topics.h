// civicctl topics create | check | yaml: the Kafka topics of the whole mesh.
#pragma once

#include <string>

#include "services/civicctl/command.h"

namespace civicmesh::civicctl {

Command TopicsCommand();

// What deploy/topics.yaml holds, for installations whose topics others make: name, partitions ("shards" stands for the
// number of shards) and settings of every topic.
std::string TopicsYaml();

}  // namespace civicmesh::civicctl
