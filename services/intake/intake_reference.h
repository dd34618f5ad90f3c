// How intake's reference data (domain/reference.h) is made from the contents of the reference topic (DESIGN R10).
#pragma once

#include <map>
#include <string>

#include "services/intake/domain/reference.h"
#include "services/runtime/shard/reference_library.h"

namespace civicmesh::intake {

// For ServiceSpec::references. INVALID_ARGUMENT: undecodable, no class, or a code or camera twice.
std::map<std::string, ReferenceLibrary::Parser> ReferenceParsers();

}  // namespace civicmesh::intake
