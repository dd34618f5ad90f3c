// Where the things of other cities lie in this district (deploy/sample/README.md, Mapping): mapping.json over the
// district's grids.
//
// Immutable, thread-safe.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "civicmesh/reference/v1/reference.pb.h"
#include "civicmesh/type/v1/type.pb.h"

namespace re2 {
class RE2;
}

namespace civicmesh::civicctl {

class Mapping {
 public:
  // `text` is mapping.json. INVALID_ARGUMENT: says what is wrong with it.
  static absl::StatusOr<Mapping> Make(std::string_view text, const reference::v1::District& district);

  // The code of the street that the area in subject or text leads to, or the borough; "" where it is not known.
  std::string StreetOfMessage(std::string_view subject, std::string_view text) const;
  std::string StreetOfRequest(const std::string& borough) const;
  // The centre of one grid of the street, of the whole district where it is ""; `id` chooses which.
  type::v1::GeoPoint CentreIn(std::string_view street, std::string_view id) const;
  // A place in words of our own district: the road or community that it names.
  type::v1::GeoPoint PlaceInWords(std::string_view id, std::string_view place, std::string_view text) const;

  // Nullopt where the mapping does not know it.
  std::optional<std::string> ClassOfRequest(const std::string& complaint_type) const;
  std::optional<std::vector<std::string>> ClassesOfLabel(const std::string& label) const;

 private:
  struct Grid {
    std::string code;
    type::v1::GeoPoint centre;
  };
  struct Place {
    std::string name;
    std::string grid_prefix;               // of a community
    std::vector<type::v1::GeoPoint> line;  // of a road
  };

  type::v1::GeoPoint CentreNear(const type::v1::GeoPoint& point) const;

  std::vector<Grid> grids_;  // by code
  std::vector<Place> places_;
  std::map<std::string, std::vector<std::string>> label_classes_;
  std::shared_ptr<const re2::RE2> area_pattern_;
  std::map<std::string, std::string> area_streets_, request_types_, request_places_;
};

}  // namespace civicmesh::civicctl
