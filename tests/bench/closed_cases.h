// A district that has been at it for years: closed cases by the hundred thousand, in dispatch's journal.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "services/civicctl/connection.h"

namespace civicmesh::bench {

// Appends closed cases number `first` to `first` + `cases`, spread over the shards, to dispatch's journal: each a copy,
// under an id of its own, of one that the running city closed before, record by record, as an owner of an epoch of its
// own would have written them. Of the public events only each shard's last one is published, which the next owner asks
// for (R9, R14): other domains do not hear of these cases. Dispatch must be down, and its hot state emptied before it
// comes up again.
//
// NOT_FOUND where dispatch has closed no case yet. Blocks until all is acknowledged; tells its progress on stderr.
absl::Status WriteClosedCases(const civicctl::KafkaPlace& kafka, int64_t first, int64_t cases);

}  // namespace civicmesh::bench
