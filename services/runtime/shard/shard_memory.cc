#include "services/runtime/shard/shard_memory.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace civicmesh {
namespace {

using log::v1::Record;

bool After(const log::v1::EventId& a, const log::v1::EventId& b) {
  return std::pair(a.journal_offset(), a.index()) > std::pair(b.journal_offset(), b.index());
}

template <typename T>
absl::Status ParseValue(const std::string& bytes, T& value, const char* what) {
  return value.ParseFromString(bytes) ? absl::OkStatus()
                                      : absl::DataLossError(absl::StrCat("hot state holds an undecodable ", what));
}

}  // namespace

void AddActivation(std::vector<log::v1::Activation>& activations, const log::v1::Activation& next) {
  const bool there = std::any_of(activations.begin(), activations.end(), [&](const auto& a) {
    return a.kind() == next.kind() && a.version() == next.version() && a.valid_from_ms() == next.valid_from_ms();
  });
  if (!there) activations.push_back(next);
}

std::string PolicyKey(const log::v1::PolicyOrigin& origin) {
  return absl::StrCat(origin.policy(), "/", origin.source_domain(), "/", origin.source_shard());
}

absl::Status ShardMemory::Load(HotTable table, const std::string& key, const std::string& bytes) {
  if (table == HotTable::kStreams) {
    log::v1::StreamValue value;
    if (auto s = ParseValue(bytes, value, "stream"); !s.ok()) return s;
    StreamMeta& meta = streams_[key];
    while (!meta.timers.empty()) Disarm(meta, meta.timers.begin()->first);  // a moving scan may bring a key twice
    meta.version = value.version();
    meta.now_ms = value.now_ms();
    meta.last = {value.offset(), 0};
    meta.last_events = {value.events_offset(), 0};
    for (const auto& timer : value.timers()) Arm(meta, timer);
    if (auto s = machine_->Load(key, value.state()); !s.ok()) return s;
    meta.rows = machine_->Rows(key);
    std::sort(meta.rows.begin(), meta.rows.end());
    return absl::OkStatus();
  }
  if (table == HotTable::kOutcomes) {
    log::v1::OutcomeValue value;
    if (auto s = ParseValue(bytes, value, "outcome"); !s.ok()) return s;
    window_.emplace(value.broker_now_ms(), key);
    Place place{value.offset(), 0};
    outcomes_[key] = {std::move(value), place};
    return absl::OkStatus();
  }
  log::v1::PolicyValue value;
  if (auto s = ParseValue(bytes, value, "policy"); !s.ok()) return s;
  policies_[key] = {value.highest(), Place{value.offset(), 0}};
  return absl::OkStatus();
}

void ShardMemory::Arm(StreamMeta& meta, const log::v1::TimerId& timer) {
  Disarm(meta, timer.kind());
  timers_.emplace(timer.due_ms(), timer.stream(), timer.kind(), timer.arming_version());
  meta.timers[timer.kind()] = timer;
}

void ShardMemory::Disarm(StreamMeta& meta, const std::string& kind) {
  auto it = meta.timers.find(kind);
  if (it == meta.timers.end()) return;
  const auto& t = it->second;
  timers_.erase({t.due_ms(), t.stream(), t.kind(), t.arming_version()});
  meta.timers.erase(it);
}

absl::Status ShardMemory::ApplyStreams(const Record& record, Place place, bool skip, bool values, Delta& delta) {
  std::vector<std::string> touched;
  auto held = [&](const std::string& id) {
    auto it = streams_.find(id);
    return skip && rules_.skip && it != streams_.end() && it->second.last.offset >= place.offset;
  };
  auto touch = [&](const std::string& id) -> StreamMeta& {
    if (std::find(touched.begin(), touched.end(), id) == touched.end()) touched.push_back(id);
    return streams_[id];
  };
  if (record.has_timer() && !held(record.timer().stream()))
    Disarm(touch(record.timer().stream()), record.timer().kind());
  std::set<std::string> with_events;
  for (const auto& change : record.accepted().streams()) {
    if (held(change.stream())) continue;
    StreamMeta& meta = touch(change.stream());
    uint64_t version = change.first_version();
    if (version != meta.version + 1)
      return absl::DataLossError(
          absl::StrCat("stream ", change.stream(), " jumps from version ", meta.version, " to ", version));
    for (const auto& event : change.events()) {
      EventMeta about{.stream = change.stream(), .version = version, .now_ms = record.now_ms()};
      if (auto s = machine_->Evolve(about, event); !s.ok()) return s;
      meta.version = version++;
    }
    with_events.insert(change.stream());
  }
  for (const auto& change : record.accepted().timers()) {
    if (!with_events.count(change.stream())) continue;  // held already
    StreamMeta& meta = streams_[change.stream()];
    if (change.due_ms() == 0) {
      Disarm(meta, change.kind());
      continue;
    }
    log::v1::TimerId timer;
    timer.set_stream(change.stream());
    timer.set_kind(change.kind());
    timer.set_due_ms(change.due_ms());
    timer.set_arming_version(meta.version);
    Arm(meta, timer);
  }
  for (const auto& id : touched) {
    StreamMeta& meta = streams_[id];
    meta.now_ms = record.now_ms();
    meta.last = place;
    Delta::Stream out;
    out.id = id;
    out.has_events = with_events.count(id) > 0;
    if (out.has_events) meta.last_events = place;
    if (!values) continue;
    std::vector<std::string> rows = machine_->Rows(id);
    std::sort(rows.begin(), rows.end());
    std::set_difference(meta.rows.begin(), meta.rows.end(), rows.begin(), rows.end(),
                        std::back_inserter(out.rows_removed));
    std::set_difference(rows.begin(), rows.end(), meta.rows.begin(), meta.rows.end(),
                        std::back_inserter(out.rows_added));
    meta.rows = std::move(rows);
    out.value = ValueOf(id, meta);
    out.events_place = meta.last_events;
    delta.streams.push_back(std::move(out));
  }
  return absl::OkStatus();
}

log::v1::StreamValue ShardMemory::ValueOf(const std::string& id, const StreamMeta& meta) const {
  log::v1::StreamValue value;
  value.set_offset(meta.last.offset);
  value.set_events_offset(meta.last_events.offset);
  value.set_version(meta.version);
  value.set_now_ms(meta.now_ms);
  for (const auto& [kind, timer] : meta.timers) *value.add_timers() = timer;
  value.set_state(machine_->Save(id));
  return value;
}

absl::StatusOr<Delta> ShardMemory::Apply(const Record& record, Place place, bool skip, bool values) {
  Delta delta;
  if (auto s = ApplyStreams(record, place, skip, values, delta); !s.ok()) return s;
  const bool answers = record.kind() == Record::KIND_COMMAND || record.kind() == Record::KIND_ACTIVATE;
  const std::string& id = record.inbox().command_id();
  if (answers && !id.empty()) {
    auto it = outcomes_.find(id);
    if (!(skip && rules_.skip && it != outcomes_.end() && it->second.place.offset >= place.offset)) {
      delta.outcome_id = id;
      delta.outcome.set_body_hash(record.body_hash());
      delta.outcome.set_broker_now_ms(record.inbox().broker_now_ms());
      delta.outcome.set_offset(place.offset);
      if (record.has_refused()) *delta.outcome.mutable_refused() = record.refused();
      if (record.has_parked()) {
        delta.outcome.mutable_refused()->set_reason("REASON_PARKED");
        delta.outcome.mutable_refused()->set_domain("runtime");
        delta.outcome.mutable_refused()->set_code(13);
      }
      if (record.has_accepted()) delta.outcome.set_resource(record.accepted().resource());
      outcomes_[id] = {delta.outcome, place};
      window_.emplace(record.inbox().broker_now_ms(), id);
    }
  }
  if (record.kind() == Record::KIND_POLICY) {
    std::string key = PolicyKey(record.origin());
    auto& [highest, where] = policies_[key];
    if (!(skip && rules_.skip && where.offset >= place.offset)) {
      // Offset 0 of a journal is a barrier, so the empty id lies below every event.
      if (After(record.origin().event(), highest)) highest = record.origin().event();
      where = place;
      delta.policy_key = key;
      *delta.policy.mutable_highest() = highest;
      delta.policy.set_offset(place.offset);
    }
  }
  if (record.kind() == Record::KIND_ACTIVATE && record.has_accepted()) AddActivation(activations_, record.activation());
  // The window is measured as ages are: by the broker's time, also where business time is driven or was clamped.
  if (record.inbox().broker_now_ms() > broker_now_ms_) {
    broker_now_ms_ = record.inbox().broker_now_ms();
    if (rules_.window_fold) Expire(broker_now_ms_, delta);
  }
  return delta;
}

void ShardMemory::Expire(int64_t broker_now_ms, Delta& delta) {
  while (!window_.empty() && window_.begin()->first <= broker_now_ms - kWindowMs) {
    const std::string id = window_.begin()->second;
    const int64_t at = window_.begin()->first;
    window_.erase(window_.begin());
    auto it = outcomes_.find(id);
    if (it == outcomes_.end() || it->second.value.broker_now_ms() != at) continue;
    outcomes_.erase(it);
    delta.outcomes_expired.push_back(id);
  }
}

void ShardMemory::Landed(const Delta& delta, uint64_t seq, int64_t offset) {
  auto land = [&](Place& place) {
    if (place.seq == seq) place = {offset, 0};
  };
  for (const auto& stream : delta.streams) {
    auto it = streams_.find(stream.id);
    if (it == streams_.end()) continue;
    land(it->second.last);
    land(it->second.last_events);
  }
  if (auto it = outcomes_.find(delta.outcome_id); it != outcomes_.end()) {
    land(it->second.place);
    if (!it->second.place.in_flight()) it->second.value.set_offset(it->second.place.offset);
  }
  if (auto it = policies_.find(delta.policy_key); it != policies_.end()) land(it->second.second);
}

const StreamMeta* ShardMemory::Stream(const std::string& id) const {
  auto it = streams_.find(id);
  return it == streams_.end() ? nullptr : &it->second;
}

const ShardMemory::Outcome* ShardMemory::FindOutcome(const std::string& id) const {
  auto it = outcomes_.find(id);
  return it == outcomes_.end() ? nullptr : &it->second;
}

bool ShardMemory::PolicyTook(const log::v1::PolicyOrigin& origin) const {
  if (!rules_.policy_highest) return false;
  auto it = policies_.find(PolicyKey(origin));
  return it != policies_.end() && !After(origin.event(), it->second.first);
}

std::optional<log::v1::TimerId> ShardMemory::Due(int64_t now_ms) const {
  if (timers_.empty() || std::get<0>(*timers_.begin()) > now_ms) return std::nullopt;
  const auto& [due, stream, kind, version] = *timers_.begin();
  log::v1::TimerId id;
  id.set_due_ms(due);
  id.set_stream(stream);
  id.set_kind(kind);
  id.set_arming_version(version);
  return id;
}

std::vector<HotChanges> ShardMemory::Dump() {
  std::vector<HotChanges> parts(1);
  auto room = [&](size_t arguments) -> HotChanges& {
    if (parts.back().arguments() + arguments > HotState::kMaxArguments) parts.emplace_back();
    return parts.back();
  };
  for (auto& [id, meta] : streams_) {
    meta.rows = machine_->Rows(id);
    std::sort(meta.rows.begin(), meta.rows.end());
    HotChanges& part = room(3 + meta.rows.size());
    part.writes.push_back({HotTable::kStreams, id, ValueOf(id, meta).SerializeAsString()});
    part.rows_added.insert(part.rows_added.end(), meta.rows.begin(), meta.rows.end());
  }
  for (const auto& [id, outcome] : outcomes_)
    room(3).writes.push_back({HotTable::kOutcomes, id, outcome.value.SerializeAsString()});
  for (const auto& [key, value] : policies_) {
    log::v1::PolicyValue policy;
    *policy.mutable_highest() = value.first;
    policy.set_offset(value.second.offset);
    room(3).writes.push_back({HotTable::kPolicies, key, policy.SerializeAsString()});
  }
  return parts;
}

HotChanges ToHotChanges(Delta delta, int64_t offset) {
  HotChanges changes;
  for (auto& stream : delta.streams) {
    stream.value.set_offset(offset);
    if (stream.has_events) stream.value.set_events_offset(offset);
    changes.writes.push_back({HotTable::kStreams, stream.id, stream.value.SerializeAsString()});
    for (auto& row : stream.rows_removed) changes.rows_removed.push_back(std::move(row));
    for (auto& row : stream.rows_added) changes.rows_added.push_back(std::move(row));
  }
  for (auto& id : delta.outcomes_expired) changes.writes.push_back({HotTable::kOutcomes, id, std::nullopt});
  if (!delta.outcome_id.empty()) {
    delta.outcome.set_offset(offset);
    changes.writes.push_back({HotTable::kOutcomes, delta.outcome_id, delta.outcome.SerializeAsString()});
  }
  if (!delta.policy_key.empty()) {
    delta.policy.set_offset(offset);
    changes.writes.push_back({HotTable::kPolicies, delta.policy_key, delta.policy.SerializeAsString()});
  }
  return changes;
}

}  // namespace civicmesh
