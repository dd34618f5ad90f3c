#include "services/dispatch/dispatch_geometry.h"

#include <s2/mutable_s2shape_index.h>
#include <s2/s2cell.h>
#include <s2/s2cell_id.h>
#include <s2/s2contains_point_query.h>
#include <s2/s2debug.h>
#include <s2/s2error.h>
#include <s2/s2latlng.h>
#include <s2/s2loop.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "services/dispatch/domain/duplicates.h"
#include "services/runtime/base/names.h"

namespace civicmesh::dispatch {
namespace {

constexpr int kHomeLevel = 12;

S2Point PointAt(double latitude, double longitude) {
  return S2LatLng::FromDegrees(latitude, longitude).Normalized().ToPoint();
}

class IndexedGrids : public GridMap {
 public:
  void Add(std::string code, std::unique_ptr<S2Loop> loop) {
    codes_.push_back(std::move(code));
    index_.Add(std::make_unique<S2Loop::OwningShape>(std::move(loop)));
  }
  // Afterwards the index is only read, which is thread-safe.
  void Build() { index_.ForceBuild(); }

  std::string Find(double latitude, double longitude) const override {
    // Half-open: a corner belongs to one of the grids that meet there.
    S2ContainsPointQuery<MutableS2ShapeIndex> query(&index_, S2ContainsPointQueryOptions(S2VertexModel::SEMI_OPEN));
    std::string code;
    query.VisitContainingShapes(PointAt(latitude, longitude), [&](S2Shape* shape) {
      code = codes_[shape->id()];
      return false;
    });
    return code;
  }

 private:
  std::vector<std::string> codes_;  // by shape id
  MutableS2ShapeIndex index_;
};

}  // namespace

std::string HomeCell(double latitude, double longitude) {
  return S2CellId(PointAt(latitude, longitude)).parent(kHomeLevel).ToToken();
}

std::vector<int> NearShards(double latitude, double longitude, int shards) {
  const S2Point place = PointAt(latitude, longitude);
  const S2CellId home = S2CellId(place).parent(kHomeLevel);
  std::vector<S2CellId> around;
  home.AppendAllNeighbors(kHomeLevel, &around);
  std::set<int> near;
  for (const S2CellId& cell : around)
    if (S2Cell(cell).GetDistance(place).ToAngle().radians() * kEarthMetres <= kDuplicateMetres)
      near.insert(ShardOf(cell.ToToken(), shards));
  near.erase(ShardOf(home.ToToken(), shards));
  return {near.begin(), near.end()};
}

absl::StatusOr<std::unique_ptr<const GridMap>> MakeGridMap(const std::vector<GridRing>& rings) {
  auto grids = std::make_unique<IndexedGrids>();
  for (const GridRing& ring : rings) {
    std::vector<S2Point> corners;
    for (const auto& [latitude, longitude] : ring.corners) corners.push_back(PointAt(latitude, longitude));
    auto loop = std::make_unique<S2Loop>();
    loop->set_s2debug_override(S2Debug::DISABLE);  // what is wrong is said below
    loop->Init(corners);
    S2Error error;
    if (corners.size() < 3 || loop->FindValidationError(&error))
      return absl::InvalidArgumentError(
          absl::StrCat("grid ", ring.code, ": ", corners.size() < 3 ? "fewer than three corners" : error.text()));
    loop->Normalize();
    grids->Add(ring.code, std::move(loop));
  }
  grids->Build();
  return grids;
}

}  // namespace civicmesh::dispatch
