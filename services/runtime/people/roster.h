// Who may act for the city, and when: the posts, absences and deputies of a reference.v1.Roster (编制与值班).
//
// A token says who calls, never what they may: that stands here. The roster that was published last holds, in every
// service, from the moment at which it is read; what it says of other times stands in it as intervals. So who leaves a
// post on Friday loses it on Friday, whatever tokens are out.
//
// Immutable and thread-safe. A look-up costs a hash and a walk over the member's few posts.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "services/runtime/decider/context.h"

namespace civicmesh {

namespace reference::v1 {
class Roster;
}

inline constexpr char kRosterKind[] = "roster";

class Roster {
 public:
  // INVALID_ARGUMENT, naming the member: a subject missing, twice, or one of the mesh's own; a post that is none, or
  // CITIZEN, or held without the unit that it needs; an area that is no code; a time that is not RFC 3339, or an
  // interval that ends before it begins; a deputy who is not a member, or is the absent one. Separation of duties: at
  // any moment nobody, own posts and those of whom they stand in for taken together, holds posts that must be apart
  // (Apart).
  static absl::StatusOr<std::shared_ptr<const Roster>> Make(const reference::v1::Roster& message);

  // The posts that `subject` holds at a time (milliseconds since 1970), those of whom they stand in for among them. Of
  // someone absent, and of a stranger: none. Scopes are as a Post has them by itself.
  std::vector<Post> PostsAt(std::string_view subject, int64_t ms) const;
  bool Knows(std::string_view subject) const;
  const std::string& version() const { return version_; }

 private:
  struct Interval {
    int64_t from_ms, until_ms;
    bool Covers(int64_t ms) const { return from_ms <= ms && ms < until_ms; }
  };
  struct Held {
    Post post;
    Interval when;
  };
  struct StandsIn {
    std::string whom;
    Interval when;
  };
  struct Person {
    std::vector<Held> posts;
    std::vector<Interval> absent;
    std::vector<StandsIn> stands_in;
  };

  Roster() = default;
  absl::Status AddPosts(const reference::v1::Roster& message);
  absl::Status AddAbsences(const reference::v1::Roster& message);
  absl::Status KeepApart() const;
  static void AddHeld(const Person& person, int64_t ms, std::vector<Post>* posts);

  std::string version_;
  absl::flat_hash_map<std::string, Person> people_;
};

// Whether one person may not hold both at once: who judges never handles (监督轴/指挥轴 and 处置, DOMAIN 1.1); those
// who run the installation, keep its keys, audit it, hear complaints about colleagues, or do its business are five
// (GB/T 22239-2019, three-way separation of administrator, security and audit); and a system is no person.
bool Apart(std::string_view post, std::string_view other);

}  // namespace civicmesh
