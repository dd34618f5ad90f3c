#include "services/civicctl/replay/mapping.h"

#include <re2/re2.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "services/runtime/base/ids.h"

namespace civicmesh::civicctl {
namespace {

using nlohmann::json;
using type::v1::GeoPoint;

absl::Status Missing(const char* key) {
  return absl::InvalidArgumentError(absl::StrCat("mapping.json: ", key, " is missing or is not what it must be"));
}

absl::StatusOr<std::map<std::string, std::string>> Names(const json& in, const char* key) {
  std::map<std::string, std::string> names;
  if (!in.is_object() || !in.contains(key) || !in[key].is_object()) return Missing(key);
  for (const auto& [name, to] : in[key].items()) {
    if (!to.is_string()) return Missing(key);
    names[name] = to.get<std::string>();
  }
  return names;
}

absl::StatusOr<std::map<std::string, std::vector<std::string>>> LabelClasses(const json& in) {
  constexpr char kKey[] = "label_departments";
  std::map<std::string, std::vector<std::string>> classes;
  if (!in.contains(kKey) || !in[kKey].is_object()) return Missing(kKey);
  for (const auto& [label, entry] : in[kKey].items()) {
    if (!entry.is_object() || !entry.contains("classes") || !entry["classes"].is_array()) return Missing(kKey);
    for (const auto& code : entry["classes"]) {
      if (!code.is_string()) return Missing(kKey);
      classes[label].push_back(code.get<std::string>());
    }
  }
  return classes;
}

GeoPoint Centre(const reference::v1::UnitGrid& grid) {
  GeoPoint centre;
  for (const auto& corner : grid.ring()) {
    centre.set_latitude(centre.latitude() + corner.latitude() / grid.ring_size());
    centre.set_longitude(centre.longitude() + corner.longitude() / grid.ring_size());
  }
  return centre;
}

uint64_t First8Bytes(std::string_view id) {
  const std::string digest = Sha256(id);
  uint64_t number = 0;
  for (int i = 0; i < 8; ++i) number = number << 8 | static_cast<unsigned char>(digest[i]);
  return number;
}

}  // namespace

absl::StatusOr<Mapping> Mapping::Make(std::string_view text, const reference::v1::District& district) {
  const json in = json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (in.is_discarded()) return absl::InvalidArgumentError("mapping.json is no JSON");
  Mapping mapping;
  auto labels = LabelClasses(in);
  if (!labels.ok()) return labels.status();
  mapping.label_classes_ = *std::move(labels);
  for (auto [key, to] :
       {std::pair{"request_types", &mapping.request_types_}, std::pair{"request_places", &mapping.request_places_}}) {
    auto names = Names(in, key);
    if (!names.ok()) return names.status();
    *to = *std::move(names);
  }
  if (!in.contains("message_places")) return Missing("message_places");
  auto areas = Names(in["message_places"], "area_streets");
  if (!areas.ok()) return areas.status();
  mapping.area_streets_ = *std::move(areas);
  const json pattern = in["message_places"].value("area_pattern", json());
  if (!pattern.is_string()) return Missing("area_pattern");
  mapping.area_pattern_ =
      std::make_shared<const re2::RE2>(absl::StrCat("(", pattern.get<std::string>(), ")"), RE2::Quiet);
  if (!mapping.area_pattern_->ok()) return Missing("area_pattern");

  for (const auto& grid : district.grids()) mapping.grids_.push_back({grid.code(), Centre(grid)});
  if (mapping.grids_.empty()) return absl::InvalidArgumentError("the district has no unit grids");
  std::sort(mapping.grids_.begin(), mapping.grids_.end(), [](const Grid& a, const Grid& b) { return a.code < b.code; });
  for (const auto& road : district.roads())
    mapping.places_.push_back({road.name_zh(), "", {road.line().begin(), road.line().end()}});
  for (const auto& street : district.streets())
    for (const auto& community : street.communities())
      mapping.places_.push_back({community.name_zh(), community.code(), {}});
  return mapping;
}

GeoPoint Mapping::CentreIn(std::string_view street, std::string_view id) const {
  std::vector<const Grid*> within;
  for (const Grid& grid : grids_)
    if (grid.code.starts_with(street)) within.push_back(&grid);
  if (within.empty()) return grids_[First8Bytes(id) % grids_.size()].centre;
  return within[First8Bytes(id) % within.size()]->centre;
}

GeoPoint Mapping::CentreNear(const GeoPoint& point) const {
  const Grid* nearest = nullptr;
  double least = std::numeric_limits<double>::max();
  for (const Grid& grid : grids_) {
    const double north = grid.centre.latitude() - point.latitude(), east = grid.centre.longitude() - point.longitude();
    const double distance = north * north + east * east;
    if (distance < least) {
      least = distance;
      nearest = &grid;
    }
  }
  return nearest->centre;
}

std::string Mapping::StreetOfMessage(std::string_view subject, std::string_view text) const {
  std::string area;
  for (std::string_view where : {subject, text})
    if (area.empty()) re2::RE2::PartialMatch({where.data(), where.size()}, *area_pattern_, &area);
  std::string street;
  size_t longest = 0;
  for (const auto& [key, code] : area_streets_) {
    if (key.size() <= longest || !area.starts_with(key)) continue;
    longest = key.size();
    street = code;
  }
  return street;
}

std::string Mapping::StreetOfRequest(const std::string& borough) const {
  const auto street = request_places_.find(borough);
  return street == request_places_.end() ? "" : street->second;
}

GeoPoint Mapping::PlaceInWords(std::string_view id, std::string_view place, std::string_view text) const {
  for (std::string_view words : {place, text}) {
    for (const Place& known : places_) {
      if (words.find(known.name) == std::string_view::npos) continue;
      if (known.line.empty()) return CentreIn(known.grid_prefix, id);
      return CentreNear(known.line[First8Bytes(id) % known.line.size()]);
    }
  }
  return CentreIn("", id);
}

std::optional<std::string> Mapping::ClassOfRequest(const std::string& complaint_type) const {
  const auto found = request_types_.find(complaint_type);
  if (found == request_types_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::vector<std::string>> Mapping::ClassesOfLabel(const std::string& label) const {
  const auto found = label_classes_.find(label);
  if (found == label_classes_.end()) return std::nullopt;
  return found->second;
}

}  // namespace civicmesh::civicctl
