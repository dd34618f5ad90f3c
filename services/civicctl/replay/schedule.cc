#include "services/civicctl/replay/schedule.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace civicmesh::civicctl {
namespace {

// How far behind the first that waits an action is looked for: more could start seldom, and looking costs.
constexpr int kLookAhead = 64;

}  // namespace

void Schedule::Add(Action action) {
  Id id{action.at, action.name};
  const Shards touched = action.touches();
  if (std::any_of(touched.begin(), touched.end(), [&](const Shard& s) { return id < reached_[IndexOf(s)]; }))
    ++disorder_;
  changed_ = true;
  entries_.emplace(std::move(id), Entry{.action = std::move(action), .keeps = {}});
}

void Schedule::StartReady() {
  if (!std::exchange(changed_, false)) return;
  std::vector<char> taken(reached_.size(), 0);
  size_t free = taken.size();
  auto take = [&](const Shards& shards) {
    for (const Shard& s : shards) {
      free -= taken[IndexOf(s)] == 0;
      taken[IndexOf(s)] = 1;
    }
  };
  std::vector<Id> ready;
  int looked_at = 0;
  for (auto& [id, entry] : entries_) {
    if (free == 0 || looked_at >= kLookAhead || under_way() + static_cast<int>(ready.size()) >= most_) break;
    if (entry.started) {
      take(entry.keeps);
      continue;
    }
    ++looked_at;
    const Shards touched = entry.action.touches(), held = entry.action.holds();
    if (std::none_of(touched.begin(), touched.end(), [&](const Shard& s) { return taken[IndexOf(s)] != 0; })) {
      entry.started = true;
      entry.keeps = touched;
      entry.keeps.insert(entry.keeps.end(), held.begin(), held.end());
      for (const Shard& s : touched) reached_[IndexOf(s)] = id;
      latest_ = std::max(latest_, id.first);
      ready.push_back(id);
    }
    take(touched);
    take(held);
  }
  // Only now: what starts may add, narrow and finish.
  started_.insert(ready.begin(), ready.end());
  for (const Id& id : ready) {
    auto start = entries_.at(id).action.start;
    start(id);
  }
}

void Schedule::Narrow(const Id& id, const Shards& keeps) {
  entries_.at(id).keeps = keeps;
  changed_ = true;
}

void Schedule::Finish(const Id& id) {
  const auto entry = entries_.find(id);
  started_.erase(id);
  entries_.erase(entry);  // last, for the id may live in it
  changed_ = true;
}

int Schedule::kept_shards() const {
  std::set<Shard> kept;
  for (const Id& id : started_) {
    const Shards& keeps = entries_.at(id).keeps;
    kept.insert(keeps.begin(), keeps.end());
  }
  return static_cast<int>(kept.size());
}

std::vector<std::string> Schedule::Describe(int most) const {
  std::vector<std::string> lines;
  for (const auto& [id, entry] : entries_) {
    if (static_cast<int>(lines.size()) >= most) break;
    lines.push_back(absl::StrCat(entry.started ? "under way " : "waits ", id.second, " at ",
                                 absl::FormatTime(absl::RFC3339_sec, id.first, absl::FixedTimeZone(8 * 3600))));
  }
  return lines;
}

}  // namespace civicmesh::civicctl
