#include "services/runtime/people/roster.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "civicmesh/options/v1/options.pb.h"
#include "civicmesh/reference/v1/reference.pb.h"

namespace civicmesh {
namespace {

constexpr int64_t kAlways = std::numeric_limits<int64_t>::min(), kForEver = std::numeric_limits<int64_t>::max();

absl::string_view KeyOf(std::string_view text) { return {text.data(), text.size()}; }

template <typename... Parts>
absl::Status Wrong(const std::string& subject, const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat("member ", subject, ": ", parts...));
}

bool IsPost(const std::string& role) {
  options::v1::Role parsed = options::v1::ROLE_UNSPECIFIED;
  return options::v1::Role_Parse("ROLE_" + role, &parsed) && parsed != options::v1::ROLE_UNSPECIFIED &&
         parsed != options::v1::ROLE_CITIZEN;
}

bool IsArea(const std::string& area) {
  const size_t digits = area.size();
  return (digits == 0 || digits == 6 || digits == 9 || digits == 12 || digits == 15) &&
         std::all_of(area.begin(), area.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool ReadTime(const std::string& text, int64_t otherwise, int64_t* ms) {
  *ms = otherwise;
  absl::Time time;
  if (text.empty()) return true;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)) return false;
  *ms = absl::ToUnixMillis(time);
  return true;
}

enum class Duty { kFree, kJudges, kHandles, kRuns, kKeepsKeys, kAudits, kDisciplines, kIsASystem };

// Without a default: a new post does not compile before somebody has decided.
Duty DutyOf(options::v1::Role post) {
  switch (post) {
    // Who says that something is or is not to be done, from finding it to closing it.
    case options::v1::ROLE_COLLECTOR:
    case options::v1::ROLE_REGISTRAR:
    case options::v1::ROLE_DISPATCHER:
    case options::v1::ROLE_SHIFT_LEADER:
    case options::v1::ROLE_REVIEWER:
      return Duty::kJudges;
    case options::v1::ROLE_UNIT_WORKER:
      return Duty::kHandles;
    case options::v1::ROLE_OPERATOR:
      return Duty::kRuns;
    case options::v1::ROLE_SECURITY_OFFICER:
      return Duty::kKeepsKeys;
    case options::v1::ROLE_AUDITOR:
      return Duty::kAudits;
    case options::v1::ROLE_DISCIPLINE_OFFICER:
      return Duty::kDisciplines;
    case options::v1::ROLE_GATEWAY:
      return Duty::kIsASystem;
    // No one's case: whoever holds them may hold another post beside.
    case options::v1::ROLE_ORGANISER:
    case options::v1::ROLE_CATALOGUE_MANAGER:
    case options::v1::ROLE_ANALYST:
    // Nobody's post.
    case options::v1::ROLE_CITIZEN:
    case options::v1::ROLE_UNSPECIFIED:
    case options::v1::Role_INT_MIN_SENTINEL_DO_NOT_USE_:
    case options::v1::Role_INT_MAX_SENTINEL_DO_NOT_USE_:
      return Duty::kFree;
  }
  return Duty::kFree;
}

Duty DutyOf(std::string_view post) {
  options::v1::Role role = options::v1::ROLE_UNSPECIFIED;
  options::v1::Role_Parse(absl::StrCat("ROLE_", KeyOf(post)), &role);
  return DutyOf(role);
}

bool StandsAlone(Duty duty) { return duty != Duty::kFree && duty != Duty::kJudges && duty != Duty::kHandles; }

}  // namespace

bool Apart(std::string_view post, std::string_view other) {
  const Duty one = DutyOf(post), two = DutyOf(other);
  if (one == two) return false;
  return StandsAlone(one) || StandsAlone(two) || (one == Duty::kJudges && two == Duty::kHandles) ||
         (one == Duty::kHandles && two == Duty::kJudges);
}

absl::StatusOr<std::shared_ptr<const Roster>> Roster::Make(const reference::v1::Roster& message) {
  std::shared_ptr<Roster> roster(new Roster());
  roster->version_ = message.version();
  if (message.version().empty()) return absl::InvalidArgumentError("the roster has no version");
  for (const auto& member : message.members()) {
    const std::string& subject = member.subject();
    if (subject.empty() || subject == "timer" || subject.rfind("policy:", 0) == 0)
      return Wrong(subject, "is no subject of a token");
    if (!roster->people_.try_emplace(subject).second) return Wrong(subject, "stands there twice");
  }
  if (auto added = roster->AddPosts(message); !added.ok()) return added;
  if (auto added = roster->AddAbsences(message); !added.ok()) return added;
  if (auto apart = roster->KeepApart(); !apart.ok()) return apart;
  return std::shared_ptr<const Roster>(std::move(roster));
}

absl::Status Roster::AddPosts(const reference::v1::Roster& message) {
  for (const auto& member : message.members())
    for (const auto& post : member.posts()) {
      Held held{.post = {.role = post.role(), .unit = post.unit(), .area = post.area()}, .when = {}};
      if (!IsPost(post.role())) return Wrong(member.subject(), "no post ", post.role());
      if (post.role() == "UNIT_WORKER" && post.unit().empty())
        return Wrong(member.subject(), "a UNIT_WORKER needs a unit");
      if (!IsArea(post.area())) return Wrong(member.subject(), "no area ", post.area());
      if (!ReadTime(post.valid_from(), kAlways, &held.when.from_ms) ||
          !ReadTime(post.valid_until(), kForEver, &held.when.until_ms) || held.when.from_ms >= held.when.until_ms)
        return Wrong(member.subject(), "the post ", post.role(), " has no interval from valid_from to valid_until");
      people_[member.subject()].posts.push_back(std::move(held));
    }
  return absl::OkStatus();
}

absl::Status Roster::AddAbsences(const reference::v1::Roster& message) {
  for (const auto& member : message.members())
    for (const auto& absence : member.absences()) {
      Interval when{};
      if (!ReadTime(absence.from(), kForEver, &when.from_ms) || !ReadTime(absence.until(), kAlways, &when.until_ms) ||
          when.from_ms >= when.until_ms)
        return Wrong(member.subject(), "an absence needs an interval from `from` to `until`");
      people_[member.subject()].absent.push_back(when);
      if (absence.deputy().empty()) continue;
      auto deputy = people_.find(absence.deputy());
      if (deputy == people_.end() || absence.deputy() == member.subject())
        return Wrong(member.subject(), "no other member is called ", absence.deputy());
      deputy->second.stands_in.push_back({member.subject(), when});
    }
  return absl::OkStatus();
}

// Posts come and go only where an interval begins, so it is enough to look there.
absl::Status Roster::KeepApart() const {
  std::set<int64_t> moments{kAlways};
  for (const auto& [subject, person] : people_) {
    for (const Held& held : person.posts) moments.insert({held.when.from_ms, held.when.until_ms});
    for (const Interval& absent : person.absent) moments.insert({absent.from_ms, absent.until_ms});
  }
  for (const auto& [subject, person] : people_) {
    if (person.posts.size() + person.stands_in.size() < 2) continue;
    for (int64_t ms : moments) {
      const std::vector<Post> posts = PostsAt(subject, ms);
      for (const Post& one : posts)
        for (const Post& two : posts)
          if (Apart(one.role, two.role))
            return Wrong(subject, one.role, " and ", two.role, " must be two people's",
                         person.stands_in.empty() ? "" : ", also where one of them stands in for another");
    }
  }
  return absl::OkStatus();
}

void Roster::AddHeld(const Person& person, int64_t ms, std::vector<Post>* posts) {
  for (const Held& held : person.posts)
    if (held.when.Covers(ms)) posts->push_back(held.post);
}

std::vector<Post> Roster::PostsAt(std::string_view subject, int64_t ms) const {
  std::vector<Post> posts;
  auto found = people_.find(KeyOf(subject));
  if (found == people_.end()) return posts;
  const Person& person = found->second;
  const auto covers = [ms](const Interval& when) { return when.Covers(ms); };
  if (std::any_of(person.absent.begin(), person.absent.end(), covers)) return posts;
  AddHeld(person, ms, &posts);
  // A deputy's deputy is nobody's: what was handed on once is not handed on again.
  for (const StandsIn& other : person.stands_in)
    if (other.when.Covers(ms)) AddHeld(people_.find(other.whom)->second, ms, &posts);
  return posts;
}

bool Roster::Knows(std::string_view subject) const { return people_.contains(KeyOf(subject)); }

}  // namespace civicmesh
