#include "services/runtime/hotstate/memory_hot_state.h"

#include <algorithm>
#include <utility>

namespace civicmesh {
namespace {

void Put(MemoryRedis::Shard& shard, const HotChanges& changes, bool half) {
  const size_t writes = half ? changes.writes.size() / 2 : changes.writes.size();
  for (size_t i = 0; i < writes; ++i) {
    const auto& write = changes.writes[i];
    auto& table = shard.tables[write.table];
    if (write.value)
      table[write.key] = *write.value;
    else
      table.erase(write.key);
  }
  if (half) return;
  for (const auto& row : changes.rows_removed) shard.rows.erase(row);
  for (const auto& row : changes.rows_added) shard.rows.insert(row);
}

}  // namespace

void MemoryRedis::RunLate(size_t i) {
  Late call = std::move(late[i]);
  late.erase(late.begin() + static_cast<int64_t>(i));
  if (call.run == run) call.call();
}

// The run id is fetched on connecting; a server that was restarted has dropped the connection.
bool MemoryHotState::Broken(int shard) {
  auto [it, fresh] = connection_run_.try_emplace(shard, server_->run);
  return broken_.count(shard) || it->second != server_->run;
}

// A call outlives the connection that sent it (it may run late), so it holds nothing of it.
void MemoryHotState::Write(int shard, std::function<HotResult(bool half)> call, Done done) {
  auto run = [this, shard, call, done] {
    if (Broken(shard)) return done(HotResult::kUnknown);
    switch (server_->fault ? server_->fault() : MemoryRedis::Fault::kNone) {
      case MemoryRedis::Fault::kNone:
        return done(call(false));
      case MemoryRedis::Fault::kReplyLost:
        call(false);
        break;
      case MemoryRedis::Fault::kLate:
        server_->late.push_back({server_->run, [call] { call(false); }});
        break;
      case MemoryRedis::Fault::kHalf:
        call(true);
        break;
    }
    broken_.insert(shard);
    done(HotResult::kUnknown);
  };
  calls_.push_back({shard, run, [done] { done(HotResult::kUnknown); }});
}

void MemoryHotState::Fold(int shard, uint64_t epoch, std::string expected, HotPointValue next, HotChanges changes,
                          Done done) {
  Write(
      shard,
      [server = server_, key = KeyOf(shard), epoch, expected = std::move(expected), next = std::move(next),
       changes = std::move(changes)](bool half) {
        auto& s = server->shards[key];
        if (s.fence > epoch) return HotResult::kFenced;
        if (expected != "*" && s.point.token != expected) return HotResult::kMoved;
        Put(s, changes, half);
        if (!half) {
          s.point = next;
          s.fence = epoch;
        }
        return HotResult::kOk;
      },
      std::move(done));
}

void MemoryHotState::Clear(int shard, uint64_t epoch, std::string repair_id, Done done) {
  Write(
      shard,
      [server = server_, key = KeyOf(shard), epoch, repair_id = std::move(repair_id)](bool) {
        auto& s = server->shards[key];
        if (s.fence > epoch) return HotResult::kFenced;
        s = MemoryRedis::Shard{
            .tables = {}, .rows = {}, .point = {}, .fence = epoch, .repair_id = repair_id, .verified = {}};
        return HotResult::kOk;
      },
      std::move(done));
}

void MemoryHotState::Refill(int shard, uint64_t epoch, std::string repair_id, HotChanges part,
                            std::optional<HotPointValue> finish, Done done) {
  Write(
      shard,
      [server = server_, key = KeyOf(shard), epoch, repair_id = std::move(repair_id), part = std::move(part),
       finish = std::move(finish)](bool half) {
        auto& s = server->shards[key];
        if (s.fence > epoch) return HotResult::kFenced;
        if (s.repair_id != repair_id) return HotResult::kMoved;
        Put(s, part, half);
        if (!half && finish) {
          s.point = *finish;
          s.fence = epoch;
          s.verified = HotVerified{server->run_id(), repair_id};
        }
        return HotResult::kOk;
      },
      std::move(done));
}

void MemoryHotState::Unverify(int shard, uint64_t epoch, int other_fold_version, Done done) {
  Write(
      shard,
      [server = server_, key = Key{domain_, other_fold_version, shard}, epoch](bool) {
        auto& s = server->shards[key];
        if (s.fence > epoch) return HotResult::kFenced;
        s.fence = epoch;
        s.verified.reset();
        s.repair_id.clear();
        return HotResult::kOk;
      },
      std::move(done));
}

HotPiece MemoryHotState::Piece(int shard) {
  const auto& s = At(shard);
  return {.point = s.point,
          .verified = s.verified,
          .fence = s.fence,
          .server_run_id = server_->run_id(),
          .entries = {},
          .next_cursor = 0};
}

HotRead MemoryHotState::ReadOf(int shard) {
  const auto& s = At(shard);
  return {.point = s.point, .verified = s.verified && s.verified->run_id == server_->run_id(), .values = {}};
}

void MemoryHotState::Look(int shard, std::function<void(absl::StatusOr<HotPiece>)> done) {
  calls_.push_back({shard,
                    [this, shard, done] {
                      if (Broken(shard)) return done(absl::UnavailableError("connection lost"));
                      done(Piece(shard));
                    },
                    [done] { done(absl::UnavailableError("connection lost")); }});
}

void MemoryHotState::Scan(int shard, HotTable table, uint64_t cursor,
                          std::function<void(absl::StatusOr<HotPiece>)> done) {
  calls_.push_back({shard,
                    [this, shard, table, cursor, done] {
                      if (Broken(shard)) return done(absl::UnavailableError("connection lost"));
                      HotPiece piece = Piece(shard);
                      // A key written or deleted between two pieces may be seen or missed, as with HSCAN; one that
                      // stands all the while is seen. Keys go by the order of their hashes, so the cursor is stable.
                      std::map<uint64_t, std::pair<std::string, std::string>> order;
                      for (const auto& [key, value] : At(shard).tables[table]) {
                        uint64_t at = std::hash<std::string>()(key) >> 1;
                        while (order.count(at)) ++at;
                        order.emplace(at, std::pair(key, value));
                      }
                      auto it = order.lower_bound(cursor);
                      for (size_t n = 0; n < server_->scan_piece && it != order.end(); ++n, ++it)
                        piece.entries.push_back(it->second);
                      piece.next_cursor = it == order.end() ? 0 : std::max<uint64_t>(it->first, 1);
                      done(std::move(piece));
                    },
                    [done] { done(absl::UnavailableError("connection lost")); }});
}

void MemoryHotState::Read(int shard, HotTable table, std::vector<std::string> keys,
                          std::function<void(absl::StatusOr<HotRead>)> done) {
  calls_.push_back({shard,
                    [this, shard, table, keys = std::move(keys), done] {
                      if (Broken(shard)) return done(absl::UnavailableError("connection lost"));
                      HotRead read = ReadOf(shard);
                      for (const auto& key : keys) {
                        auto& values = At(shard).tables[table];
                        auto it = values.find(key);
                        read.values.push_back(it == values.end() ? std::nullopt : std::optional(it->second));
                      }
                      done(std::move(read));
                    },
                    [done] { done(absl::UnavailableError("connection lost")); }});
}

void MemoryHotState::Range(int shard, std::string from, std::string to, int limit, bool descending,
                           std::function<void(absl::StatusOr<HotRead>)> done) {
  calls_.push_back({shard,
                    [this, shard, from = std::move(from), to = std::move(to), limit, descending, done] {
                      if (Broken(shard)) return done(absl::UnavailableError("connection lost"));
                      HotRead read = ReadOf(shard);
                      const auto& rows = At(shard).rows;
                      std::vector<std::string> found(rows.lower_bound(from), rows.lower_bound(to));
                      if (descending) std::reverse(found.begin(), found.end());
                      for (auto& row : found)
                        if (static_cast<int>(read.values.size()) < limit) read.values.push_back(std::move(row));
                      done(std::move(read));
                    },
                    [done] { done(absl::UnavailableError("connection lost")); }});
}

void MemoryHotState::Reconnect(int shard) {
  std::deque<Call> kept, dropped;
  for (auto& call : calls_) (call.shard == shard ? dropped : kept).push_back(std::move(call));
  calls_ = std::move(kept);
  connection_run_[shard] = server_->run;
  broken_.erase(shard);
  for (auto& call : dropped) call.abandon();
}

int MemoryHotState::Poll(int) { return PollSome(static_cast<int>(calls_.size())); }

int MemoryHotState::PollSome(int max) {
  int ran = 0;
  for (; ran < max && !calls_.empty(); ++ran) {
    Call call = std::move(calls_.front());
    calls_.pop_front();
    call.run();
  }
  return ran;
}

}  // namespace civicmesh
