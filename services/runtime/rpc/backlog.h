// What landed in the inboxes and was not heard of: bounds what an owner that is away may pile up (I10).
//
// The door (command_door.h) gives up waiting, but the record stands in the log: it keeps a place in its shard's bound
// until hot state shows that it was decided, which is asked once a second and shard. One per door, so the bound holds
// per replica, and begins anew with its process.
//
// Thread-safe; nothing blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace civicmesh {

class Clock;
class HotReads;

class Backlog {
 public:
  // Both outlive it.
  Backlog(HotReads* reads, const Clock* clock);
  ~Backlog();

  void Add(int shard, std::string command_id, int64_t inbox_offset);
  // How many of this shard, and of all.
  int size(int shard) const;
  int size() const;

  // Asks hot state after what is due. Returns after how many milliseconds to come again.
  int64_t LookUpDue();

 private:
  struct State;
  const std::shared_ptr<State> state_;
};

}  // namespace civicmesh
