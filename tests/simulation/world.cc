#include "tests/simulation/world.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/base/ids.h"
#include "tests/simulation/toy_machine.h"

namespace civicmesh::simulation {
namespace {

constexpr int64_t kMinute = 60 * 1000, kHour = 60 * kMinute;
constexpr int kSettleRounds = 4000;

std::string BodyHash(const std::string& payload) { return Sha256(payload).substr(0, 16); }

}  // namespace

// One process's view of one shard. Destroying it is a crash: what it appended may still land.
struct World::Actor : LogSink {
  int shard;
  int fold_version = 1;
  double loads = 1;   // how soon it reads what was published
  size_t loaded = 0;  // of the tariffs
  ReferenceLibrary references{{{kTariff, ParseTariff}}};
  int64_t skew_ms = 0;
  double lazy = 0;
  std::unique_ptr<LogReader> reader;
  std::unique_ptr<MemoryHotState> hot;
  std::unique_ptr<ShardOwner> owner;

  void OnRecord(Partition from, LogRecord record) override { owner->OnRecord(from.topic, std::move(record)); }
  void OnEnd(Partition from, int64_t offset) override { owner->OnEnd(from.topic, offset); }
  void OnTrouble(Partition from, absl::Status why) override { owner->OnTrouble(from.topic, why); }
};

struct World::ShardSide {
  int shard;
  Oracle oracle;
  std::vector<std::unique_ptr<Actor>> actors;
  size_t in_charge = 0;                                    // of the actors, the one assigned last
  std::map<int, std::unique_ptr<MemoryHotState>> readers;  // by their release
  std::map<std::string, uint64_t> acked;                   // stream → version that an answer promised
  std::map<std::string, std::string> answered;             // command → reason
  bool damaged = false;                                    // a power cut took something

  ShardSide(int s, Oracle o) : shard(s), oracle(std::move(o)) {}
};

// The policy's group: partition 0 of the events topic, with a committed offset that survives restarts.
class World::Group : public GroupReader {
 public:
  explicit Group(MemoryJournal* journal) : reader_(journal->NewReader()) { Rewind(); }
  int Poll(LogSink& sink, int max, int wait_ms) override { return reader_->Poll(sink, max, wait_ms); }
  void Commit(int, int64_t next) override { committed = std::max(committed, next); }
  void Rewind() override { reader_->Start({Topic::kEvents, 0}, committed); }
  std::map<int, int64_t> Held() override { return {{0, committed}}; }
  int64_t committed = 0;

 private:
  std::unique_ptr<LogReader> reader_;
};

World::World(uint64_t seed, int steps, Rules rules, Weather weather)
    : random_(seed),
      steps_(steps),
      rules_(rules),
      weather_(weather),
      log_(2, [this] { return std::max<int64_t>(0, clock_ms_ - backed_ms_); }),
      journal_(&log_) {
  log_.manual = true;
  storm_ = weather == Weather::kMixed && Chance(0.15);
  steady_ = weather == Weather::kLateCalls || Chance(0.5);
  cut_ = Chance(weather == Weather::kCuts ? 1 : 0.3);
  torn_ = weather == Weather::kCuts && Chance(0.5);
  driven_ = Chance(0.2);
  retains_ = !cut_ && Chance(0.5);
  if (Chance(0.4)) releases_ = {1, Chance(0.5) ? 2 : 3};
  activates_ = Chance(0.5);
  const double faults[] = {0.08, 0.25, 0.6, 1};
  fault_ = faults[Pick(4)];
  redis_.scan_piece = 2;
  redis_.fault = [this] {
    if (!lossy_) return MemoryRedis::Fault::kNone;
    if (weather_ == Weather::kLateCalls && Chance(0.2)) return MemoryRedis::Fault::kLate;
    const double x = static_cast<double>(Pick(1000)) / 1000 / std::max(fault_, 0.3);
    if (x < 0.04) return MemoryRedis::Fault::kReplyLost;
    if (x < (storm_ ? 0.2 : 0.08)) return MemoryRedis::Fault::kLate;
    const bool half = x < 0.09;
    cuts_now_ |= half && torn_;
    return half ? MemoryRedis::Fault::kHalf : MemoryRedis::Fault::kNone;
  };
  log_.on_land = [this](Partition at, const LogRecord& record) {
    if (at.topic == Topic::kJournal) {
      ++records;
      sides_[at.shard]->oracle.Land(record);
    } else if (at.topic == Topic::kEvents) {
      sides_[at.shard]->oracle.CheckEvent(record);
    } else if (at.topic == Topic::kInbox) {
      sides_[at.shard]->oracle.LandInbox(record);
    }
  };
  for (int shard = 0; shard < 2; ++shard) {
    sides_.push_back(std::make_unique<ShardSide>(shard, Oracle(shard, &log_, &clock_ms_, driven_, &verdict)));
    for (int release : releases_)
      sides_.back()->readers[release] = std::make_unique<MemoryHotState>(&redis_, "toy", release);
    for (int i = 0; i < (shard == 0 ? 3 : 2); ++i) {
      sides_.back()->actors.push_back(NewActor(shard, false));
      if (i == 0 || (!steady_ && Chance(0.6))) sides_.back()->actors.back()->owner->Assign();
    }
  }
  door_ = journal_.NewAppender();
  group_ = std::make_unique<Group>(&journal_);
  PolicySpec spec{.name = "grant", .source_domain = "toy", .react = [](const PublicFact&) {
                    return std::vector<PolicyCommand>{{1, "grant g 1"}};
                  }};
  policy_ = std::make_unique<PolicyRunner>(spec, driven_, group_.get(), &journal_);
}

World::~World() = default;

std::unique_ptr<World::Actor> World::NewActor(int shard, bool calm) {
  auto actor = std::make_unique<Actor>();
  Actor* a = actor.get();
  a->shard = shard;
  a->fold_version = releases_[Pick(static_cast<int>(releases_.size()))];
  a->references.BecomeCurrent();
  if (!calm) {
    const int64_t skews[] = {-3 * kMinute, 0, 0, 3 * kMinute};
    const double lazies[] = {0, 0.3, 0.9};
    a->skew_ms = skews[Pick(4)];
    a->lazy = lazies[Pick(3)];
    const double loads[] = {1, 0.1, 0.02};
    a->loads = loads[Pick(3)];
  }
  a->reader = journal_.NewReader();
  a->hot = std::make_unique<MemoryHotState>(&redis_, "toy", a->fold_version);
  OwnerPorts ports{.reader = a->reader.get(),
                   .hot = a->hot.get(),
                   .references = &a->references,
                   .appender = [this] { return std::shared_ptr<LogAppender>(journal_.NewAppender()); },
                   .wall_ms = [this, a] { return clock_ms_ + a->skew_ms; },
                   .steady_ms = [this] { return clock_ms_; },
                   .random = [this] { return random_(); },
                   .reply = [this](int s, const std::string&, const log::v1::Reply& reply) { Answer(s, reply, true); },
                   .machines = [a](int) { return std::make_unique<ToyMachine>(a->fold_version); }};
  const WorkerOptions options{.domain = "toy", .shards = 2, .fold_version = a->fold_version, .driven_clock = driven_};
  a->owner = std::make_unique<ShardOwner>(shard, options, ports, rules_);
  return actor;
}

void World::Run() {
  for (int i = 0; i < steps_ && verdict.ok(); ++i) Step();
  if (verdict.ok()) Settle();
}

void World::Step() {
  ShardSide& side = *sides_[Chance(0.75) ? 0 : 1];
  clock_ms_ += Pick(60);  // waits for a reconnection are as long as some steps
  const double x = static_cast<double>(Pick(1000)) / 1000;
  if (storm_ && Chance(0.06)) return DamageHot();
  if (std::exchange(cuts_now_, false) && cut_ && sides_[0]->oracle.decided > 8) return PowerCut(*sides_[0]);
  if (!redis_.late.empty() && Chance(storm_ ? 0.1 : 0.03)) {
    redis_.RunLate(Pick(static_cast<int>(redis_.late.size())));
    // What it has put back is seen only until the next fold.
    return weather_ == Weather::kLateCalls ? Reader(0) : void();
  }
  if (!tariffs_to_come_.empty() && Chance(0.05)) return PublishTariff();
  if (x < 0.13) return Client();
  if (x < 0.34) return LandSome();
  if (x < 0.84) {
    Actor& actor = NextToMove(side);
    if (actor.loaded < tariffs_.size() && Chance(actor.loads)) Load(actor, actor.loaded + 1);
    if (!storm_ || !Chance(actor.lazy)) OwnerStep(actor);
    if (!side.damaged && !actor.owner->Status().stopped.ok())
      verdict.Broken(absl::StrCat("FALSE: ", std::string(actor.owner->Status().stopped.message()), " without loss"));
    if (Chance(0.02) && actor.owner->ClampTime()) side.oracle.MayBeClamped();
    return;
  }
  if (x < 0.87) return MoveClock();
  if (x < 0.90) {
    if (Chance(0.4) && snapshots_.size() < 6) snapshots_.push_back(redis_.shards);
    return Reader(side.shard);
  }
  if (x < 0.905) return Chance(fault_) ? DamageHot() : void();
  if (x < 0.94) {
    const size_t at = Pick(static_cast<int>(side.actors.size()));
    auto& actor = side.actors[at];
    const double y = static_cast<double>(Pick(1000)) / 1000;
    if (y < 0.4) return Assign(side, at);
    if (y < 0.55) return actor->owner->Revoke();
    if (!Chance(fault_)) return;
    ++epochs;
    actor = NewActor(side.shard, false);
    return Chance(0.7) ? Assign(side, at) : void();
  }
  if (x < 0.98) {
    if (Chance(0.9)) return policy_->Turn(1 + Pick(4), 0);
    if (Chance(0.2)) group_->committed = Pick(static_cast<int>(group_->committed) + 1);
    return group_->Rewind();
  }
  DamageLog(side);
}

World::Actor& World::NextToMove(ShardSide& side) {
  if (steady_ && Chance(0.9)) return *side.actors[side.in_charge];
  return *side.actors[Pick(static_cast<int>(side.actors.size()))];
}

void World::Assign(ShardSide& side, size_t actor) {
  // The others hear of it, mostly.
  for (auto& other : side.actors)
    if (steady_ && Chance(0.9)) other->owner->Revoke();
  side.actors[actor]->owner->Assign();
  side.in_charge = actor;
}

void World::OwnerStep(Actor& actor) {
  // A takeover takes many steps; without some of them done together few schedules would see one end.
  if (!actor.owner->serving() && Chance(0.5)) {
    actor.owner->Advance();
    actor.hot->PollSome(1 + Pick(2));
    actor.reader->Poll(actor, 1 + Pick(12), 0);
    return;
  }
  switch (Pick(8)) {
    case 0:
      actor.reader->Poll(actor, 1 + Pick(8), 0);
      return;
    case 1:
      actor.reader->Poll(actor, 50, 0);
      actor.hot->PollSome(1 + Pick(6));
      return;
    case 2:
      actor.hot->PollSome(1 + Pick(3));
      return;
    case 3:
      actor.owner->Decide(1 + Pick(4));
      return;
    case 4:
      actor.owner->Fold();
      return;
    case 5:
      actor.owner->Publish(1 + Pick(3));
      return;
    case 6:
      actor.owner->Tick();
      [[fallthrough]];
    default:
      actor.owner->Advance();
  }
}

void World::Send(const std::string& id, const Request& request) {
  log::v1::Command command;
  command.set_kind(log::v1::Command::KIND_REQUEST);
  command.set_command_id(id);
  command.set_issued_at_ms(request.issued_ms);
  command.set_body_hash(BodyHash(request.payload));
  command.set_reply_to("door");
  if (request.valid_from_ms == 0) {
    command.set_payload(request.payload);
  } else {
    command.set_kind(log::v1::Command::KIND_ACTIVATE);
    auto& activation = *command.mutable_activation();
    activation.set_kind(kTariff);
    activation.set_version(request.payload);
    activation.set_sha256(Sha256(request.payload));
    activation.set_valid_from_ms(request.valid_from_ms);
  }
  if (driven_) command.set_driven_time_ms(clock_ms_);
  AppendInbox(0, Frame(command.SerializeAsString()));
}

// Of few versions and times, so that one is activated again after another. The content may come later.
World::Request World::NewActivation() {
  const std::string version = absl::StrCat(1 + Pick(static_cast<int>(tariffs_.size()) + 3));
  if (std::find(tariffs_.begin(), tariffs_.end(), version) == tariffs_.end()) tariffs_to_come_.insert(version);
  const int64_t ahead[] = {-kHour, 30 * 1000, 2 * kMinute, kHour, kHour, 6 * kHour};
  return {.payload = version, .issued_ms = clock_ms_, .valid_from_ms = (clock_ms_ + ahead[Pick(6)]) / kHour * kHour};
}

void World::PublishTariff() {
  tariffs_.push_back(*tariffs_to_come_.begin());
  tariffs_to_come_.erase(tariffs_to_come_.begin());
}

void World::Load(Actor& actor, size_t contents) {
  for (; actor.loaded < contents; ++actor.loaded) (void)actor.references.Add(kTariff, tariffs_[actor.loaded]);
}

void World::AppendInbox(int shard, std::string bytes) {
  if (!door_->Health().ok()) door_ = journal_.NewAppender();
  (void)door_->Append({Topic::kInbox, shard}, std::move(bytes), {});
}

void World::AdvanceTime() {
  log::v1::Command command;
  command.set_kind(log::v1::Command::KIND_ADVANCE_TIME);
  command.set_driven_time_ms(clock_ms_);
  for (int shard = 0; shard < 2; ++shard) AppendInbox(shard, Frame(command.SerializeAsString()));
}

std::string World::NewPayload() {
  const char* streams[] = {"a", "a", "a", "b", "c", "d"};
  const std::string stream = streams[Pick(6)];
  if (activates_ && Chance(0.12)) return absl::StrCat("fee ", stream);
  const double k = static_cast<double>(Pick(1000)) / 1000;
  if (k < 0.3) return absl::StrCat("cr ", stream, " 2");
  if (k < 0.55) return absl::StrCat("db ", stream, " 2");
  if (k < 0.6) return absl::StrCat("mv ", stream, " 2 ", stream == "d" ? "a" : "d");
  if (k < 0.66) {
    holds_.emplace_back(stream, next_id_);
    return absl::StrCat("hold ", stream, " 2 ", Pick(9) * 20 * kMinute, " ", next_id_);
  }
  if (k < 0.7 && !holds_.empty()) {
    const auto& [held, number] = holds_[Pick(static_cast<int>(holds_.size()))];
    return absl::StrCat("cap ", held, " ", number);
  }
  if (k < 0.84) return absl::StrCat("arm ", stream, " ", (Pick(12) - 3) * 20 * kMinute, " ", next_id_);
  return k < 0.98 ? absl::StrCat("res ", stream) : "poison";
}

void World::Client() {
  if (driven_ && Chance(0.05)) return AdvanceTime();
  if (Chance(0.02)) return AppendInbox(0, absl::StrCat("no frame ", ++next_id_));
  std::string id;
  if (Chance(0.55) || requests_.empty()) {
    id = absl::StrCat("c", ++next_id_);
    const std::string payload = NewPayload();
    const int64_t shifts[] = {0, 0, 0, 0, 0, 2 * kMinute, 8 * kMinute, -7 * kHour};
    requests_[id] = {.payload = payload, .issued_ms = clock_ms_ + shifts[Pick(8)]};
    if (activates_ && Chance(0.1)) requests_[id] = NewActivation();
  } else {
    auto it = requests_.begin();
    std::advance(it, Pick(static_cast<int>(requests_.size())));
    id = it->first;
    if (Chance(0.1)) return Send(id, {.payload = "cr b 9", .issued_ms = it->second.issued_ms});
  }
  Send(id, requests_[id]);
}

void World::LandSome() {
  std::vector<std::shared_ptr<MemoryLog::Session>> busy;
  for (const auto& session : log_.sessions())
    if (!session->queue.empty()) busy.push_back(session);
  if (busy.empty()) return;
  auto session = busy[Pick(static_cast<int>(busy.size()))];
  for (int n = 1 + Pick(3); n > 0 && !session->queue.empty(); --n) log_.Land(*session);
}

void World::Answer(int shard, const log::v1::Reply& reply, bool may_be_lost) {
  if (may_be_lost && lossy_ && Chance(0.3)) return;
  ++answers;
  ShardSide& side = *sides_[shard];
  auto request = requests_.find(reply.command_id());
  if (request == requests_.end()) return;
  const std::string reason = reply.outcome().refused().reason();
  // A refused other body is told by its own hash; of an answer to the client's request the hash is the request's.
  const std::string hash =
      reason == "REASON_ALREADY_EXISTS" ? BodyHash(request->second.payload) : reply.outcome().body_hash();
  if (reason != "REASON_ALREADY_EXISTS") side.oracle.CheckAnswer(reply.command_id(), hash, reason);
  if (hash != BodyHash(request->second.payload) || reason == "REASON_ALREADY_EXISTS") return;
  request->second.done = true;
  if (reason == "REASON_STALE" || reason == "REASON_UNKNOWN_OUTCOME") return;
  auto [it, fresh] = side.answered.emplace(reply.command_id(), reason);
  if (!fresh && it->second != reason) verdict.Broken("I4: two answers to one command");
  if (!reason.empty()) return;
  for (const auto& effect : side.oracle.ever[reply.command_id()])
    if (effect.reason.empty()) side.acked[effect.stream] = std::max(side.acked[effect.stream], effect.version);
}

// Any replica: reads a stream, and looks an outcome up.
void World::Reader(int shard) { ReadAs(releases_[Pick(static_cast<int>(releases_.size()))], shard); }

void World::ReadAs(int fold_version, int shard) {
  ShardSide& side = *sides_[shard];
  MemoryHotState& reader = *side.readers[fold_version];
  if (!side.acked.empty()) {
    std::vector<std::string> keys;
    for (const auto& [stream, version] : side.acked) keys.push_back(stream);
    reader.Read(shard, HotTable::kStreams, keys, [this, &side, keys, fold_version](absl::StatusOr<HotRead> read) {
      if (!read.ok() || !read->verified) return;
      for (size_t i = 0; i < keys.size(); ++i) {
        log::v1::StreamValue value;
        if (read->values[i]) value.ParseFromString(*read->values[i]);
        if (value.version() < side.acked[keys[i]])
          verdict.Broken(absl::StrCat("I14: release ", fold_version, " read ", keys[i], " at ", value.version(),
                                      ", answered at ", side.acked[keys[i]]));
      }
    });
  }
  if (shard == 0 && !requests_.empty()) {
    auto it = requests_.begin();
    std::advance(it, Pick(static_cast<int>(requests_.size())));
    const std::string id = it->first;
    reader.Read(shard, HotTable::kOutcomes, {id}, [this, &side, id](absl::StatusOr<HotRead> read) {
      if (!read.ok() || !read->verified || read->point.token.empty()) return;
      int64_t below = 0;
      (void)absl::SimpleAtoi(read->point.token, &below);
      if (read->values[0]) {
        log::v1::Reply reply;
        reply.set_command_id(id);
        reply.mutable_outcome()->ParseFromString(*read->values[0]);
        // What a power cut took from the journal is seen until Redis is refilled (a stated limit of the design).
        if (reply.outcome().offset() < below && !side.damaged) Answer(0, reply, false);
      } else if (side.answered.count(id) && side.oracle.window.count(id)) {
        // Forgotten and recorded again it is found from the second record on.
        if (side.oracle.ever[id].size() > 1 && side.oracle.window[id].offset >= below) return;
        log::v1::HotPoint point;
        point.ParseFromString(read->point.blob);
        if (point.inbox().broker_now_ms() < side.oracle.window[id].broker_now_ms + ShardMemory::kWindowMs)
          verdict.Broken(absl::StrCat("I9: no outcome of the answered ", id));
      }
    });
  }
  reader.Poll(0);
  if (Chance(0.2)) reader.Reconnect(shard);
}

void World::DamageHot() {
  if (weather_ == Weather::kLateCalls) return;
  if (Chance(0.5)) return redis_.FlushAll();
  if (!snapshots_.empty()) redis_.Restore(snapshots_[Pick(static_cast<int>(snapshots_.size()))]);
}

void World::DamageLog(ShardSide& side) {
  std::vector<std::shared_ptr<MemoryLog::Session>> busy;
  for (const auto& session : log_.sessions())
    if (!session->queue.empty()) busy.push_back(session);
  if (!busy.empty() && Chance(fault_) && Chance(0.7)) {
    auto session = busy[Pick(static_cast<int>(busy.size()))];
    const double y = static_cast<double>(Pick(100)) / 100;
    if (y < 0.4) return log_.Lose(*session);
    if (y < 0.8) return log_.LoseAck(*session);
    return log_.Kill(*session);
  }
  // Not before there is something to lose: the cut falls around what was decided.
  if (cut_ && side.shard == 0 && side.oracle.decided > 8) PowerCut(side);
}

void World::PowerCut(ShardSide& side) {
  const Partition at{Chance(0.6) ? Topic::kJournal : Topic::kInbox, side.shard};
  if (at.topic == Topic::kJournal && side.oracle.repeating()) return;
  cut_ = false;
  side.damaged = true;
  const int64_t last = at.topic == Topic::kJournal ? log_.bounds(at).end : side.oracle.decided + 4;
  const int64_t end = std::clamp<int64_t>(last - 1 - Pick(torn_ ? 3 : 11), log_.bounds(at).begin, log_.bounds(at).end);
  log_.Truncate(at, end);
  if (at.topic == Topic::kInbox) side.oracle.InboxCut(end);
  // A power cut is a broker that went away: every owner hears of it before anything else (R3).
  for (auto& each : sides_)
    for (auto& actor : each->actors) actor->owner->OnTrouble(Topic::kJournal, absl::UnavailableError("power cut"));
  if (at.topic != Topic::kJournal) return;
  side.oracle.Replay();
  side.acked.clear();
  std::erase_if(side.answered, [&](const auto& answer) { return !side.oracle.ever.count(answer.first); });
}

void World::MoveClock() {
  clock_ms_ += Chance(0.7) ? (1 + Pick(30)) * kMinute : (1 + Pick(20)) * kHour;
  // Behind, and ahead by more than a shard takes without an operator (R7).
  const int64_t steps[] = {0, 0, 3 * kHour, 25 * kHour, -9 * kMinute, -3 * kHour};
  if (Chance(0.05)) backed_ms_ = steps[Pick(6)];
  if (retains_ && Chance(0.2)) Retain();
}

// The broker deletes what is older than the inbox keeps; here never what was not decided, which would be a loss.
void World::Retain() {
  for (auto& side : sides_) {
    const Partition inbox{Topic::kInbox, side->shard};
    int64_t keep = log_.bounds(inbox).begin;
    for (const LogRecord& record : log_.records(inbox))
      if (record.time_ms < clock_ms_ - 3 * ShardMemory::kWindowMs / 2) keep = record.offset + 1;
    log_.DeleteBefore(inbox, std::min(keep, side->oracle.decided + 1));
  }
}

// The faults end; everything must come right.
void World::Settle() {
  lossy_ = false;
  backed_ms_ = 0;
  for (auto& side : sides_) {
    side->actors.clear();
    side->in_charge = 0;
    side->actors.push_back(NewActor(side->shard, true));
    side->actors[0]->owner->Assign();
  }
  while (!tariffs_to_come_.empty()) PublishTariff();
  for (auto& [id, request] : requests_)
    if (!request.done) Send(id, request);
  group_->Rewind();
  int quiet = 0;  // rounds of 100 ms: shorter than an idle shard waits before it looks at hot state
  for (int round = 0; verdict.ok() && quiet < 20; ++round) {
    if (round > kSettleRounds) {
      std::string how;
      for (auto& side : sides_) {
        const auto status = side->actors[0]->owner->Status();
        absl::StrAppend(&how, "; ", status.phase, ", inbox ", status.inbox_next, " of ",
                        log_.bounds({Topic::kInbox, side->shard}).end, ", folded ", status.folded, " of ",
                        log_.bounds({Topic::kJournal, side->shard}).end);
      }
      return verdict.Broken(absl::StrCat("LIVE: does not come to rest", how));
    }
    clock_ms_ += round < 400 ? 10 * kMinute : 100;
    if (driven_ && round % 50 == 10 && round < 420) AdvanceTime();
    bool any = false;
    for (auto& side : sides_) any |= Pump(*side);
    policy_->Turn(100, 0);
    for (bool landed = true; landed;) {
      landed = false;
      for (const auto& session : std::vector(log_.sessions().begin(), log_.sessions().end()))
        while (!session->queue.empty()) {
          log_.Land(*session);
          any = landed = true;
        }
    }
    const bool rest = std::all_of(sides_.begin(), sides_.end(), [](auto& side) {
      return side->actors[0]->owner->AtRest() || !side->actors[0]->owner->Status().stopped.ok();
    });
    quiet = any || !rest || round < 420 ? 0 : quiet + 1;
  }
  bool lost = false;
  for (auto& side : sides_) {
    const auto status = side->actors[0]->owner->Status();
    epochs += static_cast<int64_t>(status.epoch);
    if (!status.stopped.ok()) {
      lost = true;
      ++losses;
      if (!side->damaged)
        verdict.Broken(absl::StrCat("FALSE: ", std::string(status.stopped.message()), " without loss"));
    }
  }
  if (lost) return;
  for (auto& side : sides_) Final(*side);
  if (verdict.ok() && !sides_[0]->damaged) IdleThenTakeOver();
  std::set<std::pair<int64_t, int>> facts(sides_[0]->oracle.facts.begin(), sides_[0]->oracle.facts.end());
  std::set<std::pair<int64_t, int>> taken;
  for (const auto& [offset, index] : sides_[1]->oracle.sources)
    taken.emplace(offset, index / PolicySpec::kCommandsPerEvent);
  if (facts != taken) verdict.Broken(absl::StrCat("POLICY: ", facts.size(), " facts, ", taken.size(), " acted on"));
}

// Long idle: only a known duplicate comes, the inbox is deleted behind it, and another owner takes over (R2, R9).
void World::IdleThenTakeOver() {
  ShardSide& side = *sides_[0];
  for (const auto& [id, effect] : side.oracle.window) {
    Send(id, requests_[id]);
    break;
  }
  const auto pump = [&](int rounds, int64_t step_ms) {
    for (int i = 0; i < rounds && verdict.ok(); ++i) {
      clock_ms_ += step_ms;
      Pump(side);
      for (const auto& session : std::vector(log_.sessions().begin(), log_.sessions().end()))
        while (!session->queue.empty()) log_.Land(*session);
    }
  };
  pump(30, 100);
  pump(30, kHour);
  const Partition inbox{Topic::kInbox, 0};
  log_.DeleteBefore(inbox, log_.bounds(inbox).end);
  side.actors[0] = NewActor(0, true);
  side.actors[0]->owner->Assign();
  pump(200, 100);
  const auto status = side.actors[0]->owner->Status();
  if (!status.stopped.ok())
    verdict.Broken(absl::StrCat("FALSE: ", std::string(status.stopped.message())));
  else if (!side.actors[0]->owner->AtRest())
    verdict.Broken("LIVE: no takeover after a long idle time");
  else
    CheckHot(side);
  if (!verdict.ok()) return;
  redis_.FlushAll();  // while nobody has anything to fold (R6)
  pump(200, 100);
  CheckHot(side);
}

bool World::Pump(ShardSide& side) {
  Actor& a = *side.actors[0];
  Load(a, tariffs_.size());
  bool any = a.reader->Poll(a, 100, 0) > 0;
  any |= a.hot->PollSome(100) > 0;
  any |= a.owner->Advance();
  any |= a.owner->Decide(50);
  any |= a.owner->Fold();
  any |= a.owner->Publish(50);
  any |= a.owner->Tick();
  return any;
}

void World::Final(ShardSide& side) {
  Oracle& oracle = side.oracle;
  for (const LogRecord& raw : log_.records({Topic::kInbox, side.shard})) {
    log::v1::Command command;
    auto bytes = Unframe(raw.value);
    if (!bytes.ok()) continue;
    command.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()));
    const bool asks =
        command.kind() == log::v1::Command::KIND_REQUEST || command.kind() == log::v1::Command::KIND_ACTIVATE;
    if (asks && !oracle.ever.count(command.command_id()))
      verdict.Broken(absl::StrCat("LOST: ", command.command_id(), " was never decided"));
  }
  if (!side.damaged)
    for (const auto& [id, reason] : side.answered)
      if (std::none_of(oracle.ever[id].begin(), oracle.ever[id].end(),
                       [&](const auto& e) { return e.reason == reason; }))
        verdict.Broken(absl::StrCat("I3: the answer to ", id, " is not in the log"));
  if (oracle.facts_seen != oracle.facts.size())
    verdict.Broken(absl::StrCat("PUB: a reader has ", oracle.facts_seen, " of ", oracle.facts.size(), " facts"));
  std::map<int64_t, std::string> parked;
  for (const LogRecord& raw : log_.records({Topic::kParked, side.shard}))
    for (const auto& [key, value] : raw.headers)
      if (int64_t at = 0; key == "civicmesh-journal-offset" && absl::SimpleAtoi(value, &at)) parked[at] = raw.value;
  // A copy whose record a power cut took from the journal stays behind.
  if (side.damaged) std::erase_if(parked, [&](const auto& copy) { return !oracle.parked.count(copy.first); });
  if (parked != oracle.parked)
    verdict.Broken(absl::StrCat("I8: ", oracle.parked.size(), " parked, ", parked.size(), " kept"));
  if (oracle.armed != oracle.fired) verdict.Broken("TIMER: not all armed timers have fired");
  CheckHot(side);
}

void World::CheckHot(ShardSide& side) {
  for (int release : releases_) ReadAs(release, side.shard);
  const int fold_version = side.actors[0]->fold_version;
  const auto& hot = redis_.shards[{"toy", fold_version, side.shard}];
  const auto& machine = static_cast<const ToyMachine&>(side.actors[0]->owner->memory()->machine());
  auto table = [&](HotTable t) {
    auto it = hot.tables.find(t);
    return it == hot.tables.end() ? std::map<std::string, std::string>() : it->second;
  };
  const auto streams = table(HotTable::kStreams);
  int64_t sum = 0;
  for (const auto& [id, bytes] : streams) {
    log::v1::StreamValue value;
    value.ParseFromString(bytes);
    const auto words = Words(value.state());
    for (size_t i = 1; i < words.size(); i += i == 1 ? 3 : 2) {  // the balance, then every hold's amount
      int64_t amount = 0;
      (void)absl::SimpleAtoi(words[i], &amount);
      sum += amount;
    }
  }
  if (sum != side.oracle.credited())
    verdict.Broken(absl::StrCat("I1: the accounts sum up to ", sum, ", credited were ", side.oracle.credited()));
  for (const auto& [id, account] : side.oracle.accounts) {
    if (account.version == 0) continue;  // only refused
    log::v1::StreamValue value;
    if (auto it = streams.find(id); it != streams.end()) value.ParseFromString(it->second);
    const std::string want = account.Text(fold_version);
    if (value.version() != account.version || value.state() != want)
      verdict.Broken(absl::StrCat("I6: Redis has ", id, " at ", value.version(), " '", value.state(), "', the fold ",
                                  account.version, " '", want, "'"));
    if (machine.Save(id) != want) verdict.Broken(absl::StrCat("I6: memory of ", id));
  }
  std::set<std::string> outcomes, window;
  for (const auto& [id, value] : table(HotTable::kOutcomes)) outcomes.insert(id);
  for (const auto& [id, effect] : side.oracle.window) window.insert(id);
  if (outcomes != window)
    verdict.Broken(absl::StrCat("I6: Redis keeps ", outcomes.size(), " outcomes, the fold ", window.size()));
}

}  // namespace civicmesh::simulation
