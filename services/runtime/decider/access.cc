#include <algorithm>

#include "services/runtime/decider/context.h"

namespace civicmesh {
namespace {

constexpr size_t kDistrictDigits = 6;  // of a grid's code

bool Reaches(const Post& post, const Object& object) {
  const std::string_view area = post.area;
  switch (post.scope) {
    case Scope::kOwn:
      return object.own;
    case Scope::kUnit:
      return !post.unit.empty() && std::find(object.units.begin(), object.units.end(), post.unit) != object.units.end();
    case Scope::kStreet:
      return object.grid.substr(0, area.size()) == area;
    case Scope::kDistrict:
      return object.grid.empty() || object.grid.substr(0, kDistrictDigits).starts_with(area.substr(0, kDistrictDigits));
    case Scope::kAny:
      return true;
  }
  return false;
}

}  // namespace

bool ActorView::Has(std::string_view role) const {
  return std::any_of(posts.begin(), posts.end(), [role](const Post& post) { return post.role == role; });
}

bool ActorView::WorksFor(std::string_view unit) const {
  return !unit.empty() &&
         std::any_of(posts.begin(), posts.end(), [unit](const Post& post) { return post.unit == unit; });
}

bool ActorView::Reaches(const Object& object) const {
  return std::any_of(posts.begin(), posts.end(), [&](const Post& post) { return civicmesh::Reaches(post, object); });
}

}  // namespace civicmesh
