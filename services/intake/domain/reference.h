// The reference data that intake reads, as its decisions and handlers use them (DESIGN R10).
//
// Immutable once made, so thread-safe.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "services/intake/text/classifier.h"

namespace civicmesh::intake {

constexpr char kStandard[] = "standard";
constexpr char kDistrict[] = "district";

// Kind "standard".
struct IntakeStandard {
  explicit IntakeStandard(const reference::v1::Standard& standard);

  struct MinorClass {
    std::string code;
    std::string name_zh;
  };
  // Null where the standard has none.
  const MinorClass* Find(std::string_view code) const;
  const MinorClass* FindCameraClass(int camera_class) const;

  const reference::v1::Standard published;
  std::string version;
  Classifier classifier;

 private:
  absl::flat_hash_map<std::string, MinorClass> classes_;
  std::map<int, std::string> camera_classes_;  // to codes
};

// Kind "district": its cameras.
struct IntakeDistrict {
  absl::flat_hash_map<std::string, reference::v1::Camera> cameras;
};

}  // namespace civicmesh::intake
