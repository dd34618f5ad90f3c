// One shard of volunteering: its activities, each a stream with everyone who signed up.
//
// The rules are in rules.h. Lists find an activity by these rows, each sorted by its start: "open" (has not ended),
// "organiser" (who published it), "volunteer" (everyone who has a record in it, by token).
#pragma once

#include <memory>

#include "services/runtime/decider/machine.h"

namespace civicmesh::volunteering {

constexpr char kOpenRows[] = "open", kOrganiserRows[] = "organiser", kVolunteerRows[] = "volunteer";

std::unique_ptr<Machine> MakeShard(int shard);

}  // namespace civicmesh::volunteering
