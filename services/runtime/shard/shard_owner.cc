#include "services/runtime/shard/shard_owner.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/base/ids.h"

namespace civicmesh {

using log::v1::Record;

ShardOwner::ShardOwner(int shard, WorkerOptions options, OwnerPorts ports, Rules rules)
    : shard_(shard), options_(std::move(options)), ports_(std::move(ports)), rules_(rules) {
  decided_.set_offset(-1);
}

void ShardOwner::Assign() {
  assigned_ = true;
  paused_ = false;
  if (phase_ == Phase::kIdle) retry_at_ms_ = 0;
}

void ShardOwner::Revoke() {
  assigned_ = false;
  paused_ = true;
}

void ShardOwner::End(const std::string& why, int64_t retry_after_ms) {
  // R3: nothing of this epoch's memory survives it; what is in flight is void or will be read by the next owner.
  ++life_;
  counts_.phase = absl::StrCat("ended: ", why);
  ports_.reader->Stop({Topic::kJournal, shard_});
  ports_.reader->Stop({Topic::kInbox, shard_});
  phase_ = Phase::kIdle;
  if (rules_.mem_drop) memory_.reset();
  appender_.reset();
  pending_.clear();
  landed_.clear();
  landed_first_ = 1;
  inbox_.clear();
  inbox_reading_ = false;
  unfolded_.clear();
  answers_.clear();
  facts_.clear();
  parking_.reset();
  repair_.reset();
  watching_ = watch_failed_ = folding_ = reconnecting_ = looking_ = unverifying_ = clock_ahead_ = clamp_next_ = false;
  unverify_.clear();
  sent_token_.clear();
  retry_at_ms_ = ports_.steady_ms() + retry_after_ms;
}

void ShardOwner::Lost(absl::Status why) {
  End(std::string(why.message()), 0);
  phase_ = Phase::kStopped;
  stopped_ = absl::DataLossError(absl::StrCat("shard ", shard_, ": ", std::string(why.message())));
}

void ShardOwner::OnRecord(Topic topic, LogRecord record) {
  if (topic == Topic::kJournal && phase_ >= Phase::kReplaying && phase_ <= Phase::kServing) {
    const int64_t offset = record.offset;
    TakeRecord(offset, std::move(record));
  } else if (topic == Topic::kInbox && phase_ == Phase::kServing) {
    inbox_.push_back(std::move(record));
    if (inbox_.size() >= kMaxInbox && inbox_reading_) {
      ports_.reader->Stop({Topic::kInbox, shard_});
      inbox_reading_ = false;
    }
  }
}

void ShardOwner::OnEnd(Topic topic, int64_t offset) {
  if (topic == Topic::kJournal && phase_ == Phase::kReplaying && offset <= position_) Claim();
}

void ShardOwner::OnTrouble(Topic, const absl::Status& why) {
  if (phase_ == Phase::kIdle || phase_ == Phase::kStopped) return;
  // An offset outside the log is judged by the checks of the next takeover, with the ends as the leader says then.
  End(absl::StrCat("log: ", std::string(why.message())), 500);
}

void ShardOwner::TakeRecord(int64_t offset, LogRecord raw) {
  if (offset < position_) return;
  auto bytes = Unframe(raw.value);
  const Record* parsed = bytes.ok() ? room_.Parse(*bytes) : nullptr;
  if (!parsed) return Lost(absl::DataLossError(absl::StrCat("journal record at ", offset, " cannot be decoded")));
  const Record& record = *parsed;
  // Of most records of a long replay nobody asks for it.
  const bool hash_wanted = phase_ != Phase::kReplaying || !refill_ || offset >= publish_from_;
  const std::string hash = hash_wanted ? Sha256(raw.value).substr(0, 16) : "";
  if (offset < folded_ && phase_ == Phase::kReplaying) {
    if (!catch_up_) {
      catch_up_.emplace();
      if (offset > 0) {  // it was published, so it is effective
        catch_up_->epoch = record.epoch();
        catch_up_->owner = record.owner();
        catch_up_->seq = record.seq() - 1;
      }
    }
    if (catch_up_->Take(record)) QueueFacts(offset, record, hash);
    position_ = offset + 1;
    return;
  }
  const bool mine = record.owner() == owner_id_;
  const bool effective = fold_.Take(record, rules_.seq);
  position_ = offset + 1;
  last_hash_ = hash;
  if (!effective) {
    if (mine) return End("own record came back void", kSessionTimeoutMs + static_cast<int64_t>(ports_.random() % 1000));
    if (phase_ == Phase::kServing) unfolded_.push_back({{}, PointAt(position_, last_hash_)});
    return;
  }
  if (record.kind() == Record::KIND_BARRIER) {
    if (mine && phase_ == Phase::kClaiming) return Become();
    if (!mine && phase_ == Phase::kServing)
      return End("another owner has taken over", kSessionTimeoutMs + static_cast<int64_t>(ports_.random() % 1000));
    // Claimed before its own barrier came back: that one is void now, and will say so.
    return;
  }
  TakeEffective(offset, record, last_hash_);
}

log::v1::Reply ShardOwner::ReplyOf(const Delta& delta) {
  log::v1::Reply reply;
  reply.set_command_id(delta.outcome_id);
  *reply.mutable_outcome() = delta.outcome;
  for (const auto& stream : delta.streams)
    if (stream.id == delta.outcome.resource()) reply.set_state(stream.value.state());
  return reply;
}

void ShardOwner::TakeEffective(int64_t offset, const Record& record, const std::string& hash) {
  if (record.kind() == Record::KIND_ACTIVATE && record.has_accepted()) AddActivation(activated_, record.activation());
  HotChanges changes;
  if (phase_ == Phase::kServing) {
    if (pending_.empty() || pending_.front().record.seq() != record.seq())
      return Lost(absl::DataLossError(absl::StrCat("effective record at ", offset, " was not the one expected back")));
    Pending pending = std::move(pending_.front());
    pending_.pop_front();
    landed_.push_back(offset);
    memory_->Landed(pending.delta, record.seq(), offset);
    for (auto& stream : pending.delta.streams) {
      if (stream.events_place.in_flight() && !stream.has_events)
        stream.value.set_events_offset(landed_[stream.events_place.seq - landed_first_]);
    }
    while (landed_.size() > 2 * kMaxInFlight) {
      landed_.pop_front();
      ++landed_first_;
    }
    if (!pending.reply_to.empty() && !pending.delta.outcome_id.empty()) {
      answers_.push_back({offset, std::move(pending.reply_to), ReplyOf(pending.delta)});
      answers_.back().reply.mutable_outcome()->set_offset(offset);
    }
    changes = ToHotChanges(std::move(pending.delta), offset);
  } else {
    auto delta = memory_->Apply(record, {offset, 0}, /*skip=*/loaded_, /*values=*/!refill_);
    if (!delta.ok()) return Lost(delta.status());
    if (!refill_) changes = ToHotChanges(*std::move(delta), offset);
  }
  QueueFacts(offset, record, hash);
  if (phase_ != Phase::kServing && unfolded_.size() == kMaxTail) {
    refill_ = true;
    unfolded_.clear();
  }
  if (phase_ == Phase::kServing || !refill_) unfolded_.push_back({std::move(changes), PointAt(position_, last_hash_)});
}

HotPointValue ShardOwner::PointAt(int64_t next_offset, const std::string& last_hash) const {
  log::v1::HotPoint point;
  point.set_offset(next_offset);
  point.set_epoch(fold_.epoch);
  point.set_owner(fold_.owner);
  point.set_seq(fold_.seq);
  *point.mutable_inbox() = fold_.inbox;
  point.set_now_ms(fold_.now_ms);
  point.set_last_hash(last_hash);
  point.set_fold_version(options_.fold_version);
  for (const auto& a : activated_) *point.add_activations() = a;
  return {absl::StrCat(next_offset), point.SerializeAsString()};
}

bool ShardOwner::AtRest() const {
  return phase_ == Phase::kServing && !repair_ && pending_.empty() && unfolded_.empty() && answers_.empty() &&
         facts_.empty() && inbox_.empty() && !folding_ && !reconnecting_;
}

ShardStatus ShardOwner::Status() const {
  ShardStatus s = counts_;
  static constexpr const char* kNames[] = {"idle",     "looking", "scanning", "replaying",
                                           "claiming", "serving", "stopped"};
  s.shard = shard_;
  s.assigned = assigned_;
  s.serving = serving() && !paused_ && !clock_ahead_;
  s.phase = phase_ == Phase::kIdle && !counts_.phase.empty() ? counts_.phase : kNames[static_cast<int>(phase_)];
  if (repair_) s.phase = absl::StrCat("repairing: ", repair_->why);
  if (clock_ahead_) s.phase = "stopped: an inbox record's time lies more than 5 minutes ahead";
  s.stopped = stopped_;
  s.epoch = fold_.epoch;
  s.now_ms = now_ms_;
  s.inbox_next = inbox_next_;
  s.journal_next = position_;
  s.folded = folded_;
  s.published = facts_.empty() ? folded_ : facts_.front().offset;
  s.in_flight = static_cast<int64_t>(pending_.size());
  s.streams = memory_ ? static_cast<int64_t>(memory_->streams()) : 0;
  s.outcomes = memory_ ? static_cast<int64_t>(memory_->outcomes()) : 0;
  for (const auto& a : activated_) s.activations.push_back({a.kind(), a.version(), a.sha256(), a.valid_from_ms()});
  return s;
}

}  // namespace civicmesh
