#include "services/dispatch/domain/reference.h"

#include <algorithm>

namespace civicmesh::dispatch {
namespace {

template <typename Rows>
const typename Rows::value_type* FindById(const Rows& rows, std::string_view id) {
  auto it = std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.id == id; });
  return it == rows.end() ? nullptr : &*it;
}

}  // namespace

const Condition* MinorClass::Find(std::string_view id) const { return FindById(conditions, id); }

Standard::Standard(std::string version, std::vector<MinorClass> classes) : version_(std::move(version)) {
  for (auto& minor : classes) classes_.emplace(minor.code, std::move(minor));
}

const MinorClass* Standard::Find(std::string_view code) const {
  auto it = classes_.find(code);
  return it == classes_.end() ? nullptr : &it->second;
}

District::District(Parts parts) : parts_(std::move(parts)) {
  for (const Duty& duty : parts_.duties) duties_[{duty.unit_role, duty.grid_prefix}] = &duty;
}

const Duty* District::FindDuty(std::string_view unit_role, std::string_view grid) const {
  std::pair<std::string, std::string> key(unit_role, grid);
  while (true) {
    if (auto it = duties_.find(key); it != duties_.end()) return it->second;
    if (key.second.empty()) return nullptr;
    key.second.pop_back();
  }
}

const Duty* District::FindDutyEntry(std::string_view id) const { return FindById(parts_.duties, id); }
const Unit* District::FindUnit(std::string_view id) const { return FindById(parts_.units, id); }

}  // namespace civicmesh::dispatch
