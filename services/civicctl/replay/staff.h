// The people of the roster who act in a replay. Immutable.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "civicmesh/reference/v1/reference.pb.h"
#include "services/civicctl/replay/dice.h"
#include "services/civicctl/replay/mesh.h"

namespace civicmesh::civicctl {

class Staff {
 public:
  // Posts as they are held at any time: a replay lasts a few weeks, and whoever plays one is told of no absences.
  Staff(const reference::v1::Roster& roster, const reference::v1::District& district, Dice dice);

  // One who holds the post where the grid lies ("": anywhere), always the same for the same `what`, and never `but`. An
  // empty subject where there is nobody.
  Caller One(const std::string& role, std::string_view what, std::string_view grid = "",
             std::string_view but = "") const;
  // A worker of the unit.
  Caller Worker(const std::string& unit, std::string_view what) const;
  // With that subject; an empty subject where there is nobody.
  Caller Named(const std::string& subject) const;
  // Everyone who holds the post.
  std::vector<Caller> All(const std::string& role) const;
  // An entry of the duty list that names another unit; null where there is none.
  const reference::v1::DutyEntry* DutyOfAnother(const std::string& unit, std::string_view what) const;

 private:
  struct Holder {
    Caller caller;
    std::string area;
  };
  Caller Pick(const std::vector<Holder>& from, std::string_view what, std::string_view grid,
              std::string_view but) const;

  const Dice dice_;
  std::map<std::string, std::vector<Holder>> by_role_, by_unit_;
  std::map<std::string, Caller> by_subject_;
  std::vector<reference::v1::DutyEntry> duties_;
};

// A citizen, by the subject of the own tokens.
Caller Citizen(const std::string& subject);

}  // namespace civicmesh::civicctl
