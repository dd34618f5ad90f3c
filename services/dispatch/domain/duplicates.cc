#include "services/dispatch/domain/duplicates.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <tuple>
#include <utility>

namespace civicmesh::dispatch {
namespace {

constexpr double kPi = 3.14159265358979323846;
// Of latitude and longitude: 55.6 m from south to north, less from west to east.
constexpr double kCellDegrees = 0.0005;
constexpr int kMaxColumns = 20;
constexpr int64_t kApartMs = kDuplicateHours * 3600LL * 1000;

double Radians(double degrees) { return degrees * kPi / 180; }

// So many columns on either side cover the distance at this latitude. No district lies across the 180th meridian.
int ColumnsAround(double latitude) {
  const double width = Radians(kCellDegrees) * kEarthMetres * std::cos(Radians(latitude));
  return static_cast<int>(std::min<double>(kMaxColumns, std::ceil(kDuplicateMetres / std::max(width, 1.0))));
}

}  // namespace

double MetresBetween(double latitude1, double longitude1, double latitude2, double longitude2) {
  const double north = std::sin(Radians(latitude2 - latitude1) / 2),
               east = std::sin(Radians(longitude2 - longitude1) / 2);
  const double h = north * north + std::cos(Radians(latitude1)) * std::cos(Radians(latitude2)) * east * east;
  return 2 * kEarthMetres * std::asin(std::min(1.0, std::sqrt(h)));
}

DuplicateIndex::Cell DuplicateIndex::CellOf(const std::string& class_code, double latitude, double longitude) {
  return {class_code, static_cast<int>(std::floor(latitude / kCellDegrees)),
          static_cast<int>(std::floor(longitude / kCellDegrees))};
}

void DuplicateIndex::Add(const std::string& class_code, Entry entry) {
  auto& there = cells_[CellOf(class_code, entry.latitude, entry.longitude)];
  if (std::any_of(there.begin(), there.end(), [&](const Entry& e) { return e.id == entry.id; })) return;
  there.push_back(std::move(entry));
  ++size_;
}

void DuplicateIndex::Remove(const std::string& class_code, const Entry& entry) {
  auto it = cells_.find(CellOf(class_code, entry.latitude, entry.longitude));
  if (it == cells_.end()) return;
  size_ -= std::erase_if(it->second, [&](const Entry& e) { return e.id == entry.id; });
  if (it->second.empty()) cells_.erase(it);
}

std::vector<DuplicateIndex::Near> DuplicateIndex::Find(const std::string& class_code, double latitude, double longitude,
                                                       int64_t reported_ms) const {
  std::vector<std::pair<double, Near>> found;
  const Cell here = CellOf(class_code, latitude, longitude);
  const int columns = ColumnsAround(latitude);
  for (int row = here.row - 1; row <= here.row + 1; ++row) {
    for (int column = here.column - columns; column <= here.column + columns; ++column) {
      auto it = cells_.find(Cell{class_code, row, column});
      if (it == cells_.end()) continue;
      for (const Entry& e : it->second) {
        const double metres = MetresBetween(latitude, longitude, e.latitude, e.longitude);
        const int64_t apart_ms = std::abs(reported_ms - e.reported_ms);
        if (metres <= kDuplicateMetres && apart_ms <= kApartMs)
          found.push_back({metres, {e.id, static_cast<int>(std::lround(metres)), apart_ms}});
      }
    }
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first, a.second.id) < std::tie(b.first, b.second.id);
  });
  std::vector<Near> near;
  for (auto& [metres, what] : found) near.push_back(std::move(what));
  return near;
}

}  // namespace civicmesh::dispatch
