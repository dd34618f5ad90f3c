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

struct ActorView {
  std::string subject;
  std::vector<std::string> roles;  // as "DISPATCHER"
  std::string unit;
  bool Has(std::string_view role) const {
    for (const auto& r : roles)
      if (r == role) return true;
    return false;
  }
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
