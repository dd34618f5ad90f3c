// What can be said about a request by itself: lengths, photos, ranges, personal numbers. The handlers ask before
// anything is written, since personal data must not reach the log; a command that got there all the same is refused by
// the shard in the same words.
#pragma once

#include <optional>

#include "civicmesh/dispatch/v1/dispatch_journal.pb.h"
#include "services/runtime/decider/decision.h"

namespace civicmesh::dispatch {

// Nullopt where nothing is wrong. A pure function.
std::optional<Refusal> Validate(const v1::Command& command);

}  // namespace civicmesh::dispatch
