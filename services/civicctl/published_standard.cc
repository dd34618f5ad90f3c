#include "services/civicctl/published_standard.h"

#include <libfccp/csv.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "services/civicctl/files.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/workcalendar/time_limit.h"

namespace civicmesh::civicctl {
namespace {

using reference::v1::MinorClass;
using reference::v1::Standard;

constexpr int kFirstLocalMinor = 90;
constexpr int kLastMinor = 99;
constexpr int kNameWeight = 5;
constexpr size_t kVersionDigits = 8;

struct Row {
  unsigned line = 0;
  std::string kind, major_code, major_name, minor_code, minor_name, condition, limit, closure, unit, department;

  std::string Code() const { return absl::StrCat(kind == "component" ? "C" : "E", major_code, minor_code); }
};

absl::Status Wrong(const std::string& file, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(file, ": ", what));
}

// The library throws; nothing of it leaves this function.
absl::StatusOr<std::vector<Row>> ReadRows(const std::string& file) {
  std::vector<Row> rows;
  try {
    io::CSVReader<10, io::trim_chars<' ', '\t'>, io::double_quote_escape<',', '"'>> reader(file);
    reader.read_header(io::ignore_extra_column, "kind", "major_code", "major_name", "minor_code", "minor_name",
                       "registration_condition", "disposal_limit", "closure_condition", "disposal_unit",
                       "responsible_department");
    Row row;
    while (reader.read_row(row.kind, row.major_code, row.major_name, row.minor_code, row.minor_name, row.condition,
                           row.limit, row.closure, row.unit, row.department)) {
      row.line = reader.get_file_line();
      rows.push_back(row);
    }
  } catch (const std::exception& error) {
    return Wrong(file, error.what());
  }
  if (rows.empty()) return Wrong(file, "no rows");
  return rows;
}

struct RoleRule {
  std::string contains;
  std::string unit_role;
};

struct Mapping {
  std::vector<RoleRule> departments, minor_names;
  std::string default_role;
  std::vector<std::string> hazard_words;
};

absl::StatusOr<Mapping> ReadMapping(std::string_view text) {
  Mapping mapping;
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    auto read = [&json](const char* key, std::vector<RoleRule>& rules) {
      for (const auto& rule : json.at(key)) rules.push_back({rule.at("contains"), rule.at("unit_role")});
    };
    read("standard_departments", mapping.departments);
    read("standard_minor_names", mapping.minor_names);
    mapping.default_role = json.at("standard_department_default");
    mapping.hazard_words = json.at("standard_hazard_words").get<std::vector<std::string>>();
  } catch (const nlohmann::json::exception& error) {
    return Wrong("the mapping", error.what());
  }
  return mapping;
}

const RoleRule* FirstWithin(const std::vector<RoleRule>& rules, const std::string& name) {
  for (const RoleRule& rule : rules)
    if (name.find(rule.contains) != std::string::npos) return &rule;
  return nullptr;
}

// nullopt where no rule fits any name of the row.
std::optional<std::string> RoleOf(const Row& row, const Mapping& mapping) {
  for (const std::string& column : {row.unit, row.department}) {
    for (absl::string_view name : absl::StrSplit(absl::StrReplaceAll(column, {{"、", " "}}), ' ', absl::SkipEmpty())) {
      const RoleRule* found = FirstWithin(mapping.departments, std::string(name));
      if (found == nullptr) continue;
      const RoleRule* by_name =
          found->unit_role == "municipal_roads" ? FirstWithin(mapping.minor_names, row.minor_name) : nullptr;
      return (by_name ? by_name : found)->unit_role;
    }
  }
  return std::nullopt;
}

bool IsLocal(const std::string& code) {
  int minor = 0;
  return absl::SimpleAtoi(code.substr(3), &minor) && minor >= kFirstLocalMinor;
}

std::string BareName(const std::string& name) {
  return absl::StrReplaceAll(name, {{"、", ""}, {"（", ""}, {"）", ""}, {"，", ""}});
}

bool AlikeNames(const std::string& a, const std::string& b) {
  const std::string x = BareName(a), y = BareName(b);
  return x.find(y) != std::string::npos || y.find(x) != std::string::npos;
}

// The district's class that a published class is, null where it knows none.
const MinorClass* TwinOf(const MinorClass& published, const Standard& own) {
  for (const MinorClass& c : own.classes()) {
    if (c.code().substr(0, 3) != published.code().substr(0, 3)) continue;
    if (IsLocal(c.code()) != IsLocal(published.code())) continue;
    if (IsLocal(c.code()) ? AlikeNames(c.name_zh(), published.name_zh()) : c.code() == published.code()) return &c;
  }
  return nullptr;
}

void TakeFrom(const MinorClass& twin, MinorClass& published) {
  published.set_name_en(twin.name_en());
  published.set_camera_class(twin.camera_class());
  published.set_safety_hazard(twin.safety_hazard());
  *published.mutable_keywords() = twin.keywords();
}

void DescribeByItself(const Mapping& mapping, MinorClass& published) {
  const std::string& name = published.name_zh();
  auto* keyword = published.add_keywords();
  keyword->set_text(name.substr(0, name.find("（")));
  keyword->set_weight(kNameWeight);
  for (const auto& condition : published.conditions())
    for (const std::string& word : mapping.hazard_words)
      if (condition.text_zh().find(word) != std::string::npos) published.set_safety_hazard(true);
}

// A free local code of the same major class.
absl::StatusOr<std::string> FreeCode(const std::string& code, const std::set<std::string>& taken) {
  for (int minor = kLastMinor; minor > 0; --minor) {
    const std::string candidate = absl::StrCat(code.substr(0, 3), absl::Dec(minor, absl::kZeroPad2));
    if (!taken.count(candidate)) return candidate;
  }
  return absl::InvalidArgumentError(absl::StrCat("no code is left for class ", code));
}

class Adoption {
 public:
  Adoption(const Mapping& mapping, const Standard& own) : mapping_(mapping), own_(own) {}

  void AddRow(const Row& row) {
    auto [at, is_new] = places_.emplace(row.Code(), static_cast<int>(classes_.size()));
    if (is_new) {
      MinorClass& c = classes_.emplace_back();
      c.set_code(row.Code());
      c.set_name_zh(row.minor_name);
      c.set_major_zh(row.major_name);
      c.set_component(row.kind == "component");
      const auto role = RoleOf(row, mapping_);
      roles_known_.push_back(role.has_value());
      c.set_unit_role(role.value_or(mapping_.default_role));
    }
    MinorClass& c = classes_[at->second];
    if (auto limit = ParseTimeLimit(row.limit); !limit.ok()) {
      LeaveOut(row.line, c, absl::StrCat("\"", row.condition, "\": limit \"", row.limit, "\" cannot be read"));
      return;
    }
    auto* condition = c.add_conditions();
    condition->set_id(absl::StrCat(c.conditions_size()));
    condition->set_text_zh(row.condition);
    condition->set_limit(row.limit);
    condition->set_closure_zh(row.closure);
    ++adopted_.published_conditions;
  }

  absl::StatusOr<AdoptedStandard> Finish() {
    for (size_t i = 0; i < classes_.size(); ++i) Complete(classes_[i], roles_known_[i]);
    // Whoever can keep its code keeps it; the others find theirs afterwards.
    for (const MinorClass& c : own_.classes())
      if (!adopted_.codes.count(c.code()) && !taken_.count(c.code())) Keep(c, c.code());
    for (const MinorClass& c : own_.classes()) {
      if (adopted_.codes.count(c.code())) continue;
      auto free = FreeCode(c.code(), taken_);
      if (!free.ok()) return free.status();
      Keep(c, *free);
    }
    return std::move(adopted_);
  }

 private:
  void LeaveOut(unsigned line, const MinorClass& c, const std::string& why) {
    adopted_.left_out.push_back(absl::StrCat("line ", line, ": ", c.code(), " ", c.name_zh(), ", ", why));
  }

  void Complete(MinorClass& c, bool role_known) {
    if (c.conditions().empty()) {
      adopted_.left_out.push_back(absl::StrCat("class ", c.code(), " ", c.name_zh(), ": no condition is left"));
      return;
    }
    if (const MinorClass* twin = TwinOf(c, own_); twin && !adopted_.codes.count(twin->code())) {
      TakeFrom(*twin, c);
      if (!role_known) c.set_unit_role(twin->unit_role());
      Lead(twin->code(), c.code());
      ++adopted_.shared_classes;
    } else {
      DescribeByItself(mapping_, c);
    }
    taken_.insert(c.code());
    ++adopted_.published_classes;
    *adopted_.standard.add_classes() = c;
  }

  void Keep(const MinorClass& c, const std::string& code) {
    MinorClass* kept = adopted_.standard.add_classes();
    *kept = c;
    kept->set_code(code);
    taken_.insert(code);
    Lead(c.code(), code);
    ++adopted_.kept_classes;
  }

  void Lead(const std::string& from, const std::string& to) {
    adopted_.codes[from] = to;
    if (from != to) adopted_.recoded[from] = to;
  }

  const Mapping& mapping_;
  const Standard& own_;
  AdoptedStandard adopted_;
  std::vector<MinorClass> classes_;
  std::vector<bool> roles_known_;
  std::map<std::string, int> places_;  // by code, in classes_
  std::set<std::string> taken_;
};

}  // namespace

absl::StatusOr<AdoptedStandard> AdoptStandard(const std::string& csv_file, std::string_view mapping_text,
                                              const Standard& own) {
  auto mapping = ReadMapping(mapping_text);
  if (!mapping.ok()) return mapping.status();
  auto rows = ReadRows(csv_file);
  if (!rows.ok()) return rows.status();
  Adoption adoption(*mapping, own);
  for (const Row& row : *rows) {
    if ((row.kind != "component" && row.kind != "event") || row.major_code.size() != 2 || row.minor_code.size() != 2)
      return Wrong(csv_file, absl::StrCat("line ", row.line, ": kind is component or event, codes have two digits"));
    adoption.AddRow(row);
  }
  auto adopted = adoption.Finish();
  if (!adopted.ok()) return adopted;
  adopted->standard.set_code_set(own.code_set());
  // Names the content: the same table over the same district is the same version.
  const std::string digest = absl::BytesToHexString(Sha256(adopted->standard.SerializeAsString()));
  adopted->standard.set_version(
      absl::StrCat(std::filesystem::path(csv_file).stem().string(), "-", digest.substr(0, kVersionDigits)));
  return adopted;
}

}  // namespace civicmesh::civicctl
