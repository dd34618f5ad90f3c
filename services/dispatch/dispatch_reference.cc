#include "services/dispatch/dispatch_reference.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "civicmesh/reference/v1/reference.pb.h"
#include "services/dispatch/dispatch_geometry.h"
#include "services/runtime/workcalendar/work_calendar.h"

namespace civicmesh::dispatch {
namespace {

constexpr size_t kDistrictDigits = 6;
constexpr size_t kGridDigits = 15;

template <typename... Parts>
absl::Status Wrong(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

bool IsDigits(const std::string& text, size_t count) {
  return text.size() == count && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

absl::StatusOr<MinorClass> MakeClass(const reference::v1::MinorClass& message) {
  MinorClass made{.code = message.code(),
                  .name_zh = message.name_zh(),
                  .name_en = message.name_en(),
                  .major_zh = message.major_zh(),
                  .component = message.component(),
                  .safety_hazard = message.safety_hazard(),
                  .unit_role = message.unit_role()};
  if (made.code.empty()) return Wrong("a class without a code");
  if (made.unit_role.empty()) return Wrong("class ", made.code, " has no unit_role");
  for (const auto& c : message.conditions()) {
    if (c.id().empty() || made.Find(c.id())) return Wrong("class ", made.code, ": condition id '", c.id(), "'");
    auto limit = ParseTimeLimit(c.limit());
    if (!limit.ok()) return Wrong("class ", made.code, ", condition ", c.id(), ": ", limit.status().message());
    made.conditions.push_back({c.id(), c.text_zh(), c.limit(), *limit, c.closure_zh()});
  }
  if (made.conditions.empty()) return Wrong("class ", made.code, " has no conditions");
  return made;
}

absl::Status ReadUnits(const reference::v1::District& message, District::Parts& parts) {
  std::set<std::string> units;
  for (const auto& unit : message.units()) {
    if (unit.id().empty() || !units.insert(unit.id()).second) return Wrong("unit id '", unit.id(), "'");
    parts.units.push_back({unit.id(), unit.name_zh(), unit.department_zh()});
  }
  std::set<std::string> ids;
  std::set<std::pair<std::string, std::string>> answered;
  for (const auto& duty : message.duties()) {
    if (duty.id().empty() || !ids.insert(duty.id()).second) return Wrong("duty id '", duty.id(), "'");
    if (!units.count(duty.unit())) return Wrong("duty ", duty.id(), ": no unit ", duty.unit());
    if (!answered.emplace(duty.unit_role(), duty.grid_prefix()).second)
      return Wrong("duty ", duty.id(), ": role ", duty.unit_role(), " at '", duty.grid_prefix(), "' is another's too");
    parts.duties.push_back({duty.id(), duty.grid_prefix(), duty.unit_role(), duty.unit()});
  }
  if (!units.count(message.fallback_unit())) return Wrong("fallback_unit: no unit '", message.fallback_unit(), "'");
  parts.fallback_unit = message.fallback_unit();
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<const GridMap>> ReadGrids(const reference::v1::District& message) {
  std::vector<GridRing> rings;
  std::set<std::string> codes;
  for (const auto& grid : message.grids()) {
    if (!IsDigits(grid.code(), kGridDigits) || grid.code().substr(0, kDistrictDigits) != message.code() ||
        !codes.insert(grid.code()).second)
      return Wrong("grid code '", grid.code(), "'");
    GridRing ring{.code = grid.code()};
    for (const auto& corner : grid.ring()) ring.corners.emplace_back(corner.latitude(), corner.longitude());
    rings.push_back(std::move(ring));
  }
  return MakeGridMap(rings);
}

template <typename Message, typename Make>
ReferenceLibrary::Parser Parse(Make make) {
  return [make](std::string_view content) -> absl::StatusOr<std::shared_ptr<const void>> {
    Message message;
    if (!message.ParseFromArray(content.data(), static_cast<int>(content.size())))
      return Wrong("the content is no ", Message::descriptor()->full_name());
    return make(message);
  };
}

absl::StatusOr<std::shared_ptr<const WorkCalendar>> MakeCalendar(const reference::v1::WorkCalendar& message) {
  auto calendar = WorkCalendar::Make(message);
  if (!calendar.ok()) return calendar.status();
  return std::make_shared<const WorkCalendar>(*std::move(calendar));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Standard>> MakeStandard(const reference::v1::Standard& message) {
  std::vector<MinorClass> classes;
  std::set<std::string> codes;
  for (const auto& minor : message.classes()) {
    auto made = MakeClass(minor);
    if (!made.ok()) return made.status();
    if (!codes.insert(made->code).second) return Wrong("class ", made->code, " is there twice");
    classes.push_back(*std::move(made));
  }
  return std::make_shared<const Standard>(message.version(), std::move(classes));
}

absl::StatusOr<std::shared_ptr<const District>> MakeDistrict(const reference::v1::District& message) {
  District::Parts parts{.version = message.version(), .code = message.code()};
  if (!IsDigits(parts.code, kDistrictDigits)) return Wrong("district code '", parts.code, "'");
  if (auto units = ReadUnits(message, parts); !units.ok()) return units;
  auto grids = ReadGrids(message);
  if (!grids.ok()) return grids.status();
  parts.grids = *std::move(grids);
  return std::make_shared<const District>(std::move(parts));
}

std::map<std::string, ReferenceLibrary::Parser> ReferenceParsers() {
  return {{kStandardKind, Parse<reference::v1::Standard>(MakeStandard)},
          {kCalendarKind, Parse<reference::v1::WorkCalendar>(MakeCalendar)},
          {kDistrictKind, Parse<reference::v1::District>(MakeDistrict)}};
}

}  // namespace civicmesh::dispatch
