// A standard that another city published as a table (CSV: one 立案条件 a row), made this district's own.
//
// Columns, by the names in the first line: kind (component or event), major_code, major_name, minor_code, minor_name,
// registration_condition, disposal_limit, closure_condition, disposal_unit, responsible_department.
//
// Which unit handles a class follows from the mapping (deploy/sample/README.md, "Mapping"). What a table does not say
// is taken from the district's own standard where it knows the class: keywords, English name, camera class, danger. Two
// classes are the same where their national code is; local codes (扩展小类, minor number 90 and up) mean another thing
// in every city, so there the name decides. A class that only the published table knows gets its own name as keyword,
// and counts as dangerous where a condition holds one of the mapping's standard_hazard_words.
//
// Classes of the district that the table lacks are kept beside it: cameras, the hotline and the sample's reports need
// them. Where the table uses the code of such a class otherwise, the class moves to the next free local code
// (`recoded`).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "civicmesh/reference/v1/reference.pb.h"

namespace civicmesh::civicctl {

struct AdoptedStandard {
  reference::v1::Standard standard;
  // A class's code in the district's own standard → its code in `standard`, for every class of the former.
  std::map<std::string, std::string> codes;
  // Those of `codes` that are another code now.
  std::map<std::string, std::string> recoded;
  // What could not be used, a line each: where it stands, what it says, why.
  std::vector<std::string> left_out;
  int published_classes = 0;
  int published_conditions = 0;
  // Of the district's classes: known to the table, and kept beside it.
  int shared_classes = 0;
  int kept_classes = 0;
};

// `csv_file` is a path, `mapping` the text of the mapping file. INVALID_ARGUMENT: either cannot be read, says where.
absl::StatusOr<AdoptedStandard> AdoptStandard(const std::string& csv_file, std::string_view mapping,
                                              const reference::v1::Standard& own);

}  // namespace civicmesh::civicctl
