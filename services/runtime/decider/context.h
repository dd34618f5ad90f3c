// What a decision may know besides the state and the command: the time, who acts, ids, and reference data.
//
// Everything here comes from the log or is derived from it, so that deciding again gives the same answer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/string_view.h"

namespace civicmesh {

// How far a post reaches in what it does (options.v1.Scope).
enum class Scope { kOwn = 1, kUnit, kStreet, kDistrict, kAny };

// A post that the actor holds at the time of the call, as far as the called method asks for it.
struct Post {
  std::string role;  // as "DISPATCHER"
  std::string unit;  // empty for citizens and the centres
  std::string area;  // the codes of its grids begin with this; empty: all of them
  Scope scope = Scope::kAny;
};

// What an actor wants to do something to.
struct Object {
  bool own = false;                     // the actor made or owns it
  std::vector<std::string_view> units;  // that hold or have held it
  std::string_view grid;                // the code of the unit grid it lies in; empty where that is not known
};

struct ActorView {
  std::string subject;
  std::vector<Post> posts;
  std::string roster = "";  // the version that says so; empty where none was asked

  bool Has(std::string_view role) const;
  // Whether it holds a post in the unit.
  bool WorksFor(std::string_view unit) const;
  // The one place that decides whether an object is within reach: one of the posts must reach it. What is not is
  // answered as what is not there.
  bool Reaches(const Object& object) const;
};

// Reference data as it holds at one time in one shard (R10). Remembers what was asked for, since a decision records it.
class ReferenceView {
 public:
  virtual ~ReferenceView() = default;

  // The content of `kind` that holds now, as the domain's parser made it; null when none is active yet.
  // Lives as long as the view.
  virtual const void* Find(std::string_view kind) const = 0;

  template <typename T>
  const T* Get(std::string_view kind) const {
    return static_cast<const T*>(Find(kind));
  }
};

struct Context {
  int64_t now_ms = 0;  // the shard's time (R7)
  int shard = 0;
  int shards = 1;
  ActorView actor;
  // 32 bytes; for a timer, derived from its id. NewId is made from it.
  std::string seed;
  const ReferenceView* reference = nullptr;

  // An id that carries its shard and follows from the command: prefix, shard, 16 characters. `ordinal` tells several
  // ids of one command apart.
  std::string NewId(std::string_view prefix, int ordinal = 0) const;
};

}  // namespace civicmesh
