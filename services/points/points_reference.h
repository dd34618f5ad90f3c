// The reference data that points decides by: kind "points_rules" (reference.v1.PointsRules) and kind "catalogue"
// (reference.v1.Catalogue). A content that contradicts itself is refused when it is loaded, not when it is used.
#pragma once

#include <map>
#include <string>

#include "services/runtime/shard/reference_library.h"

namespace civicmesh::points {

std::map<std::string, ReferenceLibrary::Parser> ReferenceParsers();

}  // namespace civicmesh::points
