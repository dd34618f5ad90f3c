#include "services/civicctl/replay/staff.h"

namespace civicmesh::civicctl {

Staff::Staff(const reference::v1::District& district, Dice dice)
    : dice_(std::move(dice)), duties_(district.duties().begin(), district.duties().end()) {
  for (const auto& member : district.staff()) {
    const Caller caller{member.subject(), {member.roles().begin(), member.roles().end()}, member.unit()};
    by_subject_[caller.subject] = caller;
    for (const auto& role : caller.roles) {
      by_role_[role].push_back(caller);
      if (role == "UNIT_WORKER") by_unit_[caller.unit].push_back(caller);
    }
  }
}

Caller Staff::Pick(const std::vector<Caller>& from, std::string_view what, std::string_view but) const {
  if (from.empty()) return {};
  const size_t first = dice_.Pick(what, from.size());
  const Caller& one = from[first];
  return one.subject != but ? one : from[(first + 1) % from.size()];
}

Caller Staff::One(const std::string& role, std::string_view what, std::string_view but) const {
  const auto holders = by_role_.find(role);
  return holders == by_role_.end() ? Caller{} : Pick(holders->second, what, but);
}

Caller Staff::Worker(const std::string& unit, std::string_view what) const {
  const auto workers = by_unit_.find(unit);
  return workers == by_unit_.end() ? Caller{} : Pick(workers->second, what, "");
}

Caller Staff::Named(const std::string& subject) const {
  const auto member = by_subject_.find(subject);
  return member == by_subject_.end() ? Caller{} : member->second;
}

const reference::v1::DutyEntry* Staff::DutyOfAnother(const std::string& unit, std::string_view what) const {
  const size_t first = duties_.empty() ? 0 : dice_.Pick(what, duties_.size());
  for (size_t i = 0; i < duties_.size(); ++i) {
    const auto& duty = duties_[(first + i) % duties_.size()];
    if (duty.unit() != unit) return &duty;
  }
  return nullptr;
}

Caller Citizen(const std::string& subject) { return {.subject = subject, .roles = {"CITIZEN"}, .unit = ""}; }

}  // namespace civicmesh::civicctl
