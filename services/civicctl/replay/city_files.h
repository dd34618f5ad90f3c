// What a replay knows of the city beforehand: the files from which it was loaded.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "civicmesh/reference/v1/reference.pb.h"

namespace civicmesh::civicctl {

struct CityFiles {
  reference::v1::District district;
  reference::v1::Roster roster;
  reference::v1::Standard standard;
  reference::v1::WorkCalendar calendar;
  reference::v1::Catalogue catalogue;
  std::string mapping;
  // Codes of the folder's own standard that `standard` uses otherwise.
  std::map<std::string, std::string> codes;
};

// From a folder as deploy/sample; with `standard_csv` not empty, a published standard is taken over into its own.
absl::StatusOr<CityFiles> ReadCityFiles(const std::string& folder, const std::string& standard_csv);

}  // namespace civicmesh::civicctl
