// Posts as tests name them: a worker reaches what its unit holds, a citizen what is the own, the centres everything.
#pragma once

#include <string>
#include <vector>

#include "services/runtime/decider/context.h"

namespace civicmesh {

inline std::vector<Post> Posts(const std::vector<std::string>& roles, const std::string& unit = "") {
  std::vector<Post> posts;
  for (const auto& role : roles)
    posts.push_back({.role = role,
                     .unit = unit,
                     .area = "",
                     .scope = role == "CITIZEN"       ? Scope::kOwn
                              : role == "UNIT_WORKER" ? Scope::kUnit
                                                      : Scope::kAny});
  return posts;
}

}  // namespace civicmesh
