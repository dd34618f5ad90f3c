// Where a place is: the cell that chooses its shard, and the unit grid that it lies in. The only part of dispatch that
// knows S2 geometry.
//
// Pure functions; a GridMap is immutable and thread-safe. A look-up takes a microsecond or two.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "services/dispatch/domain/reference.h"

namespace civicmesh::dispatch {

// The token of the S2 cell of level 12 (about 2 km wide) around a point in degrees. Its shard is the case's for ever.
std::string HomeCell(double latitude, double longitude);

// The other shards, of `shards`, whose cells begin within kDuplicateMetres of a point in degrees; ascending. Mostly
// none.
std::vector<int> NearShards(double latitude, double longitude, int shards);

struct GridRing {
  std::string code;
  std::vector<std::pair<double, double>> corners;  // latitude, longitude; either way round; not repeated at the end
};

// INVALID_ARGUMENT, naming the grid: fewer than three corners, a corner twice, or a ring that crosses itself.
absl::StatusOr<std::unique_ptr<const GridMap>> MakeGridMap(const std::vector<GridRing>& rings);

}  // namespace civicmesh::dispatch
