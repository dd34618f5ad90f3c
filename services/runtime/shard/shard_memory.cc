#include "services/runtime/shard/shard_memory.h"

#include <algorithm>
#include <utility>

#include "absl/container/inlined_vector.h"
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
  std::erase_if(activations, [&](const auto& a) {
    return a.kind() == next.kind() && a.version() == next.version() && a.sha256() == next.sha256() &&
           a.valid_from_ms() == next.valid_from_ms();
  });
  activations.push_back(next);
}

std::string PolicyKey(const log::v1::PolicyOrigin& origin) {
  return absl::StrCat(origin.policy(), "/", origin.source_domain(), "/", origin.source_shard());
}

absl::Status ShardMemory::Load(HotTable table, const std::string& key, const std::string& bytes, int64_t offset) {
  const auto ahead = [&](int64_t at) {
    if (at >= offset) ahead_[{table, key}] = at;
  };
  if (table == HotTable::kStreams) {
    log::v1::StreamValue value;
    if (auto s = ParseValue(bytes, value, "stream"); !s.ok()) return s;
    StreamMeta& meta = streams_[key];
    while (!meta.timers.empty()) Disarm(key, meta, meta.timers.back().kind);  // a moving scan may bring a key twice
    meta.version = value.version();
    meta.now_ms = value.now_ms();
    meta.last = {value.offset(), 0};
    meta.last_events = {value.events_offset(), 0};
    ahead(value.offset());
    for (const auto& timer : value.timers()) Arm(key, meta, {timer.kind(), timer.due_ms(), timer.arming_version()});
    return machine_->Load(key, value.state());
  }
  if (table == HotTable::kOutcomes) {
    log::v1::OutcomeValue value;
    if (auto s = ParseValue(bytes, value, "outcome"); !s.ok()) return s;
    window_.emplace(value.broker_now_ms(), key);
    ahead(value.offset());
    Place place{value.offset(), 0};
    outcomes_[key] = {std::move(value), place};
    return absl::OkStatus();
  }
  log::v1::PolicyValue value;
  if (auto s = ParseValue(bytes, value, "policy"); !s.ok()) return s;
  policies_[key] = {value.highest(), Place{value.offset(), 0}};
  ahead(value.offset());
  return absl::OkStatus();
}

void ShardMemory::Met(HotTable table, const std::string& key, int64_t offset) {
  const auto it = ahead_.find({table, key});
  if (it != ahead_.end() && it->second == offset) ahead_.erase(it);
}

void ShardMemory::Arm(const std::string& stream, StreamMeta& meta, StreamMeta::Timer timer) {
  Disarm(stream, meta, timer.kind);
  timers_.emplace(timer.due_ms, stream, timer.kind, timer.arming_version);
  const auto at = std::find_if(meta.timers.begin(), meta.timers.end(), [&](auto& t) { return t.kind > timer.kind; });
  meta.timers.insert(at, std::move(timer));
}

void ShardMemory::Disarm(const std::string& stream, StreamMeta& meta, std::string_view kind) {
  const auto it = std::find_if(meta.timers.begin(), meta.timers.end(), [&](auto& t) { return t.kind == kind; });
  if (it == meta.timers.end()) return;
  timers_.erase({it->due_ms, stream, it->kind, it->arming_version});
  meta.timers.erase(it);
}

absl::Status ShardMemory::ApplyStreams(const Record& record, Place place, bool skip, bool values, Delta& delta) {
  struct Touched {
    const std::string* id;
    std::vector<std::string> rows_before = {};
    bool has_events = false;
  };
  absl::InlinedVector<Touched, 2> touched;
  auto held = [&](const std::string& id) {
    auto it = streams_.find(id);
    return skip && rules_.skip && it != streams_.end() && it->second.last.offset >= place.offset;
  };
  auto touch = [&](const std::string& id) -> Touched& {
    for (auto& t : touched)
      if (*t.id == id) return t;
    touched.push_back({.id = &id});
    if (values) touched.back().rows_before = SortedRows(id);
    return touched.back();
  };
  if (record.has_timer() && !held(record.timer().stream())) {
    Touched& fired = touch(record.timer().stream());
    Disarm(*fired.id, streams_[*fired.id], record.timer().kind());
  }
  for (const auto& change : record.accepted().streams()) {
    if (held(change.stream())) continue;
    Touched& changed = touch(change.stream());
    StreamMeta& meta = streams_[change.stream()];
    uint64_t version = change.first_version();
    if (version != meta.version + 1)
      return absl::DataLossError(
          absl::StrCat("stream ", change.stream(), " jumps from version ", meta.version, " to ", version));
    for (const auto& event : change.events()) {
      EventMeta about{.stream = change.stream(), .version = version, .now_ms = record.now_ms()};
      if (auto s = machine_->Evolve(about, event); !s.ok()) return s;
      meta.version = version++;
    }
    changed.has_events = true;
  }
  for (const auto& change : record.accepted().timers()) {
    const auto changed = std::find_if(touched.begin(), touched.end(),
                                      [&](const auto& t) { return t.has_events && *t.id == change.stream(); });
    if (changed == touched.end()) continue;  // held already
    StreamMeta& meta = streams_[change.stream()];
    if (change.due_ms() == 0)
      Disarm(change.stream(), meta, change.kind());
    else
      Arm(change.stream(), meta, {change.kind(), change.due_ms(), meta.version});
  }
  for (auto& [touched_id, rows_before, has_events] : touched) {
    const std::string& id = *touched_id;
    StreamMeta& meta = streams_[id];
    meta.now_ms = record.now_ms();
    meta.last = place;
    if (has_events) meta.last_events = place;
    if (!values) continue;
    Delta::Stream out{.id = id, .value = {}, .has_events = has_events};
    const std::vector<std::string> rows = SortedRows(id);
    std::set_difference(rows_before.begin(), rows_before.end(), rows.begin(), rows.end(),
                        std::back_inserter(out.rows_removed));
    std::set_difference(rows.begin(), rows.end(), rows_before.begin(), rows_before.end(),
                        std::back_inserter(out.rows_added));
    out.value = ValueOf(id, meta);
    out.events_place = meta.last_events;
    delta.streams.push_back(std::move(out));
  }
  return absl::OkStatus();
}

std::vector<std::string> ShardMemory::SortedRows(const std::string& id) const {
  std::vector<std::string> rows = machine_->Rows(id);
  std::sort(rows.begin(), rows.end());
  return rows;
}

log::v1::StreamValue ShardMemory::ValueOf(const std::string& id, const StreamMeta& meta) const {
  log::v1::StreamValue value;
  value.set_offset(meta.last.offset);
  value.set_events_offset(meta.last_events.offset);
  value.set_version(meta.version);
  value.set_now_ms(meta.now_ms);
  for (const auto& armed : meta.timers) {
    log::v1::TimerId& timer = *value.add_timers();
    timer.set_stream(id);
    timer.set_kind(armed.kind);
    timer.set_due_ms(armed.due_ms);
    timer.set_arming_version(armed.arming_version);
  }
  value.set_state(machine_->Save(id));
  return value;
}

absl::StatusOr<Delta> ShardMemory::Apply(const Record& record, Place place, bool skip, bool values) {
  Delta delta;
  if (!ahead_.empty()) {
    Met(HotTable::kOutcomes, record.inbox().command_id(), place.offset);
    Met(HotTable::kStreams, record.timer().stream(), place.offset);
    for (const auto& change : record.accepted().streams()) Met(HotTable::kStreams, change.stream(), place.offset);
    if (record.kind() == Record::KIND_POLICY) Met(HotTable::kPolicies, PolicyKey(record.origin()), place.offset);
  }
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

ShardMemory::Dump::Dump(const ShardMemory& memory)
    : memory_(&memory),
      stream_(memory.streams_.begin()),
      outcome_(memory.outcomes_.begin()),
      policy_(memory.policies_.begin()) {}

bool ShardMemory::Dump::done() const {
  return stream_ == memory_->streams_.end() && outcome_ == memory_->outcomes_.end() &&
         policy_ == memory_->policies_.end();
}

HotChanges ShardMemory::Dump::Next() {
  HotChanges part;
  while (!done() && AddNext(part)) {
  }
  return part;
}

// False: it does not fit, and is the next part's.
bool ShardMemory::Dump::AddNext(HotChanges& part) {
  const auto fits = [&part](size_t arguments) {
    return part.arguments() == 0 || part.arguments() + arguments <= HotState::kMaxArguments;
  };
  if (stream_ != memory_->streams_.end()) {
    const auto& [id, meta] = *stream_;
    std::vector<std::string> rows = memory_->machine_->Rows(id);
    if (!fits(3 + rows.size())) return false;
    part.writes.push_back({HotTable::kStreams, id, memory_->ValueOf(id, meta).SerializeAsString()});
    part.rows_added.insert(part.rows_added.end(), std::make_move_iterator(rows.begin()),
                           std::make_move_iterator(rows.end()));
    ++stream_;
    return true;
  }
  if (!fits(3)) return false;
  if (outcome_ != memory_->outcomes_.end()) {
    part.writes.push_back({HotTable::kOutcomes, outcome_->first, outcome_->second.value.SerializeAsString()});
    ++outcome_;
    return true;
  }
  log::v1::PolicyValue policy;
  *policy.mutable_highest() = policy_->second.first;
  policy.set_offset(policy_->second.second.offset);
  part.writes.push_back({HotTable::kPolicies, policy_->first, policy.SerializeAsString()});
  ++policy_;
  return true;
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
