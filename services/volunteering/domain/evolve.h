// How an activity's state follows from its journal events. A pure function.
#pragma once

#include "absl/status/status.h"
#include "civicmesh/volunteering/v1/volunteering_journal.pb.h"
#include "services/runtime/decider/machine.h"

namespace civicmesh::volunteering {

// Of the sign-ups cancelled in one activity, so many stay readable: a state is bounded.
constexpr int kCancelledKept = 100;

// DATA_LOSS: the event is unknown, or speaks of a volunteer who has not signed up.
absl::Status Evolve(v1::ActivityState& state, const EventMeta& meta, const v1::JournalEvent& event);

}  // namespace civicmesh::volunteering
