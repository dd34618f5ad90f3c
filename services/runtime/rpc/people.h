// The roster, the revocations and the agencies' quotas among a process's reference data (people/roster.h).
#pragma once

#include <map>
#include <string>

#include "services/runtime/rpc/gate.h"
#include "services/runtime/shard/reference_library.h"

namespace civicmesh {

// A domain's parsers and those of what every service reads: roster, revocations, quotas.
std::map<std::string, ReferenceLibrary::Parser> WithRoster(std::map<std::string, ReferenceLibrary::Parser> parsers);

// What was published last. `library` outlives it.
Gate::People PeopleOf(const ReferenceLibrary& library);

}  // namespace civicmesh
