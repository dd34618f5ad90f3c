// The reference data that dispatch decides by: the standard (what is a case, and how long may it take) and the district
// (where is it, and whose duty is it). The work calendar is services/runtime/workcalendar.
//
//   const auto* district = ctx.reference->Get<District>(kDistrictKind);
//   const Duty* duty = district->FindDuty("sanitation", "990101001001001");   // null: the fallback unit takes it
//
// Made by dispatch_reference.h from the published contents. Immutable and thread-safe; nothing blocks.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "services/runtime/workcalendar/time_limit.h"

namespace civicmesh::dispatch {

constexpr char kStandardKind[] = "standard";
constexpr char kCalendarKind[] = "calendar";
constexpr char kDistrictKind[] = "district";

// 立案条件 with its 处置时限 and 结案条件.
struct Condition {
  std::string id;
  std::string text_zh;
  std::string limit_text;  // as printed
  TimeLimit limit;
  std::string closure_zh;
};

// 小类.
struct MinorClass {
  std::string code;
  std::string name_zh;
  std::string name_en;
  std::string major_zh;
  bool component = false;
  bool safety_hazard = false;
  std::string unit_role;
  std::vector<Condition> conditions;

  // Null where the class has no such condition.
  const Condition* Find(std::string_view id) const;
};

class Standard {
 public:
  Standard(std::string version, std::vector<MinorClass> classes);

  // Null where there is no such class.
  const MinorClass* Find(std::string_view code) const;
  const std::string& version() const { return version_; }

 private:
  const std::string version_;
  std::map<std::string, MinorClass, std::less<>> classes_;
};

// 处置单位.
struct Unit {
  std::string id;
  std::string name_zh;
  std::string department_zh;
};

// An entry of the duty list (责任清单).
struct Duty {
  std::string id;
  std::string grid_prefix;
  std::string unit_role;
  std::string unit;
};

// Which unit grid a place lies in.
class GridMap {
 public:
  virtual ~GridMap() = default;
  // Degrees. The 15 digits of the grid, or "" where the place lies in none. A border belongs to exactly one side.
  virtual std::string Find(double latitude, double longitude) const = 0;
};

class District {
 public:
  struct Parts {
    std::string version;
    std::string code;  // 6 digits
    std::vector<Unit> units;
    std::vector<Duty> duties;  // one per (prefix, role)
    std::string fallback_unit;
    std::unique_ptr<const GridMap> grids;
  };
  explicit District(Parts parts);

  std::string GridOf(double latitude, double longitude) const { return parts_.grids->Find(latitude, longitude); }
  // The entry with the longest prefix of `grid` for that role; null where none fits.
  const Duty* FindDuty(std::string_view unit_role, std::string_view grid) const;
  // Null where the list has no such entry.
  const Duty* FindDutyEntry(std::string_view id) const;
  // Null where the district has no such unit.
  const Unit* FindUnit(std::string_view id) const;

  const std::string& version() const { return parts_.version; }
  const std::string& code() const { return parts_.code; }
  const std::string& fallback_unit() const { return parts_.fallback_unit; }

 private:
  const Parts parts_;
  std::map<std::pair<std::string, std::string>, const Duty*> duties_;  // by role and prefix
};

}  // namespace civicmesh::dispatch
