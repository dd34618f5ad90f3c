#include "tests/simulation/oracle.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/shard/shard_owner.h"
#include "tests/simulation/toy_machine.h"

namespace civicmesh::simulation {

using log::v1::Command;
using log::v1::Record;

namespace {

constexpr int64_t kWindow = 48 * 3600 * 1000LL, kStale = 24 * 3600 * 1000LL, kAhead = 5 * 60 * 1000LL;

template <typename T>
T Parse(const std::string& framed) {
  T message;
  auto bytes = Unframe(framed);
  if (bytes.ok()) message.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()));
  return message;
}

bool IsAge(const std::string& reason) { return reason == "REASON_STALE" || reason == "REASON_UNKNOWN_OUTCOME"; }

}  // namespace

Command Oracle::InboxAt(int64_t offset, int64_t* time_ms) const {
  const Partition inbox{Topic::kInbox, shard_};
  const int64_t begin = log_->bounds(inbox).begin;
  if (offset < begin || offset >= log_->bounds(inbox).end) return {};
  const LogRecord& raw = log_->records(inbox)[offset - begin];
  *time_ms = raw.time_ms;
  return Parse<Command>(raw.value);
}

bool Oracle::Known(const Command& command) const {
  if (command.kind() == Command::KIND_TICK) return true;
  if (command.kind() == Command::KIND_POLICY) {
    const auto& id = command.origin().event();
    return std::pair(id.journal_offset(), id.index()) <= highest_;
  }
  return window.count(command.command_id()) > 0;
}

void Oracle::Land(const LogRecord& raw) {
  const Record record = Parse<Record>(raw.value);
  if (record.kind() == Record::KIND_BARRIER) {
    if (record.epoch() != epoch_ + 1) return;
    std::tie(epoch_, owner_, seq_) = std::tuple(record.epoch(), record.owner(), 0);
    return;
  }
  if (record.epoch() != epoch_ || record.owner() != owner_ || record.seq() != seq_ + 1) return;
  seq_ = record.seq();
  Effective(raw.offset, record);
}

void Oracle::Effective(int64_t offset, const Record& record) {
  CheckInbox(record);
  CheckTime(record);
  CheckOnce(record);
  now_ms = record.now_ms();
  decided = std::max(decided, record.inbox().offset());
  int64_t time = 0;
  const Command command = InboxAt(record.inbox().offset(), &time);
  if (record.kind() == Record::KIND_TIMER)
    Decide(offset, record, absl::StrCat("fire ", record.timer().stream(), " ", record.timer().kind()));
  if (record.kind() == Record::KIND_COMMAND || record.kind() == Record::KIND_POLICY)
    Decide(offset, record, command.payload());
  Expire();
}

void Oracle::CheckInbox(const Record& record) {
  const int64_t at = record.inbox().offset();
  const bool decides = record.kind() == Record::KIND_COMMAND || record.kind() == Record::KIND_POLICY;
  if (at < decided || (decides && at == decided))
    verdict_->Broken(absl::StrCat("INBOX: offset ", at, " after ", decided));
  for (int64_t i = decided + 1; i <= at; ++i) {
    int64_t time = 0;
    const Command passed = InboxAt(i, &time);
    inbox_now_ms_ = std::max(inbox_now_ms_, time);
    if (!(i == at && decides) && !Known(passed))
      verdict_->Broken(absl::StrCat("LOST: the command at ", i, " was passed over"));
  }
  int64_t time = 0;
  if (decides && InboxAt(at, &time).command_id() != record.inbox().command_id())
    verdict_->Broken("INBOX: the record is not the command at its offset");
}

void Oracle::CheckTime(const Record& record) {
  if (record.now_ms() < now_ms) verdict_->Broken("TIME: went back");
  const int64_t inbox_says = std::max(now_ms, inbox_now_ms_);
  const auto name = [](const std::pair<std::string, std::string>& key, int64_t due) {
    return absl::StrCat(key.first, "/", key.second, "/", due);
  };
  if (record.kind() != Record::KIND_TIMER) {
    if (record.now_ms() != inbox_says)
      verdict_->Broken(absl::StrCat("TIME: now ", record.now_ms(), ", the inbox says ", inbox_says));
    const bool decides = record.kind() == Record::KIND_COMMAND || record.kind() == Record::KIND_POLICY;
    for (const auto& [key, due] : due_)
      if (decides && due <= record.now_ms())
        verdict_->Broken(absl::StrCat("TIMER: ", name(key, due), " not fired before"));
    return;
  }
  const auto& t = record.timer();
  const std::string id = absl::StrCat(t.stream(), "/", t.kind(), "/", t.due_ms());
  auto it = due_.find({t.stream(), t.kind()});
  if (fired.count(id)) verdict_->Broken(absl::StrCat("TIMER: ", id, " fired twice"));
  if (it == due_.end() || it->second != t.due_ms()) verdict_->Broken(absl::StrCat("TIMER: ", id, " was not armed"));
  if (record.now_ms() < t.due_ms()) verdict_->Broken(absl::StrCat("TIMER: ", id, " fired before its time"));
  int64_t latest = 0;
  for (const LogRecord& in : log_->records({Topic::kInbox, shard_})) latest = std::max(latest, in.time_ms);
  if (latest < t.due_ms()) verdict_->Broken(absl::StrCat("TIMER: ", id, " fired before the inbox reached it"));
  if (record.now_ms() > std::max(inbox_says, t.due_ms())) verdict_->Broken("TIMER: now is too late");
  if (it != due_.end()) due_.erase(it);
  fired.insert(id);
}

void Oracle::CheckOnce(const Record& record) {
  const std::string& id = record.inbox().command_id();
  if (record.kind() == Record::KIND_COMMAND && window.count(id)) verdict_->Broken("I4: recorded twice in the window");
  if (record.kind() == Record::KIND_POLICY) {
    const auto& event = record.origin().event();
    if (std::pair(event.journal_offset(), event.index()) <= highest_) verdict_->Broken("POLICY: taken twice");
    highest_ = {event.journal_offset(), event.index()};
    sources.insert(highest_);
  }
}

void Oracle::Decide(int64_t offset, const Record& record, const std::string& payload) {
  const std::string& id = record.inbox().command_id();
  Effect effect{.body_hash = record.body_hash(), .reason = record.refused().reason(), .now_ms = record.now_ms()};
  const bool request = record.kind() == Record::KIND_COMMAND;
  const auto& before = ever[id];
  const bool took_effect =
      request && std::any_of(before.begin(), before.end(), [](const Effect& e) { return !IsAge(e.reason); });
  if (IsAge(effect.reason)) {
    int64_t time = 0;
    const int64_t age = inbox_now_ms_ - InboxAt(record.inbox().offset(), &time).issued_at_ms();
    if (age >= -kAhead && age <= kStale) verdict_->Broken("DEC: refused for its age without cause");
    if (effect.reason == "REASON_STALE" && took_effect) verdict_->Broken("I9: STALE (refused) for what took effect");
  } else {
    if (took_effect) verdict_->Broken("I4: effective twice");
    const auto w = Words(payload);
    Account& account = accounts[w[1]];
    int64_t amount = 0;
    if (w.size() > 2) (void)absl::SimpleAtoi(w[2], &amount);
    std::string want;
    if (w[0] == "db" && account.balance < amount) want = "FLOOR";
    if (w[0] == "res" && taken_ >= kStock) want = "STOCK";
    if (want != effect.reason)
      verdict_->Broken(absl::StrCat("DEC: recorded '", effect.reason, "', the prefix says '", want, "' for ", payload));
    if (effect.reason.empty()) {
      if (record.accepted().streams_size() != 1 || record.accepted().streams(0).first_version() != account.version + 1)
        verdict_->Broken(absl::StrCat("I7: ", w[1], " does not follow version ", account.version));
      ++account.version;
      if (w[0] == "cr" || w[0] == "grant") account.balance += amount;
      if (w[0] == "db") account.balance -= amount;
      if (w[0] == "res") {
        ++account.taken;
        ++taken_;
      }
      if (w[0] == "arm") {
        due_[{w[1], w[3]}] = record.now_ms() + amount;
        armed.insert(absl::StrCat(w[1], "/", w[3], "/", record.now_ms() + amount));
      }
      if (account.balance < 0 || taken_ > kStock) verdict_->Broken("I2: below the floor");
      for (int i = 0; i < (w[0] == "db" ? 2 : 1); ++i) facts.emplace_back(offset, i);
    }
    effect.stream = w[1];
    effect.version = account.version;
  }
  if (!request) return;
  window[id] = effect;
  ever[id].push_back(effect);
}

void Oracle::Expire() {
  for (auto it = window.begin(); it != window.end();)
    it = it->second.now_ms <= now_ms - kWindow ? window.erase(it) : std::next(it);
}

void Oracle::CheckAnswer(const std::string& command_id, const std::string& body_hash, const std::string& reason) {
  auto it = ever.find(command_id);
  if (it == ever.end() || it->second.empty()) return verdict_->Broken("I3: answered, and no effective record");
  const auto& effects = it->second;
  const auto same_body = [&](const Effect& e) { return e.body_hash == body_hash; };
  if (reason == "REASON_ALREADY_EXISTS") {
    if (std::all_of(effects.begin(), effects.end(), same_body))
      verdict_->Broken("I9: ALREADY_EXISTS for the same body");
    return;
  }
  if (std::none_of(effects.begin(), effects.end(), [&](const Effect& e) { return same_body(e) && e.reason == reason; }))
    verdict_->Broken(absl::StrCat("I3: the answer '", reason, "' is not in the log"));
}

void Oracle::CheckEvent(const LogRecord& event) {
  std::string id;
  for (const auto& [key, value] : event.headers)
    if (key == "ce_id") id = value;
  const std::vector<std::string> parts = absl::StrSplit(id, '/');
  std::pair<int64_t, int> at{0, 0};
  (void)absl::SimpleAtoi(parts[2], &at.first);
  (void)absl::SimpleAtoi(parts[3], &at.second);
  if (at <= last_seen_) return;  // a reader ignores ids not above the last
  if (facts_seen >= facts.size() || facts[facts_seen] != at)
    return verdict_->Broken(absl::StrCat("PUB: a reader saw ", id, ", which is not the next fact"));
  last_seen_ = at;
  ++facts_seen;
}

void Oracle::Replay() {
  const auto seen = facts_seen;
  const auto last = last_seen_;
  *this = Oracle(shard_, log_, verdict_);
  for (const LogRecord& raw : log_->records({Topic::kJournal, shard_})) Land(raw);
  facts_seen = seen;
  last_seen_ = last;
}

}  // namespace civicmesh::simulation
