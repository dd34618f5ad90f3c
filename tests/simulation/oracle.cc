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

constexpr int64_t kWindow = 48 * 3600 * 1000LL, kStale = 24 * 3600 * 1000LL, kAhead = 5 * 60 * 1000LL,
                  kActivateAhead = 60 * 1000LL,
                  kSkew = 3 * 60 * 1000LL;  // of the owners' clocks in world.cc

template <typename T>
T Parse(const std::string& framed) {
  T message;
  auto bytes = Unframe(framed);
  if (bytes.ok()) message.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()));
  return message;
}

int64_t Number(const std::string& word) {
  int64_t value = 0;
  (void)absl::SimpleAtoi(word, &value);
  return value;
}

bool Decides(const Record& record) {
  return record.kind() == Record::KIND_COMMAND || record.kind() == Record::KIND_POLICY ||
         record.kind() == Record::KIND_ACTIVATE;
}

// What is decided, in words: of an activation its time and version.
std::string PayloadOf(const Command& command) {
  if (command.kind() != Command::KIND_ACTIVATE) return command.payload();
  return absl::StrCat("act ", kTariff, " ", command.activation().valid_from_ms(), " ", command.activation().version());
}

bool IsAge(const std::string& reason) { return reason == "REASON_STALE" || reason == "REASON_UNKNOWN_OUTCOME"; }

}  // namespace

const LogRecord* Oracle::RawInboxAt(int64_t offset) const {
  const Partition inbox{Topic::kInbox, shard_};
  const int64_t begin = log_->bounds(inbox).begin;
  if (offset < begin || offset >= log_->bounds(inbox).end) return nullptr;
  return &log_->records(inbox)[offset - begin];
}

Command Oracle::InboxAt(int64_t offset) const {
  const LogRecord* raw = RawInboxAt(offset);
  return raw ? Parse<Command>(raw->value) : Command();
}

int64_t Oracle::BusinessTime(const LogRecord& raw, const Command& command) const {
  return driven_ ? command.driven_time_ms() : raw.time_ms;
}

void Oracle::LandInbox(const LogRecord& raw) {
  latest_ms_ = std::max(latest_ms_, BusinessTime(raw, Parse<Command>(raw.value)));
}

void Oracle::InboxCut(int64_t end) {
  if (decided >= end) cut_epoch_ = epoch_;
}

bool Oracle::Known(const Command& command) const {
  if (command.kind() == Command::KIND_TICK || command.kind() == Command::KIND_ADVANCE_TIME) return true;
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
  CheckPrevious(offset, record);
  now_ms = record.now_ms();
  expired_at_ms_ = std::max(expired_at_ms_, record.inbox().broker_now_ms());
  decided = std::max(decided, record.inbox().offset());
  const Command command = InboxAt(record.inbox().offset());
  if (record.kind() == Record::KIND_TIMER)
    Decide(offset, record, absl::StrCat("fire ", record.timer().stream(), " ", record.timer().kind()));
  const bool decides = Decides(record);
  if (decides && cut_epoch_ && epoch_ > *cut_epoch_)
    verdict_->Broken("LOST: goes on although the inbox has lost what was decided");
  if (decides && record.has_parked())
    CheckParked(offset, record, command);
  else if (decides)
    Decide(offset, record, PayloadOf(command));
  Expire();
}

void Oracle::CheckInbox(const Record& record) {
  const int64_t at = record.inbox().offset();
  const bool decides = Decides(record);
  if (at < decided || (decides && at == decided))
    verdict_->Broken(absl::StrCat("INBOX: offset ", at, " after ", decided));
  for (int64_t i = decided + 1; i <= at; ++i) {
    const LogRecord* raw = RawInboxAt(i);
    const Command passed = InboxAt(i);
    if (raw) {
      broker_now_ms_ = std::max(broker_now_ms_, raw->time_ms);
      business_now_ms_ = std::max(business_now_ms_, BusinessTime(*raw, passed));
    }
    if (!(i == at && decides) && !Known(passed))
      verdict_->Broken(absl::StrCat("LOST: the command at ", i, " was passed over"));
  }
  const int64_t says = record.inbox().broker_now_ms();
  if (clamped_ ? says > broker_now_ms_ : says != broker_now_ms_)
    verdict_->Broken(absl::StrCat("TIME: broker time ", says, ", the inbox says ", broker_now_ms_));
  if (decides && InboxAt(at).command_id() != record.inbox().command_id())
    verdict_->Broken("INBOX: the record is not the command at its offset");
}

void Oracle::CheckTime(const Record& record) {
  if (record.now_ms() < now_ms) verdict_->Broken("TIME: went back");
  const int64_t inbox_says = std::max(now_ms, business_now_ms_);
  if (!driven_ && record.now_ms() > *wall_ms_ + kAhead + kSkew) verdict_->Broken("TIME: far ahead of every clock");
  const auto name = [](const std::pair<std::string, std::string>& key, int64_t due) {
    return absl::StrCat(key.first, "/", key.second, "/", due);
  };
  if (record.kind() != Record::KIND_TIMER) {
    if (clamped_ ? record.now_ms() > inbox_says : record.now_ms() != inbox_says)
      verdict_->Broken(absl::StrCat("TIME: now ", record.now_ms(), ", the inbox says ", inbox_says));
    const bool decides = Decides(record);
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
  if (latest_ms_ < t.due_ms()) verdict_->Broken(absl::StrCat("TIMER: ", id, " fired before the inbox reached it"));
  if (record.now_ms() > std::max(inbox_says, t.due_ms())) verdict_->Broken("TIMER: now is too late");
  if (it != due_.end()) due_.erase(it);
  fired.insert(id);
}

void Oracle::CheckOnce(const Record& record) {
  const std::string& id = record.inbox().command_id();
  if (Decides(record) && !id.empty() && window.count(id)) verdict_->Broken("I4: recorded twice in the window");
  if (record.kind() == Record::KIND_POLICY) {
    const auto& event = record.origin().event();
    if (std::pair(event.journal_offset(), event.index()) <= highest_) verdict_->Broken("POLICY: taken twice");
    highest_ = {event.journal_offset(), event.index()};
    sources.insert(highest_);
  }
}

// Step 2: each record names the stream's previous one, by its offset or, while that was in flight, by its seq.
void Oracle::CheckPrevious(int64_t offset, const Record& record) {
  for (const auto& change : record.accepted().streams()) {
    auto it = last_events_.find(change.stream());
    bool right = change.previous_case() == log::v1::StreamEvents::PREVIOUS_NOT_SET;
    if (it != last_events_.end())
      right = change.has_previous_seq() ? change.previous_seq() == it->second.seq && record.epoch() == it->second.epoch
                                        : change.has_previous_offset() && change.previous_offset() == it->second.offset;
    if (!right) verdict_->Broken(absl::StrCat("I7: ", change.stream(), " does not name its previous record"));
    last_events_[change.stream()] = {offset, record.epoch(), record.seq()};
  }
}

// I8: what cannot be decided stands in the journal with its bytes, once, and answers its sender.
void Oracle::CheckParked(int64_t offset, const Record& record, const Command& command) {
  const LogRecord* raw = RawInboxAt(record.inbox().offset());
  const bool readable = raw && Unframe(raw->value).ok();
  if (readable && Words(command.payload())[0] != "poison") verdict_->Broken("I8: parked what can be decided");
  if (!raw || record.parked().original() != raw->value) verdict_->Broken("I8: other bytes than those that came");
  parked[offset] = record.parked().original();
  const std::string& id = record.inbox().command_id();
  if (id.empty()) return;
  Effect effect{.body_hash = record.body_hash(),
                .reason = "REASON_PARKED",
                .broker_now_ms = record.inbox().broker_now_ms(),
                .offset = offset};
  window[id] = effect;
  ever[id].push_back(effect);
}

void Oracle::Decide(int64_t offset, const Record& record, const std::string& payload) {
  const std::string& id = record.inbox().command_id();
  Effect effect{.body_hash = record.body_hash(),
                .reason = record.refused().reason(),
                .broker_now_ms = record.inbox().broker_now_ms(),
                .offset = offset};
  const bool request = record.kind() == Record::KIND_COMMAND || record.kind() == Record::KIND_ACTIVATE;
  const auto& before = ever[id];
  const bool took_effect =
      request && std::any_of(before.begin(), before.end(), [](const Effect& e) { return !IsAge(e.reason); });
  if (IsAge(effect.reason)) {
    const int64_t age = record.inbox().broker_now_ms() - InboxAt(record.inbox().offset()).issued_at_ms();
    if (age >= -kAhead && age <= kStale) verdict_->Broken("DEC: refused for its age without cause");
    if (effect.reason == "REASON_STALE" && took_effect) verdict_->Broken("I9: STALE (refused) for what took effect");
  } else {
    if (took_effect) verdict_->Broken("I4: effective twice");
    const auto w = Words(payload);
    const std::string want = Refusal(w, record.now_ms());
    if (want != effect.reason)
      verdict_->Broken(absl::StrCat("DEC: recorded '", effect.reason, "', the prefix says '", want, "' for ", payload));
    CheckReferences(record, w, TariffAt(record.now_ms()));
    if (effect.reason.empty()) Apply(offset, record, w);
    effect.stream = w[1];
    effect.version = accounts[w[1]].version;
  }
  if (!request) return;
  window[id] = effect;
  ever[id].push_back(effect);
}

// What the prefix of the log makes of a command; "": accepted.
std::string Oracle::Refusal(const std::vector<std::string>& w, int64_t now_ms) {
  // Of a kind's first version nobody has decided by another, so it may hold at once (R10).
  if (w[0] == "act")
    return !activations_.empty() && Number(w[2]) < now_ms + kActivateAhead ? "REASON_ACTIVATION_TOO_SOON" : "";
  if (w[0] == "fee" && TariffAt(now_ms).empty()) return "TARIFF";
  const Account& account = accounts[w[1]];
  if ((w[0] == "db" || w[0] == "mv" || w[0] == "hold") && account.balance < Number(w[2])) return "FLOOR";
  if (w[0] == "res" && taken_ >= kStock) return "STOCK";
  if (w[0] == "cap" && !account.holds.count(w[2])) return "GONE";
  return "";
}

// The version that holds: of those whose time has come the one decided last; "" where there is none.
std::string Oracle::TariffAt(int64_t now_ms) const {
  std::string version;
  for (const auto& active : activations_)
    if (active.valid_from_ms() <= now_ms) version = active.version();
  return version;
}

// R10: a decision uses what holds at its time, and says so.
void Oracle::CheckReferences(const Record& record, const std::vector<std::string>& w, const std::string& version) {
  const bool asks = w[0] == "fee" || (w[0] == "fire" && !accounts[w[1]].holds.count(w[2]));
  const std::string said = record.references_size() == 1 ? record.references(0).version() : "";
  if (record.references_size() > 1 || said != (asks ? version : ""))
    verdict_->Broken(absl::StrCat("REF: ", w[0], " says it used '", said, "', it is '", asks ? version : "", "'"));
  if (!asks || record.accepted().streams_size() != 1 || record.accepted().streams(0).events_size() != 1) return;
  const auto told = Words(record.accepted().streams(0).events(0));
  if (told[2] != (version.empty() ? "0" : version))
    verdict_->Broken(absl::StrCat("DEC: ", w[0], " by tariff ", told[2], ", it is '", version, "'"));
}

void Oracle::Resolve(Account& account, const std::string& hold) {
  if (!account.holds.erase(hold) || !resolved_.insert(hold).second)
    verdict_->Broken(absl::StrCat("I5: hold ", hold, " resolved twice"));
}

void Oracle::Apply(int64_t offset, const Record& record, const std::vector<std::string>& w) {
  if (w[0] == "act") return activations_.push_back(record.activation());
  const std::vector<std::string> streams = w[0] == "mv" ? std::vector{w[1], w[3]} : std::vector{w[1]};
  bool follows = record.accepted().streams_size() == static_cast<int>(streams.size());
  for (int i = 0; follows && i < record.accepted().streams_size(); ++i) {
    const auto& change = record.accepted().streams(i);
    follows = change.stream() == streams[i] && change.events_size() == 1 &&
              change.first_version() == ++accounts[streams[i]].version;
  }
  if (!follows) verdict_->Broken(absl::StrCat("I7: ", w[1], " does not follow its version"));
  Account& account = accounts[w[1]];
  const bool void_of_hold = w[0] == "fire" && account.holds.count(w[2]);
  const bool fee = w[0] == "fee" || (w[0] == "fire" && !void_of_hold);
  const int64_t amount = fee ? Number(TariffAt(record.now_ms())) : w.size() > 2 ? Number(w[2]) : 0;
  if (w[0] == "cr" || w[0] == "grant" || fee) account.balance += amount, credited_ += amount;
  if (w[0] == "db") account.balance -= amount, credited_ -= amount;
  if (w[0] == "mv") account.balance -= amount, accounts[w[3]].balance += amount;
  if (w[0] == "res") ++account.taken, ++taken_;
  std::string timer = w[0] == "arm" ? w[3] : w[0] == "hold" ? w[4] : "";
  if (!timer.empty()) {
    const int64_t due = record.now_ms() + Number(w[0] == "arm" ? w[2] : w[3]);
    due_[{w[1], timer}] = due;
    armed.insert(absl::StrCat(w[1], "/", timer, "/", due));
  }
  if (w[0] == "hold") account.balance -= amount, account.holds[timer] = amount;
  if (w[0] == "cap") {
    credited_ -= account.holds[w[2]];
    Resolve(account, w[2]);
    armed.erase(absl::StrCat(w[1], "/", w[2], "/", due_[{w[1], w[2]}]));
    due_.erase({w[1], w[2]});
  }
  if (void_of_hold) {
    account.balance += account.holds[w[2]];
    Resolve(account, w[2]);
  }
  if (account.balance < 0 || taken_ > kStock) verdict_->Broken("I2: below the floor");
  const int told = w[0] == "db" || w[0] == "mv" ? 2 : 1;
  for (int i = 0; i < told; ++i) facts.emplace_back(offset, i);
}

std::string Oracle::Account::Text(int fold_version) const {
  std::string text = absl::StrCat("v", fold_version, " ", balance, " ", taken);
  for (const auto& [hold, amount] : holds) absl::StrAppend(&text, " ", hold, " ", amount);
  return text;
}

void Oracle::Expire() {
  for (auto it = window.begin(); it != window.end();)
    it = it->second.broker_now_ms <= expired_at_ms_ - kWindow ? window.erase(it) : std::next(it);
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
  repeating_ = at < last_seen_;
  if (at <= last_seen_) return;  // a reader ignores ids not above the last
  if (facts_seen >= facts.size() || facts[facts_seen] != at)
    return verdict_->Broken(absl::StrCat("PUB: a reader saw ", id, ", which is not the next fact"));
  last_seen_ = at;
  ++facts_seen;
}

void Oracle::Replay() {
  const auto seen = facts_seen;
  const auto last = last_seen_;
  const auto latest = latest_ms_;
  const bool clamped = clamped_, repeating = repeating_;
  *this = Oracle(shard_, log_, wall_ms_, driven_, verdict_);
  latest_ms_ = latest;
  clamped_ = clamped;
  repeating_ = repeating;
  for (const LogRecord& raw : log_->records({Topic::kJournal, shard_})) Land(raw);
  facts_seen = seen;
  last_seen_ = last;
}

}  // namespace civicmesh::simulation
