#include "services/runtime/shard/actor_record.h"

namespace civicmesh {
namespace {

Scope ScopeOf(options::v1::Scope scope) {
  switch (scope) {
    case options::v1::SCOPE_UNIT:
      return Scope::kUnit;
    case options::v1::SCOPE_STREET:
      return Scope::kStreet;
    case options::v1::SCOPE_DISTRICT:
      return Scope::kDistrict;
    case options::v1::SCOPE_ANY:
      return Scope::kAny;
    default:
      return Scope::kOwn;  // the least, of what this release does not know
  }
}

Scope OldScopeOf(const std::string& role) {
  if (role == "CITIZEN") return Scope::kOwn;
  return role == "UNIT_WORKER" ? Scope::kUnit : Scope::kAny;
}

}  // namespace

void WriteActor(const ActorView& actor, log::v1::Actor* to) {
  to->set_subject(actor.subject);
  to->set_roster(actor.roster);
  for (const Post& post : actor.posts) {
    auto* written = to->add_posts();
    written->set_role(post.role);
    written->set_unit(post.unit);
    written->set_area(post.area);
    written->set_scope(static_cast<options::v1::Scope>(post.scope));
  }
}

ActorView ActorOf(const log::v1::Actor& actor) {
  ActorView view{.subject = actor.subject(), .posts = {}, .roster = actor.roster()};
  for (const auto& post : actor.posts())
    view.posts.push_back(
        {.role = post.role(), .unit = post.unit(), .area = post.area(), .scope = ScopeOf(post.scope())});
  for (const auto& role : actor.roles())
    view.posts.push_back({.role = role, .unit = actor.unit(), .area = "", .scope = OldScopeOf(role)});
  return view;
}

}  // namespace civicmesh
