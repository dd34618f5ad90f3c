// Reads a domain's public events as one member of a consumer group: whichever partitions the group gives it, each from
// the offset last committed, or from the beginning where none was (explicitly: a policy must not miss the first fact).
//
// One thread uses a reader. Nothing blocks but Poll, for at most its wait, and Rewind, for seconds where the broker is
// away.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>

#include "services/runtime/journal/journal.h"

namespace civicmesh {

class GroupReader {
 public:
  virtual ~GroupReader() = default;

  // Delivers records of the partitions held now (Topic::kEvents). OnTrouble: the partition's position was lost and it
  // is delivered from its committed offset again, as after a change of assignment.
  virtual int Poll(LogSink& sink, int max, int wait_ms) = 0;

  // Everything below `next` has had its effect. The group may hear of it only at a later Poll, and of the last one
  // alone; until then a member that is killed leaves what it has done to be delivered again.
  virtual void Commit(int shard, int64_t next) = 0;

  // Delivers all partitions from their committed offsets again.
  virtual void Rewind() = 0;

  // What is held now, with what was committed (0 where nothing was).
  virtual std::map<int, int64_t> Held() = 0;
};

}  // namespace civicmesh
