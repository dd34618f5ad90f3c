// The log alone: a record into an inbox, read back, one into a journal, read back; eight partitions, one session, one
// reader. What the runtime adds to it is the runtime's price.
#pragma once

#include "absl/status/statusor.h"
#include "services/civicctl/connection.h"
#include "tests/bench/load.h"

namespace civicmesh::bench {

// Uses topics of its own (domain "bench"), made where they are missing. Blocks.
absl::StatusOr<Load> RawLoop(const civicctl::KafkaPlace& kafka, int in_flight, absl::Duration measured);

}  // namespace civicmesh::bench
