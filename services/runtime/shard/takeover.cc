// Taking a shard over (R4) and the checks before it serves (R9).
#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/journal/event_id.h"
#include "services/runtime/shard/shard_owner.h"

namespace civicmesh {

using log::v1::Record;

namespace {

std::string HashOf(const LogRecord& record) { return Sha256(record.value).substr(0, 16); }

}  // namespace

void ShardOwner::StartTakeover() {
  ++life_;
  phase_ = Phase::kLooking;
  counts_.phase.clear();
  takeover_started_ms_ = ports_.steady_ms();
  if (rules_.mem_drop || !memory_) memory_ = std::make_unique<ShardMemory>(ports_.machines(shard_), rules_);
  appender_ = ports_.appender();
  owner_id_ = ports_.random() | 1;
  fold_ = EffectiveFold();
  position_ = folded_ = 0;
  last_hash_.clear();
  activated_.clear();
  ports_.hot->Look(shard_, InThisLife([this](absl::StatusOr<HotPiece> piece) { TakeSnapshot(std::move(piece)); }));
}

void ShardOwner::TakeSnapshot(absl::StatusOr<HotPiece> piece) {
  if (!piece.ok()) {
    ports_.hot->Reconnect(shard_);
    return End(absl::StrCat("hot state: ", std::string(piece.status().message())), 500);
  }
  snapshot_ = *std::move(piece);
  log::v1::HotPoint point;
  const bool distrusted = std::exchange(distrusted_, false);
  const bool there = !distrusted && !snapshot_.point.token.empty() && point.ParseFromString(snapshot_.point.blob) &&
                     snapshot_.verified && snapshot_.verified->run_id == snapshot_.server_run_id &&
                     point.fold_version() == options_.fold_version;
  if (!there) return StartReplay(false);
  scanned_from_ = point.offset();
  phase_ = Phase::kScanning;
  scan_table_ = HotTable::kStreams;
  scan_cursor_ = 0;
  ScanNext();
}

void ShardOwner::ScanNext() {
  ports_.hot->Scan(shard_, scan_table_, scan_cursor_,
                   InThisLife([this](absl::StatusOr<HotPiece> piece) { TakePiece(std::move(piece)); }));
}

void ShardOwner::TakePiece(absl::StatusOr<HotPiece> piece) {
  if (!piece.ok()) {
    ports_.hot->Reconnect(shard_);
    return End(absl::StrCat("hot state: ", std::string(piece.status().message())), 500);
  }
  // R4: any change of @verified under the scan, and a server that was restarted, spoil it.
  if (rules_.scan_verify && (piece->verified != snapshot_.verified || piece->server_run_id != snapshot_.server_run_id))
    return StartReplay(false);
  for (const auto& [key, value] : piece->entries)
    if (!memory_->Load(scan_table_, key, value, scanned_from_).ok()) return StartReplay(false);
  scan_cursor_ = piece->next_cursor;
  if (scan_cursor_ == 0) {
    if (scan_table_ == HotTable::kPolicies) {
      if (!rules_.offset_first) snapshot_ = *std::move(piece);
      return StartReplay(true);
    }
    scan_table_ = scan_table_ == HotTable::kStreams ? HotTable::kOutcomes : HotTable::kPolicies;
  }
  ScanNext();
}

// Where the publisher resumes (R14), and whether its last fact is still in the journal (R9).
bool ShardOwner::FindPublished() {
  publish_from_ = 0;
  auto bounds = ports_.reader->GetBounds({Topic::kEvents, shard_});
  if (!bounds.ok()) {
    End("the events topic's end is unknown", 500);
    return false;
  }
  if (!rules_.publish_topic) return true;
  if (bounds->end <= bounds->begin) return true;
  auto last = ports_.reader->ReadAt({Topic::kEvents, shard_}, bounds->end - 1);
  if (!last.ok()) {
    End("the last published event cannot be read", 500);
    return false;
  }
  const auto id = ParseEventId(HeaderOf(*last, "ce_id"));
  if (!id) {
    Lost(absl::DataLossError("the last published event has no id of ours"));
    return false;
  }
  if (rules_.publish_check) {
    auto record = ports_.reader->ReadAt({Topic::kJournal, shard_}, id->journal_offset);
    if (!record.ok() && record.status().code() != absl::StatusCode::kNotFound) {
      End("the last published record cannot be read", 500);
      return false;
    }
    if (!record.ok() || absl::BytesToHexString(HashOf(*record)) != HeaderOf(*last, "ce_recordhash")) {
      Lost(absl::DataLossError("the last published event's record is not in the journal"));
      return false;
    }
  }
  publish_from_ = id->journal_offset;
  return true;
}

void ShardOwner::StartReplay(bool usable) {
  if (!FindPublished()) return;
  log::v1::HotPoint point;
  if (usable) {
    usable = point.ParseFromString(snapshot_.point.blob);
    if (usable && rules_.hash_check && point.offset() > 0) {
      auto before = ports_.reader->ReadAt({Topic::kJournal, shard_}, point.offset() - 1);
      if (!before.ok() && before.status().code() != absl::StatusCode::kNotFound)
        return End("the record before @offset cannot be read", 500);
      usable = before.ok() && HashOf(*before) == point.last_hash();
    }
  }
  loaded_ = usable;
  refill_ = !usable;
  phase_ = Phase::kReplaying;
  if (!usable) {
    memory_ = std::make_unique<ShardMemory>(ports_.machines(shard_), rules_);
    ports_.reader->Start({Topic::kJournal, shard_}, 0);
    return;
  }
  fold_.epoch = point.epoch();
  fold_.owner = point.owner();
  fold_.seq = point.seq();
  fold_.inbox = point.inbox();
  fold_.now_ms = point.now_ms();
  activated_.assign(point.activations().begin(), point.activations().end());
  memory_->SetActivations(activated_);
  position_ = folded_ = point.offset();
  last_hash_ = point.last_hash();
  // The publisher may lie behind @offset: those records are read again, for their facts alone.
  catch_up_.reset();
  position_ = std::min(folded_, publish_from_);
  ports_.reader->Start({Topic::kJournal, shard_}, position_);
}

void ShardOwner::Claim() {
  // R9: whoever folds a record has read it, so what is there and is not met was written from a journal that has since
  // been cut, by a call that ran half or late.
  if (loaded_ && rules_.explained && !memory_->explained()) {
    distrusted_ = true;
    return End("hot state is ahead of the journal", 0);
  }
  Record barrier;
  barrier.set_kind(Record::KIND_BARRIER);
  barrier.set_epoch(fold_.epoch + 1);
  barrier.set_owner(owner_id_);
  phase_ = Phase::kClaiming;
  if (!appender_->Append({Topic::kJournal, shard_}, Frame(barrier.SerializeAsString()), {}).ok())
    End("the barrier could not be appended", 500);
}

absl::Status ShardOwner::CheckResume() {
  const int64_t decided = fold_.inbox.offset();
  auto bounds = ports_.reader->GetBounds({Topic::kInbox, shard_});
  if (!bounds.ok()) return bounds.status();
  if (!rules_.resume_check) return absl::OkStatus();
  if (decided + 1 < bounds->begin && decided + 1 != 0)
    return absl::DataLossError(absl::StrCat("the inbox starts at ", bounds->begin, ", decided up to ", decided));
  if (decided + 1 == 0 && bounds->begin > 0)
    return absl::DataLossError(absl::StrCat("the inbox starts at ", bounds->begin, ", nothing was decided"));
  if (decided + 1 > bounds->end) {
    // A leader just elected may not know its end yet: asked again a session timeout later (R9).
    if (!end_doubted_) {
      end_doubted_ = true;
      return absl::UnavailableError("the inbox ends before what was decided; asking again");
    }
    return absl::DataLossError(absl::StrCat("the inbox ends at ", bounds->end, ", decided up to ", decided));
  }
  end_doubted_ = false;
  if (!rules_.inbox_id_check || decided < bounds->begin) return absl::OkStatus();
  auto record = ports_.reader->ReadAt({Topic::kInbox, shard_}, decided);
  if (!record.ok()) return absl::UnavailableError("the highest decided command cannot be read");
  log::v1::Command command;
  auto bytes = Unframe(record->value);
  if (!bytes.ok() || !command.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()))) command.Clear();
  if (command.command_id() != fold_.inbox.command_id() || record->time_ms != fold_.inbox.broker_time_ms())
    return absl::DataLossError(absl::StrCat("another command stands at inbox offset ", decided));
  return absl::OkStatus();
}

void ShardOwner::Become() {
  absl::Status checked = CheckResume();
  if (checked.code() == absl::StatusCode::kDataLoss) {
    // Who reads its own barrier late sees an inbox that a later owner has decided since, and the broker may have
    // deleted.
    auto journal = ports_.reader->GetBounds({Topic::kJournal, shard_});
    if (!journal.ok() || journal->end > position_) return End("the inbox was judged too late", kSessionTimeoutMs);
    return Lost(std::move(checked));
  }
  if (!checked.ok()) return End(std::string(checked.message()), kSessionTimeoutMs);
  phase_ = Phase::kServing;
  seq_ = 0;
  now_ms_ = fold_.now_ms;
  decided_ = fold_.inbox;
  recorded_inbox_ = fold_.inbox.offset();
  inbox_next_ = fold_.inbox.offset() + 1;
  last_append_ms_ = ports_.steady_ms();
  counts_.takeover_seconds = static_cast<double>(ports_.steady_ms() - takeover_started_ms_) / 1000;
  ports_.reader->Start({Topic::kInbox, shard_}, inbox_next_);
  inbox_reading_ = true;
  contents_ready_ = false;
  // R12: whoever still runs another release must not read what it published as ours. An upgrade or a rollback may pass
  // over versions, so each is cleared that any release before this one can have written.
  for (int version = 1; rules_.unverify && version <= options_.fold_version + kRollback; ++version)
    if (version != options_.fold_version) unverify_.push_back(version);
  unfolded_.push_back({{}, PointAt(position_, last_hash_)});
  if (refill_) StartRepair("taken over without a usable snapshot, or one too old");
}

void ShardOwner::Unverify() {
  if (unverifying_ || unverify_.empty()) return;
  unverifying_ = true;
  ports_.hot->Unverify(shard_, fold_.epoch, unverify_.back(), InThisLife([this](HotResult result) {
                         unverifying_ = false;
                         if (result == HotResult::kOk) unverify_.pop_back();
                         if (result == HotResult::kFenced) End("fenced by a higher epoch", kSessionTimeoutMs);
                         if (result == HotResult::kUnknown) Reconnect(50);
                       }));
}

bool ShardOwner::Advance() {
  const int64_t now = ports_.steady_ms();
  if (phase_ == Phase::kStopped) return false;
  if (phase_ == Phase::kIdle) {
    if (!assigned_ || now < retry_at_ms_) return false;
    StartTakeover();
    return true;
  }
  // R3: a lost append, a lost acknowledgement and a lost leader all end the epoch.
  if (appender_ && !appender_->Health().ok()) {
    End("the session with the log is over", 200);
    return true;
  }
  if (phase_ != Phase::kServing) return false;
  if (reconnecting_ && !looking_ && now >= reconnect_at_ms_) {
    looking_ = true;
    ports_.hot->Look(shard_, InThisLife([this](absl::StatusOr<HotPiece> piece) { Reconnected(std::move(piece)); }));
    return true;
  }
  Watch();
  if (phase_ != Phase::kServing) return true;
  Unverify();
  if (repair_) AdvanceRepair();
  FlushAnswers();
  if (!inbox_reading_ && inbox_.size() < kMaxInbox / 2) {
    ports_.reader->Start({Topic::kInbox, shard_}, inbox_.empty() ? inbox_next_ : inbox_.back().offset + 1);
    inbox_reading_ = true;
  }
  return false;
}

}  // namespace civicmesh
