// Open cases by class and place, for the duplicate rule (相似案件): same minor class, at most 50 m and 24 h apart.
//
// Keeps the open cases of one shard. A look-up costs what lies in the few cells around the place, however many cases
// there are. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace civicmesh::dispatch {

constexpr int kDuplicateMetres = 50;
constexpr int kDuplicateHours = 24;
constexpr double kEarthMetres = 6371008.8;  // mean radius

// Metres between two points given in degrees.
double MetresBetween(double latitude1, double longitude1, double latitude2, double longitude2);

class DuplicateIndex {
 public:
  struct Entry {
    std::string id;
    double latitude = 0, longitude = 0;
    int64_t reported_ms = 0;
  };
  struct Near {
    std::string id;
    int metres = 0;
    int64_t apart_ms = 0;
  };

  // Adding an id that is there, or removing one that is not, changes nothing.
  void Add(const std::string& class_code, Entry entry);
  void Remove(const std::string& class_code, const Entry& entry);

  // What a report of that class, place and time may duplicate: the nearest first, then by id.
  std::vector<Near> Find(const std::string& class_code, double latitude, double longitude, int64_t reported_ms) const;

  size_t size() const { return size_; }

 private:
  struct Cell {
    std::string class_code;
    int row = 0, column = 0;
    bool operator==(const Cell&) const = default;
    template <typename H>
    friend H AbslHashValue(H h, const Cell& c) {
      return H::combine(std::move(h), c.class_code, c.row, c.column);
    }
  };
  static Cell CellOf(const std::string& class_code, double latitude, double longitude);

  absl::flat_hash_map<Cell, std::vector<Entry>> cells_;
  size_t size_ = 0;
};

}  // namespace civicmesh::dispatch
