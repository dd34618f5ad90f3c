// What an event makes of a case's state.
#pragma once

#include "absl/status/status.h"
#include "civicmesh/dispatch/v1/dispatch_journal.pb.h"
#include "services/runtime/decider/machine.h"

namespace civicmesh::dispatch {

// DATA_LOSS for an event that this release does not know; `stream` is then as it was.
absl::Status Evolve(v1::DispatchStream& stream, const EventMeta& meta, const v1::JournalEvent& event);

}  // namespace civicmesh::dispatch
