// What came back effective goes to hot state, and only then is answered (R5); what to do when hot state was damaged
// (R6).
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/runtime/shard/shard_owner.h"

namespace civicmesh {
namespace {

constexpr size_t kMaxRecordsPerCall = 500;

// Joins the changes of consecutive records: of several writes to a key the last one counts.
class Joined {
 public:
  bool Fits(const HotChanges& next) const { return all_.arguments() + next.arguments() <= HotState::kMaxArguments; }
  void Add(HotChanges next) {
    for (auto& write : next.writes) {
      auto [it, fresh] = at_.try_emplace({static_cast<int>(write.table), write.key}, all_.writes.size());
      if (fresh)
        all_.writes.push_back(std::move(write));
      else
        all_.writes[it->second].value = std::move(write.value);
    }
    for (auto& row : next.rows_removed) Row(std::move(row), false);
    for (auto& row : next.rows_added) Row(std::move(row), true);
  }
  HotChanges Take() {
    for (auto& [row, present] : rows_) (present ? all_.rows_added : all_.rows_removed).push_back(row);
    return std::move(all_);
  }

 private:
  void Row(std::string row, bool present) { rows_[std::move(row)] = present; }

  HotChanges all_;
  absl::flat_hash_map<std::pair<int, std::string>, size_t> at_;
  absl::flat_hash_map<std::string, bool> rows_;
};

// Nothing was lost since a fill was verified, by what a server says that has not been started anew since.
bool Whole(const HotPiece& piece) { return piece.verified && piece.verified->run_id == piece.server_run_id; }

}  // namespace

bool ShardOwner::Fold() {
  if (phase_ != Phase::kServing || repair_ || folding_ || reconnecting_ || unfolded_.empty()) return false;
  Joined joined;
  size_t records = 0, arguments = 0;
  while (records < unfolded_.size() && records < kMaxRecordsPerCall) {
    arguments += unfolded_[records].changes.arguments();
    if (records > 0 && arguments > HotState::kMaxArguments) break;
    // Kept until the answer: an unanswered call is sent again after a look.
    joined.Add(unfolded_[records].changes);
    ++records;
  }
  const HotPointValue next = unfolded_[records - 1].point;
  int64_t offset = 0;
  (void)absl::SimpleAtoi(next.token, &offset);
  folding_ = true;
  sent_token_ = next.token;
  ports_.hot->Fold(shard_, rules_.fence ? fold_.epoch : ~0ull, rules_.cas ? absl::StrCat(folded_) : "*", next,
                   joined.Take(), InThisLife([this, offset](HotResult r) { FoldDone(r, offset); }));
  return true;
}

void ShardOwner::FoldDone(HotResult result, int64_t offset) {
  folding_ = false;
  switch (result) {
    case HotResult::kOk:
      if (!repair_) FoldedTo(offset);
      return;
    case HotResult::kFenced:
      return End("fenced by a higher epoch", kSessionTimeoutMs);
    case HotResult::kMoved:
      return StartRepair("@offset is not where it was left");
    case HotResult::kUnknown:
      return Reconnect(50);
  }
}

void ShardOwner::Reconnected(absl::StatusOr<HotPiece> piece) {
  looking_ = reconnecting_ = false;
  if (!piece.ok()) return Reconnect(200);
  if (piece->fence > fold_.epoch) return End("fenced by a higher epoch", kSessionTimeoutMs);
  if (repair_) return StartRepair("the connection broke during a repair");
  const std::string& token = piece->point.token;
  if (!Whole(*piece) || (token != absl::StrCat(folded_) && token != sent_token_))
    return StartRepair("hot state changed behind the connection");
  // The last call did run, or it never will: its connection is gone.
  int64_t offset = 0;
  (void)absl::SimpleAtoi(token, &offset);
  FoldedTo(offset);
}

// Nobody hears of a server that was emptied while nothing is folded, and reads answer UNAVAILABLE until it is refilled.
void ShardOwner::Watch() {
  if (watch_failed_) {
    watch_failed_ = false;
    if (!repair_ && !reconnecting_) Reconnect(0);
    return;
  }
  const bool idle = !watching_ && !folding_ && !reconnecting_ && !repair_ && unfolded_.empty() && unverify_.empty();
  if (!idle || ports_.steady_ms() - watched_ms_ < kWatchMs) return;
  watching_ = true;
  watched_ms_ = ports_.steady_ms();
  ports_.hot->Look(shard_, InThisLife([this](const absl::StatusOr<HotPiece>& piece) { Watched(piece); }));
}

void ShardOwner::Watched(const absl::StatusOr<HotPiece>& piece) {
  watching_ = false;
  if (repair_ || reconnecting_) return;
  // Not here: the connection may be just being dropped, which is what answers this call.
  if (!piece.ok()) {
    watch_failed_ = true;
    return;
  }
  if (piece->fence > fold_.epoch) return End("fenced by a higher epoch", kSessionTimeoutMs);
  // Calls run in order, so no later fold is in this answer.
  if (!Whole(*piece) || piece->point.token != absl::StrCat(folded_))
    StartRepair("hot state changed while nothing was folded");
}

void ShardOwner::FoldedTo(int64_t offset) {
  while (!unfolded_.empty()) {
    int64_t at = 0;
    (void)absl::SimpleAtoi(unfolded_.front().point.token, &at);
    if (at > offset) break;
    unfolded_.pop_front();
  }
  folded_ = offset;
  FlushAnswers();
}

void ShardOwner::Reconnect(int64_t after_ms) {
  ports_.hot->Reconnect(shard_);
  reconnecting_ = true;
  reconnect_at_ms_ = ports_.steady_ms() + after_ms;
}

void ShardOwner::StartRepair(const std::string& why) {
  repair_.emplace();
  repair_->why = why;
  folding_ = false;
}

void ShardOwner::RepairDone(HotResult result, Repair::Step next) {
  if (!repair_) return;
  switch (result) {
    case HotResult::kOk:
      repair_->step = next;
      return;
    case HotResult::kFenced:
      return End("fenced by a higher epoch", kSessionTimeoutMs);
    case HotResult::kMoved:
      return StartRepair("another repair was begun");
    case HotResult::kUnknown:
      return Reconnect(50);
  }
}

void ShardOwner::AdvanceRepair() {
  if (reconnecting_) return;
  Repair& r = *repair_;
  switch (r.step) {
    case Repair::Step::kClear:
      r.id = absl::StrCat(absl::Hex(ports_.random(), absl::kZeroPad16), absl::Hex(ports_.random(), absl::kZeroPad16));
      r.step = Repair::Step::kClearing;
      ports_.hot->Clear(shard_, fold_.epoch, r.id,
                        InThisLife([this](HotResult result) { RepairDone(result, Repair::Step::kReadback); }));
      return;
    case Repair::Step::kReadback: {
      if (r.checkpoint_seq == 0) {
        log::v1::Record record;
        record.set_kind(log::v1::Record::KIND_CHECKPOINT);
        *record.mutable_inbox() = decided_;
        record.set_now_ms(now_ms_);
        if (!Append(std::move(record), "")) return;
        repair_->checkpoint_seq = seq_;
      }
      // Nothing is in flight behind the checkpoint, since deciding pauses; so memory then equals the log.
      if (rules_.repair_readback && fold_.seq < repair_->checkpoint_seq) return;
      repair_->dump.emplace(*memory_);
      repair_->finish = PointAt(position_, last_hash_);
      repair_->finish_offset = position_;
      repair_->step = Repair::Step::kFill;
      return;
    }
    case Repair::Step::kFill: {
      // Once it is verified look-ups answer from it, so no other fold version may then be read as ours (R12).
      if (Unverifying()) return;
      HotChanges part = r.dump->Next();
      const bool last = r.dump->done();
      r.step = Repair::Step::kFilling;
      ports_.hot->Refill(shard_, fold_.epoch, r.id, std::move(part), last ? std::optional(r.finish) : std::nullopt,
                         InThisLife([this, last](HotResult result) {
                           RepairDone(result, Repair::Step::kFill);
                           if (!last || result != HotResult::kOk || !repair_) return;
                           const int64_t offset = repair_->finish_offset;
                           repair_.reset();
                           FoldedTo(offset);
                         }));
      return;
    }
    case Repair::Step::kClearing:
    case Repair::Step::kFilling:
      return;
  }
}

void ShardOwner::FlushAnswers() {
  if (repair_ || Unverifying()) return;
  while (!answers_.empty() && (answers_.front().offset < folded_ || !rules_.cover)) {
    ports_.reply(shard_, answers_.front().reply_to, answers_.front().reply);
    answers_.pop_front();
  }
}

}  // namespace civicmesh
