// From the inbox to the journal: order (R2), time (R7), never twice (R8), reference data (R10).
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/shard/actor_record.h"
#include "services/runtime/shard/reference_view.h"
#include "services/runtime/shard/shard_owner.h"

namespace civicmesh {

using log::v1::Command;
using log::v1::Record;

namespace {

constexpr int kFailedPrecondition = 9, kAlreadyExists = 6, kUnavailable = 14;
constexpr int64_t kActivateAheadMs = 60 * 1000;  // R10

log::v1::Refused RuntimeRefusal(const char* reason, int code) {
  log::v1::Refused refused;
  refused.set_reason(reason);
  refused.set_domain("runtime");
  refused.set_code(code);
  return refused;
}

}  // namespace

log::v1::InboxPoint ShardOwner::PointOf(const LogRecord& in, const std::string& command_id, int64_t taken_ms) const {
  log::v1::InboxPoint point;
  point.set_offset(in.offset);
  point.set_command_id(command_id);
  point.set_broker_time_ms(in.time_ms);
  point.set_broker_now_ms(std::max(taken_ms, decided_.broker_now_ms()));
  return point;
}

bool ShardOwner::Decide(int max) {
  bool any = false;
  for (; max > 0 && DecideOne(); --max) any = true;
  return any;
}

// R10: a decision by reference data that this process has not loaded yet would differ from the recorded one.
bool ShardOwner::ContentsReady() {
  if (contents_ready_) return true;
  for (const auto& active : memory_->activations())
    if (!ports_.references->Find(active.kind(), active.sha256())) return false;
  return contents_ready_ = true;
}

bool ShardOwner::DecideOne() {
  if (phase_ != Phase::kServing || paused_ || Unverifying()) return false;
  if (repair_ && rules_.drain) return false;
  if (!ContentsReady() && rules_.content_ready) return false;
  if (inbox_.empty() || pending_.size() + unfolded_.size() >= kMaxInFlight) return false;
  if (!rules_.order && inbox_.size() > 1) std::swap(inbox_[0], inbox_[1]);
  const LogRecord& in = inbox_.front();
  if (in.offset != inbox_next_ && rules_.order) {
    Lost(absl::DataLossError(absl::StrCat("inbox record ", in.offset, " where ", inbox_next_, " was next")));
    return false;
  }
  Command command;
  auto bytes = Unframe(in.value);
  const bool readable = bytes.ok() && command.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()));
  int64_t broker_ms = in.time_ms;
  if (!options_.driven_clock && rules_.ahead) {
    // Looked at again each time: once that time has come there is nothing left to clamp.
    const bool ahead = broker_ms > ports_.wall_ms() + kAheadMs;
    clock_ahead_ = ahead && !clamp_next_;
    if (clock_ahead_) return false;
    if (ahead) broker_ms = ports_.wall_ms();
  }
  const log::v1::InboxPoint point = PointOf(in, readable ? command.command_id() : "", broker_ms);
  const int64_t time_ms = !options_.driven_clock                     ? broker_ms
                          : readable && command.driven_time_ms() > 0 ? command.driven_time_ms()
                                                                     : now_ms_;
  const int64_t now_ms = std::max(now_ms_, time_ms);
  if (rules_.timer_first || command.kind() == Command::KIND_TICK) {
    if (auto timer = memory_->Due(now_ms)) {
      FireTimer(*timer);
      return phase_ == Phase::kServing;
    }
  }
  if (!readable) {
    Record record;
    record.set_kind(Record::KIND_COMMAND);
    *record.mutable_inbox() = point;
    record.set_now_ms(now_ms);
    record.mutable_parked()->set_error(bytes.ok() ? "command does not parse" : std::string(bytes.status().message()));
    record.mutable_parked()->set_original(in.value);
    ++counts_.parked;
    if (!Append(std::move(record), "")) return false;
    Decided(point, now_ms);
    return true;
  }
  return DecideCommand(in, command, point, now_ms);
}

bool ShardOwner::DecideCommand(const LogRecord& in, const Command& command, const log::v1::InboxPoint& point,
                               int64_t now_ms) {
  Record record;
  *record.mutable_inbox() = point;
  record.set_now_ms(now_ms);
  record.set_body_hash(command.body_hash());
  *record.mutable_actor() = command.actor();
  record.set_method(command.method());
  record.set_traceparent(command.traceparent());
  record.set_clamped(clamp_next_);
  switch (command.kind()) {
    case Command::KIND_TICK:
      Decided(point, now_ms);
      return true;
    case Command::KIND_ADVANCE_TIME:
      record.set_kind(Record::KIND_CHECKPOINT);
      if (!Append(std::move(record), "")) return false;
      Decided(point, now_ms);
      return true;
    case Command::KIND_POLICY:
      if (memory_->PolicyTook(command.origin())) {
        ++counts_.duplicates;
        Decided(point, now_ms);
        return true;
      }
      record.set_kind(Record::KIND_POLICY);
      *record.mutable_origin() = command.origin();
      break;
    case Command::KIND_REQUEST:
    case Command::KIND_ACTIVATE:
    default:
      if (memory_->FindOutcome(command.command_id())) {
        if (!AnswerDuplicate(command)) return false;
        Decided(point, now_ms);
        return true;
      }
      record.set_kind(command.kind() == Command::KIND_ACTIVATE ? Record::KIND_ACTIVATE : Record::KIND_COMMAND);
      if (auto refused = TooOld(command, point)) *record.mutable_refused() = *refused;
  }
  if (command.kind() == Command::KIND_ACTIVATE && !record.has_refused()) {
    if (!DecideActivation(command, record)) return false;
  } else if (!record.has_refused()) {
    ShardReferences references(ports_.references, memory_->activations(), now_ms, rules_);
    Context ctx{.now_ms = now_ms,
                .shard = shard_,
                .shards = options_.shards,
                .actor = ActorOf(command.actor()),
                .seed = command.command_id(),
                .reference = &references};
    FillOutcome(record, memory_->machine().Decide(command.payload(), ctx), in.value);
    references.Record(record);
  }
  if (!Append(std::move(record), command.reply_to())) return false;
  Decided(point, now_ms);
  return true;
}

void ShardOwner::Decided(const log::v1::InboxPoint& at, int64_t now_ms) {
  decided_ = at;
  now_ms_ = now_ms;
  inbox_next_ = at.offset() + 1;
  clamp_next_ = false;
  inbox_.pop_front();
}

std::optional<log::v1::Refused> ShardOwner::TooOld(const Command& command, const log::v1::InboxPoint& point) const {
  if (!rules_.stale) return std::nullopt;
  const int64_t age = point.broker_now_ms() - command.issued_at_ms();
  if (age >= -kAheadMs && age <= kStaleMs) return std::nullopt;
  // It may have taken effect and been forgotten: only "unknown" is true then.
  if (rules_.stale_unknown && age >= ShardMemory::kWindowMs - kAheadMs)
    return RuntimeRefusal("REASON_UNKNOWN_OUTCOME", kUnavailable);
  return RuntimeRefusal("REASON_STALE", kFailedPrecondition);
}

bool ShardOwner::AnswerDuplicate(const Command& command) {
  const ShardMemory::Outcome* known = memory_->FindOutcome(command.command_id());
  const bool covered = !known->place.in_flight() && known->place.offset < folded_ && !repair_;
  if (rules_.dup_wait && !covered) return false;
  ++counts_.duplicates;
  log::v1::Reply reply;
  reply.set_command_id(command.command_id());
  *reply.mutable_outcome() = known->value;
  if (known->value.body_hash() != command.body_hash())
    *reply.mutable_outcome()->mutable_refused() = RuntimeRefusal("REASON_ALREADY_EXISTS", kAlreadyExists);
  if (!command.reply_to().empty()) ports_.reply(shard_, command.reply_to(), reply);
  return true;
}

bool ShardOwner::DecideActivation(const Command& command, Record& record) {
  const auto& wanted = command.activation();
  if (!ports_.references->Find(wanted.kind(), wanted.sha256()) && rules_.content_wait) return false;
  const auto& active = memory_->activations();
  const bool first =
      std::none_of(active.begin(), active.end(), [&](const auto& a) { return a.kind() == wanted.kind(); });
  // The first version of a kind may hold at once: nobody has decided by another.
  if (!first && rules_.activate_ahead && wanted.valid_from_ms() < record.now_ms() + kActivateAheadMs) {
    *record.mutable_refused() = RuntimeRefusal("REASON_ACTIVATION_TOO_SOON", kFailedPrecondition);
    return true;
  }
  *record.mutable_activation() = wanted;
  record.mutable_accepted();
  return true;
}

void ShardOwner::FillOutcome(Record& record, absl::StatusOr<Decision<std::string>> decision,
                             const std::string& original) {
  if (!decision.ok()) {
    record.mutable_parked()->set_error(std::string(decision.status().message()));
    record.mutable_parked()->set_original(original);
    ++counts_.parked;
    return;
  }
  if (const auto* refusal = std::get_if<Refusal>(&*decision)) {
    auto* refused = record.mutable_refused();
    refused->set_reason(refusal->reason);
    refused->set_domain(refusal->domain);
    refused->set_code(refusal->code);
    refused->set_field(refusal->field);
    refused->set_detail(refusal->detail);
    ++counts_.refused;
    return;
  }
  auto* accepted = record.mutable_accepted();
  if (auto* decided = std::get_if<civicmesh::Decided<std::string>>(&*decision)) {
    for (auto& [stream, event] : decided->events) {
      log::v1::StreamEvents* change = nullptr;
      for (auto& there : *accepted->mutable_streams())
        if (there.stream() == stream) change = &there;
      if (!change) {
        change = accepted->add_streams();
        change->set_stream(stream);
        const StreamMeta* meta = memory_->Stream(stream);
        change->set_first_version(meta ? meta->version + 1 : 1);
      }
      change->add_events(std::move(event));
    }
    for (const auto& order : decided->timers) {
      auto* timer = accepted->add_timers();
      timer->set_stream(order.stream);
      timer->set_kind(order.kind);
      timer->set_due_ms(order.due_ms);
    }
    accepted->set_resource(decided->resource);
    ++counts_.decided;
  }
}

void ShardOwner::FireTimer(const log::v1::TimerId& timer) {
  Record record;
  record.set_kind(Record::KIND_TIMER);
  *record.mutable_timer() = timer;
  *record.mutable_inbox() = decided_;
  record.set_now_ms(rules_.timer_now_max ? std::max(now_ms_, timer.due_ms()) : timer.due_ms());
  record.mutable_actor()->set_subject("timer");
  record.set_method(timer.kind());
  ShardReferences references(ports_.references, memory_->activations(), record.now_ms(), rules_);
  Context ctx{.now_ms = record.now_ms(),
              .shard = shard_,
              .shards = options_.shards,
              .actor = {.subject = "timer", .posts = {}},
              .seed = Sha256(timer.SerializeAsString()),
              .reference = &references};
  FillOutcome(record, memory_->machine().Fire({timer.stream(), timer.kind(), timer.due_ms()}, ctx), "");
  references.Record(record);
  const int64_t now = record.now_ms();
  if (!Append(std::move(record), "")) return;
  now_ms_ = now;
  ++counts_.timers_fired;
}

void ShardOwner::FillPrevious(Record& record) {
  for (auto& change : *record.mutable_accepted()->mutable_streams()) {
    const StreamMeta* meta = memory_->Stream(change.stream());
    if (!meta || meta->version == 0) continue;
    if (meta->last_events.in_flight()) {
      if (rules_.previous_seq) change.set_previous_seq(meta->last_events.seq);
    } else if (meta->last_events.offset >= 0) {
      change.set_previous_offset(meta->last_events.offset);
    }
  }
}

bool ShardOwner::Append(Record record, std::string reply_to) {
  record.set_epoch(fold_.epoch);
  record.set_owner(owner_id_);
  record.set_seq(seq_ + 1);
  if (record.has_accepted()) FillPrevious(record);
  std::string bytes = Frame(record.SerializeAsString());
  auto appended = appender_->Append({Topic::kJournal, shard_}, bytes, {});
  if (absl::IsResourceExhausted(appended)) return false;
  if (absl::IsInvalidArgument(appended) && !record.has_parked()) {
    // Larger than the log takes: it can never be decided otherwise, so it is parked without its bytes.
    record.clear_outcome();
    record.mutable_parked()->set_error("the decision is larger than the journal takes");
    return Append(std::move(record), std::move(reply_to));
  }
  if (!appended.ok()) {
    End("the journal does not take appends", 200);
    return false;
  }
  ++seq_;
  auto delta = memory_->Apply(record, {-1, seq_}, /*skip=*/false);
  if (!delta.ok()) {
    Lost(delta.status());
    return false;
  }
  recorded_inbox_ = record.inbox().offset();
  last_append_ms_ = ports_.steady_ms();
  if (!rules_.readback) ports_.reply(shard_, reply_to, ReplyOf(*delta));
  pending_.push_back({std::move(record), "", *std::move(delta), std::move(reply_to)});
  return true;
}

void ShardOwner::Checkpoint() {
  if (!serving() || recorded_inbox_ >= decided_.offset()) return;
  Record record;
  record.set_kind(Record::KIND_CHECKPOINT);
  *record.mutable_inbox() = decided_;
  record.set_now_ms(now_ms_);
  Append(std::move(record), "");
}

bool ShardOwner::Tick() {
  if (!serving() || paused_) return false;
  const int64_t now = ports_.steady_ms();
  if (rules_.checkpoint && now - last_append_ms_ >= kCheckpointMs) Checkpoint();
  if (options_.driven_clock || now - last_tick_ms_ < 1000 || !memory_ || !memory_->Due(ports_.wall_ms())) return false;
  last_tick_ms_ = now;
  Command tick;
  tick.set_kind(Command::KIND_TICK);
  return appender_->Append({Topic::kInbox, shard_}, Frame(tick.SerializeAsString()), {}).ok();
}

bool ShardOwner::ClampTime() {
  if (!clock_ahead_) return false;
  clamp_next_ = true;
  return true;
}

}  // namespace civicmesh
