#include "services/civicctl/replay/staff.h"

namespace civicmesh::civicctl {

Staff::Staff(const reference::v1::Roster& roster, const reference::v1::District& district, Dice dice)
    : dice_(std::move(dice)), duties_(district.duties().begin(), district.duties().end()) {
  for (const auto& member : roster.members()) {
    const Caller caller{member.subject()};
    by_subject_[caller.subject] = caller;
    for (const auto& post : member.posts()) {
      by_role_[post.role()].push_back({caller, post.area()});
      if (post.role() == "UNIT_WORKER") by_unit_[post.unit()].push_back({caller, post.area()});
    }
  }
}

Caller Staff::Pick(const std::vector<Holder>& from, std::string_view what, std::string_view grid,
                   std::string_view but) const {
  std::vector<const Holder*> there;
  for (const Holder& holder : from)
    if (grid.substr(0, holder.area.size()) == holder.area) there.push_back(&holder);
  if (there.empty()) return {};
  const size_t first = dice_.Pick(what, there.size());
  const Caller& one = there[first]->caller;
  return one.subject != but ? one : there[(first + 1) % there.size()]->caller;
}

Caller Staff::One(const std::string& role, std::string_view what, std::string_view grid, std::string_view but) const {
  const auto holders = by_role_.find(role);
  return holders == by_role_.end() ? Caller{} : Pick(holders->second, what, grid, but);
}

Caller Staff::Worker(const std::string& unit, std::string_view what) const {
  const auto workers = by_unit_.find(unit);
  return workers == by_unit_.end() ? Caller{} : Pick(workers->second, what, "", "");
}

Caller Staff::Named(const std::string& subject) const {
  const auto member = by_subject_.find(subject);
  return member == by_subject_.end() ? Caller{} : member->second;
}

std::vector<Caller> Staff::All(const std::string& role) const {
  std::vector<Caller> all;
  if (const auto holders = by_role_.find(role); holders != by_role_.end())
    for (const Holder& holder : holders->second) all.push_back(holder.caller);
  return all;
}

const reference::v1::DutyEntry* Staff::DutyOfAnother(const std::string& unit, std::string_view what) const {
  const size_t first = duties_.empty() ? 0 : dice_.Pick(what, duties_.size());
  for (size_t i = 0; i < duties_.size(); ++i) {
    const auto& duty = duties_[(first + i) % duties_.size()];
    if (duty.unit() != unit) return &duty;
  }
  return nullptr;
}

Caller Citizen(const std::string& subject) { return {.subject = subject}; }

}  // namespace civicmesh::civicctl
