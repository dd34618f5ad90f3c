// Which action may start: the order of business time, per shard (README.md, The order).
//
//   schedule.Add({.at = t, .name = "s0001/03", .touches = [=] { return case->Touched(); }, .holds = …, .start = …});
//   schedule.StartReady();
//   // from within `start`, or later:
//   schedule.Narrow(id, {…});  // what follows is in the queue; only these shards are still waited for
//   schedule.Finish(id);
//
// One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace civicmesh::civicctl {

// A shard of a domain: the domains are numbered by whoever uses the schedule.
struct Shard {
  int domain = 0;
  int number = 0;
  friend auto operator<=>(const Shard&, const Shard&) = default;
};
using Shards = std::vector<Shard>;

class Schedule {
 public:
  using Id = std::pair<absl::Time, std::string>;

  struct Action {
    absl::Time at;
    // Unique; says which of two at the same time comes first.
    std::string name;
    // The shards that it will change, by itself or by policies. Asked until it starts.
    std::function<Shards()> touches;
    // The shards where what follows from it may happen.
    std::function<Shards()> holds;
    std::function<void(const Id&)> start;
  };

  // At most `most` actions are under way at once.
  Schedule(int domains, int shards, int most) : shards_(shards), most_(most), reached_(domains * shards) {}

  // An action that lies before one that was started on the same shard breaks the order: it is counted in disorder().
  void Add(Action action);
  void StartReady();  // cheap where nothing has changed
  // Of an action under way: from now on it keeps only these shards.
  void Narrow(const Id& id, const Shards& keeps);
  void Finish(const Id& id);

  bool empty() const { return entries_.empty(); }
  int under_way() const { return static_cast<int>(started_.size()); }
  // How many shards they keep.
  int kept_shards() const;
  // The earliest that is not finished; InfiniteFuture where there is none.
  absl::Time reached() const { return entries_.empty() ? absl::InfiniteFuture() : entries_.begin()->first.first; }
  // The latest that was started; InfinitePast where there is none.
  absl::Time latest() const { return latest_; }
  int64_t disorder() const { return disorder_; }
  // What is under way and what waits first, for people.
  std::vector<std::string> Describe(int most) const;

 private:
  struct Entry {
    Action action;
    bool started = false;
    Shards keeps;
  };

  size_t IndexOf(const Shard& shard) const { return static_cast<size_t>(shard.domain) * shards_ + shard.number; }

  const int shards_;
  const int most_;
  std::map<Id, Entry> entries_;
  std::vector<Id> reached_;  // per shard: the last action started on it
  std::set<Id> started_;
  absl::Time latest_ = absl::InfinitePast();
  int64_t disorder_ = 0;
  bool changed_ = false;  // something may be ready that was not
};

}  // namespace civicmesh::civicctl
