#include "services/runtime/rpc/backlog.h"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/rpc/outcomes.h"

namespace civicmesh {
namespace {

constexpr int64_t kLookEveryMs = 1000;
// The oldest are decided first, so what lies behind them need not be asked for.
constexpr size_t kAskedAtOnce = 200;

}  // namespace

struct Backlog::State : std::enable_shared_from_this<Backlog::State> {
  struct Unheard {
    std::string command_id;
    int64_t inbox_offset;
  };
  struct Shard {
    std::deque<Unheard> unheard;
    int64_t due_ms = 0;
    bool asking = false;
  };

  HotReads* const reads;
  const Clock* const clock;
  mutable absl::Mutex mutex;
  std::map<int, Shard> shards ABSL_GUARDED_BY(mutex);  // none of them is empty

  State(HotReads* r, const Clock* c) : reads(r), clock(c) {}

  void Ask(int shard, std::vector<std::string> ids) {
    ReadOutcomes(*reads, shard, ids, [weak = weak_from_this(), shard, ids](const OutcomesRead& read) {
      if (auto self = weak.lock()) self->Take(shard, ids, read);
    });
  }

  void Take(int shard, const std::vector<std::string>& ids, const OutcomesRead& read) {
    absl::flat_hash_set<std::string> known;
    for (size_t i = 0; read.trusted && i < ids.size(); ++i)
      if (read.outcomes[i]) known.insert(ids[i]);
    absl::MutexLock lock(&mutex);
    auto it = shards.find(shard);
    it->second.asking = false;
    if (!read.trusted) return;
    auto& unheard = it->second.unheard;
    unheard.erase(std::remove_if(unheard.begin(), unheard.end(),
                                 [&](const Unheard& one) {
                                   return one.inbox_offset <= read.decided || known.contains(one.command_id);
                                 }),
                  unheard.end());
    if (unheard.empty()) shards.erase(it);
  }
};

Backlog::Backlog(HotReads* reads, const Clock* clock) : state_(std::make_shared<State>(reads, clock)) {}
Backlog::~Backlog() = default;

void Backlog::Add(int shard, std::string command_id, int64_t inbox_offset) {
  absl::MutexLock lock(&state_->mutex);
  auto [it, fresh] = state_->shards.try_emplace(shard);
  if (fresh) it->second.due_ms = state_->clock->steady_ms() + kLookEveryMs;
  it->second.unheard.push_back({std::move(command_id), inbox_offset});
}

int Backlog::size(int shard) const {
  absl::MutexLock lock(&state_->mutex);
  auto it = state_->shards.find(shard);
  return it == state_->shards.end() ? 0 : static_cast<int>(it->second.unheard.size());
}

int Backlog::size() const {
  absl::MutexLock lock(&state_->mutex);
  int all = 0;
  for (const auto& [shard, of] : state_->shards) all += static_cast<int>(of.unheard.size());
  return all;
}

int64_t Backlog::LookUpDue() {
  std::vector<std::pair<int, std::vector<std::string>>> asked;
  const int64_t now = state_->clock->steady_ms();
  int64_t next = kLookEveryMs;
  {
    absl::MutexLock lock(&state_->mutex);
    for (auto& [shard, of] : state_->shards) {
      if (of.asking) continue;
      if (of.due_ms > now) {
        next = std::min(next, of.due_ms - now);
        continue;
      }
      of.asking = true;
      of.due_ms = now + kLookEveryMs;
      auto& [at, ids] = asked.emplace_back(shard, std::vector<std::string>());
      for (size_t i = 0; i < of.unheard.size() && i < kAskedAtOnce; ++i) ids.push_back(of.unheard[i].command_id);
    }
  }
  for (auto& [shard, ids] : asked) state_->Ask(shard, std::move(ids));
  return next;
}

}  // namespace civicmesh
