// How intake's reference data (domain/reference.h) is made from the contents of the reference topic (DESIGN R10).
#pragma once

#include <map>
#include <string>

#include "services/intake/domain/reference.h"
#include "services/runtime/shard/reference_library.h"

namespace civicmesh::intake {

// For ServiceSpec::references. INVALID_ARGUMENT: undecodable, no class, a code or camera twice, or as
// NoticeWords::Make says; also words for a ground that dispatch does not know.
std::map<std::string, ReferenceLibrary::Parser> ReferenceParsers();

}  // namespace civicmesh::intake
