#include "services/runtime/rpc/command_door.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "civicmesh/log/v1/log.pb.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/journal/journal.h"
#include "services/runtime/rpc/backlog.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/hot_reads.h"
#include "services/runtime/rpc/outcomes.h"
#include "services/runtime/shard/actor_record.h"

namespace civicmesh {
namespace {

constexpr int64_t kLookUpAfterMs[] = {50, 200, 800};
constexpr int64_t kLookUpEveryMs = 1000;
// The answer needs time to travel before the caller's own deadline strikes.
constexpr int64_t kDeadlineMarginMs = 20;
constexpr int64_t kIdleMs = 1000;
constexpr size_t kHashBytes = 16;

std::string BodyHash(const std::string& key, const google::protobuf::Message& body) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    body.SerializeToCodedStream(&coded);
  }
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(bytes.data()),
       bytes.size(), mac, &size);
  return std::string(reinterpret_cast<char*>(mac), kHashBytes);
}

// Who calls as a citizen stands in the log under a pseudonym alone, which whoever reads it cannot turn into a subject,
// also after an erasure (docs/adr/0007). Those who hold a post are named.
ActorView AsRecorded(ActorView actor, const PersonTokens& persons) {
  const auto citizen = [](const Post& post) { return post.role == "CITIZEN"; };
  if (!actor.posts.empty() && std::all_of(actor.posts.begin(), actor.posts.end(), citizen))
    actor.subject = persons.Of(actor.subject);
  return actor;
}

// The owner's answer to a body that differs from the recorded one.
bool IsOtherBody(const log::v1::OutcomeValue& outcome) {
  return outcome.refused().domain() == "runtime" && outcome.refused().reason() == "REASON_ALREADY_EXISTS";
}

struct Waiter {
  std::string command_id;
  std::string body_hash;
  int shard = 0;
  std::string subject;
  CommandDoor::Done done;
  int64_t started_ms = 0;
  int64_t deadline_ms = 0;
  int64_t receipt_wait_ms = 0;
  std::optional<int64_t> landed;  // the inbox offset
  size_t look_ups = 0;
  int64_t due_ms = 0;
  bool resolving = false;  // its outcome is known; the resource is being read
};

}  // namespace

struct CommandDoor::Impl : std::enable_shared_from_this<CommandDoor::Impl> {
  const DoorOptions options;
  const NewAppender new_appender;
  HotReads* const reads;
  const Clock* const clock;
  Backlog backlog;

  mutable absl::Mutex mutex;
  uint64_t last_id ABSL_GUARDED_BY(mutex) = 0;
  absl::flat_hash_map<uint64_t, Waiter> waiters ABSL_GUARDED_BY(mutex);
  absl::flat_hash_map<std::string, std::vector<uint64_t>> by_command ABSL_GUARDED_BY(mutex);
  std::set<std::pair<int64_t, uint64_t>> due ABSL_GUARDED_BY(mutex);
  absl::flat_hash_map<int, int> per_shard ABSL_GUARDED_BY(mutex);
  absl::flat_hash_map<std::string, int> per_actor ABSL_GUARDED_BY(mutex);
  absl::flat_hash_set<uint64_t> adrift ABSL_GUARDED_BY(mutex);  // given up while their append was under way
  std::deque<log::v1::Reply> delivered ABSL_GUARDED_BY(mutex);
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  // Apart from `mutex`, which the log's callbacks take: whoever asks the log something must not hold what they need.
  absl::Mutex session_mutex ABSL_ACQUIRED_BEFORE(mutex);
  std::shared_ptr<LogAppender> appender ABSL_GUARDED_BY(session_mutex);
  std::atomic<bool> can_append{false};
  std::atomic<uint64_t> by_answer{0}, by_look_up{0};
  std::thread thread;
  std::atomic<int64_t> last_turn_ms = 0;

  Impl(DoorOptions o, NewAppender a, HotReads* r, const Clock* c)
      : options(std::move(o)), new_appender(std::move(a)), reads(r), clock(c), backlog(r, c) {}

  // Empty where there is room, and then `waiter` is counted and waits; otherwise why not.
  grpc::Status Admit(Waiter waiter, uint64_t* id) {
    absl::MutexLock lock(&mutex);
    if (stopping) return RuntimeError("REASON_RECOVERING", "", "", absl::Seconds(1));
    const auto in_shard = per_shard.find(waiter.shard);
    const int waiting = in_shard == per_shard.end() ? 0 : in_shard->second;
    const char* full = nullptr;
    if (static_cast<int>(waiters.size()) >= options.max_in_flight) {
      full = "this replica";
    } else if (waiting + backlog.size(waiter.shard) >= options.max_per_shard) {
      full = "this shard";
    } else if (auto a = per_actor.find(waiter.subject); a != per_actor.end() && a->second >= options.max_per_actor) {
      full = "this caller";
    }
    if (full) return RuntimeError("REASON_OVERLOADED", "", full, absl::Seconds(1));
    ++per_shard[waiter.shard];
    ++per_actor[waiter.subject];
    *id = ++last_id;
    waiter.due_ms = std::min(waiter.started_ms + kLookUpAfterMs[0], waiter.deadline_ms);
    due.emplace(waiter.due_ms, *id);
    by_command[waiter.command_id].push_back(*id);
    waiters.emplace(*id, std::move(waiter));
    return grpc::Status::OK;
  }

  // Takes the waiter out; its callback is run by the caller, without the lock. False: it was answered before.
  bool Take(uint64_t id, Waiter* out) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    auto it = waiters.find(id);
    if (it == waiters.end()) return false;
    *out = std::move(it->second);
    waiters.erase(it);
    due.erase({out->due_ms, id});
    auto same = by_command.find(out->command_id);
    same->second.erase(std::find(same->second.begin(), same->second.end(), id));
    if (same->second.empty()) by_command.erase(same);
    if (auto s = per_shard.find(out->shard); --s->second == 0) per_shard.erase(s);
    if (auto a = per_actor.find(out->subject); --a->second == 0) per_actor.erase(a);
    return true;
  }

  void Complete(uint64_t id, CommandResult result) {
    Waiter waiter;
    {
      absl::MutexLock lock(&mutex);
      if (!Take(id, &waiter)) return;
    }
    waiter.done(std::move(result));
  }

  void Fail(uint64_t id, grpc::Status status) {
    Complete(id, {.status = std::move(status), .resource = "", .state = ""});
  }

  // Nobody knows what becomes of it, but where its append was acknowledged it certainly stands in the inbox.
  void GiveUp(uint64_t id) {
    Waiter waiter;
    {
      absl::MutexLock lock(&mutex);
      if (!Take(id, &waiter)) return;
      if (!waiter.landed) adrift.insert(id);
    }
    CommandResult result{.status = RuntimeError("REASON_UNKNOWN_OUTCOME"), .resource = "", .state = ""};
    if (waiter.landed) {
      // An outcome that is known is not waited for: only its resource could not be read.
      if (!waiter.resolving) backlog.Add(waiter.shard, waiter.command_id, *waiter.landed);
      result.received = Received{*waiter.landed, std::move(waiter.command_id), std::move(waiter.body_hash)};
    }
    waiter.done(std::move(result));
  }

  // The broker has it. From here on the wait may be shorter.
  void Landed(uint64_t id, int shard, const std::string& command_id, int64_t inbox_offset) {
    absl::MutexLock lock(&mutex);
    if (adrift.erase(id) > 0) return backlog.Add(shard, command_id, inbox_offset);
    auto it = waiters.find(id);
    if (it == waiters.end()) return;
    Waiter& waiter = it->second;
    waiter.landed = inbox_offset;
    if (waiter.receipt_wait_ms <= 0) return;
    waiter.deadline_ms = std::min(waiter.deadline_ms, clock->steady_ms() + waiter.receipt_wait_ms);
    if (waiter.due_ms <= waiter.deadline_ms) return;
    due.erase({waiter.due_ms, id});
    waiter.due_ms = waiter.deadline_ms;
    due.emplace(waiter.due_ms, id);
  }

  std::shared_ptr<LogAppender> Session() {
    std::shared_ptr<LogAppender> old;  // goes after the lock: its callbacks run then, and they lock
    absl::MutexLock lock(&session_mutex);
    if (!appender || !appender->Health().ok()) old = std::exchange(appender, new_appender());
    return appender;
  }

  void NotLanded(uint64_t id) {
    GiveUp(id);
    absl::MutexLock lock(&mutex);
    adrift.erase(id);
  }

  void Append(uint64_t id, int shard, const std::string& command_id, std::string bytes) {
    auto landed = [weak = weak_from_this(), id, shard, command_id](absl::StatusOr<int64_t> offset) {
      auto self = weak.lock();
      if (!self) return;
      self->can_append = offset.ok();
      if (!offset.ok()) return self->NotLanded(id);
      self->Landed(id, shard, command_id, *offset);
    };
    const absl::Status queued = Session()->Append({Topic::kInbox, shard}, std::move(bytes), {}, std::move(landed));
    if (queued.ok()) return;
    if (!absl::IsInvalidArgument(queued)) can_append = false;
    if (absl::IsResourceExhausted(queued))
      return Fail(id, RuntimeError("REASON_OVERLOADED", "", "the log", absl::Seconds(1)));
    if (absl::IsInvalidArgument(queued)) return Fail(id, RuntimeError("REASON_TOO_LARGE"));
    Fail(id, RuntimeError("REASON_RECOVERING", "", "", absl::Seconds(1)));
  }

  // What an outcome means for one waiter: its answer, another body's refusal, or nothing.
  enum class Fit { kNone, kOther, kMine };
  Fit FitOf(uint64_t id, const log::v1::OutcomeValue& outcome, int* shard) {
    absl::MutexLock lock(&mutex);
    auto it = waiters.find(id);
    if (it == waiters.end() || it->second.resolving) return Fit::kNone;
    if (it->second.body_hash != outcome.body_hash()) return Fit::kOther;
    // Two bodies were sent under one id and this reply answers the other one; ours comes or is looked up.
    if (IsOtherBody(outcome)) return Fit::kNone;
    *shard = it->second.shard;
    it->second.resolving = true;
    return Fit::kMine;
  }

  void Resolve(uint64_t id, const log::v1::OutcomeValue& outcome, const std::string& state,
               std::atomic<uint64_t>& heard) {
    int shard = 0;
    const Fit fit = FitOf(id, outcome, &shard);
    if (fit == Fit::kNone) return;
    ++heard;
    if (fit == Fit::kOther) return Fail(id, RuntimeError("REASON_ALREADY_EXISTS"));
    if (outcome.has_refused()) return Fail(id, StatusOf(outcome));
    if (!state.empty() || outcome.resource().empty())
      return Complete(id, {.status = grpc::Status::OK, .resource = outcome.resource(), .state = state});
    ReadResource(id, shard, outcome.resource());
  }

  // A repeated command gets the resource as it is now.
  void ReadResource(uint64_t id, int shard, const std::string& resource) {
    reads->Read(
        shard, HotTable::kStreams, {resource}, [weak = weak_from_this(), id, resource](absl::StatusOr<HotRead> read) {
          auto self = weak.lock();
          if (!self) return;
          log::v1::StreamValue value;
          if (!read.ok() || !read->verified || read->values.empty() || !read->values[0] ||
              !value.ParseFromString(*read->values[0]))
            return self->LookAgain(id);
          self->Complete(
              id, {.status = grpc::Status::OK, .resource = resource, .state = std::move(*value.mutable_state())});
        });
  }

  // The resource could not be read now: the next look-up tries again, until the deadline.
  void LookAgain(uint64_t id) {
    absl::MutexLock lock(&mutex);
    if (auto it = waiters.find(id); it != waiters.end()) it->second.resolving = false;
  }

  void LookUp(uint64_t id, int shard, const std::string& command_id) {
    ReadOutcomes(*reads, shard, {command_id}, [weak = weak_from_this(), id](const OutcomesRead& read) {
      auto self = weak.lock();
      if (self && read.trusted && read.outcomes[0]) self->Resolve(id, *read.outcomes[0], "", self->by_look_up);
    });
  }

  void RunDelivered() {
    std::deque<log::v1::Reply> replies;
    {
      absl::MutexLock lock(&mutex);
      replies.swap(delivered);
    }
    for (const auto& reply : replies) {
      std::vector<uint64_t> ids;
      {
        absl::MutexLock lock(&mutex);
        if (auto it = by_command.find(reply.command_id()); it != by_command.end()) ids = it->second;
      }
      for (uint64_t id : ids) Resolve(id, reply.outcome(), reply.state(), by_answer);
    }
  }

  int64_t RunTimers() {
    const int64_t now = clock->steady_ms();
    struct LookUpOf {
      uint64_t id;
      int shard;
      std::string command_id;
    };
    std::vector<uint64_t> over;
    std::vector<LookUpOf> look_ups;
    int64_t next = kIdleMs;
    {
      absl::MutexLock lock(&mutex);
      while (!due.empty() && due.begin()->first <= now) {
        const uint64_t id = due.begin()->second;
        due.erase(due.begin());
        Waiter& waiter = waiters.at(id);
        if (waiter.deadline_ms <= now) {
          over.push_back(id);
          continue;
        }
        ++waiter.look_ups;
        const bool early = waiter.look_ups < std::size(kLookUpAfterMs);
        waiter.due_ms = early ? waiter.started_ms + kLookUpAfterMs[waiter.look_ups] : now + kLookUpEveryMs;
        waiter.due_ms = std::min(std::max(waiter.due_ms, now + 1), waiter.deadline_ms);
        due.emplace(waiter.due_ms, id);
        if (!waiter.resolving) look_ups.push_back({id, waiter.shard, waiter.command_id});
      }
      if (!due.empty()) next = std::min(next, due.begin()->first - now);
    }
    for (uint64_t id : over) GiveUp(id);
    for (const auto& one : look_ups) LookUp(one.id, one.shard, one.command_id);
    return std::min(next, backlog.LookUpDue());
  }

  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex) { return stopping || !delivered.empty(); }

  void Run() {
    while (true) {
      RunDelivered();
      const int64_t wait_ms = RunTimers();
      last_turn_ms = clock->steady_ms();
      absl::MutexLock lock(&mutex);
      if (stopping) return;
      // A waiter that arrives meanwhile is due in 50 ms at the earliest.
      mutex.AwaitWithTimeout(absl::Condition(this, &Impl::HasWork),
                             absl::Milliseconds(std::min<int64_t>(wait_ms, kLookUpAfterMs[0])));
    }
  }
};

CommandDoor::CommandDoor(DoorOptions options, NewAppender new_appender, HotReads* reads, const Clock* clock)
    : impl_(std::make_shared<Impl>(std::move(options), std::move(new_appender), reads, clock)) {}

CommandDoor::~CommandDoor() { Stop(); }

void CommandDoor::Submit(const Call& call, CommandRequest request, Done done) {
  const auto refuse = [&done](grpc::Status status) {
    done({.status = std::move(status), .resource = "", .state = ""});
  };
  const std::optional<int64_t> issued_at = UuidV7Time(request.request_id);
  if (!issued_at) return refuse(RuntimeError("REASON_BAD_REQUEST_ID", "request_id"));

  log::v1::Command command;
  command.set_kind(log::v1::Command::KIND_REQUEST);
  command.set_command_id(CommandId(call.actor.subject, call.method, request.routing_key, request.request_id));
  command.set_issued_at_ms(*issued_at);
  command.set_body_hash(BodyHash(impl_->options.body_key, *request.body));
  WriteActor(AsRecorded(call.actor, impl_->options.persons), command.mutable_actor());
  command.set_method(call.method);
  command.set_traceparent(call.traceparent);
  command.set_reply_to(impl_->options.reply_to);
  command.set_payload(std::move(request.payload));
  command.set_driven_time_ms(call.driven_time_ms);

  const int64_t now = impl_->clock->steady_ms();
  Waiter waiter{.command_id = command.command_id(),
                .body_hash = command.body_hash(),
                .shard = request.shard,
                .subject = call.actor.subject,
                .done = done,
                .started_ms = now,
                .receipt_wait_ms = request.receipt_wait_ms,
                .landed = std::nullopt};
  waiter.deadline_ms =
      std::max(now, std::min(now + impl_->options.reply_wait_ms, call.deadline_steady_ms - kDeadlineMarginMs));
  uint64_t id = 0;
  if (grpc::Status full = impl_->Admit(std::move(waiter), &id); !full.ok()) return refuse(std::move(full));
  impl_->Append(id, request.shard, command.command_id(), Frame(command.SerializeAsString()));
}

void CommandDoor::Deliver(log::v1::Reply reply) {
  absl::MutexLock lock(&impl_->mutex);
  // Nobody of ours waits for it: given up, or answered by a look-up.
  if (!impl_->by_command.contains(reply.command_id())) return;
  impl_->delivered.push_back(std::move(reply));
}

int64_t CommandDoor::RunDue() {
  impl_->RunDelivered();
  return impl_->RunTimers();
}

void CommandDoor::Start() {
  impl_->last_turn_ms = impl_->clock->steady_ms();
  impl_->thread = std::thread([impl = impl_.get()] { impl->Run(); });
}

int64_t CommandDoor::last_turn_ms() const { return impl_->last_turn_ms; }

void CommandDoor::Stop() {
  {
    absl::MutexLock lock(&impl_->mutex);
    impl_->stopping = true;
  }
  if (impl_->thread.joinable()) impl_->thread.join();
  impl_->RunDelivered();
  std::vector<uint64_t> left;
  {
    absl::MutexLock lock(&impl_->mutex);
    for (const auto& [id, waiter] : impl_->waiters) left.push_back(id);
  }
  std::shared_ptr<LogAppender> session;
  {
    absl::MutexLock lock(&impl_->session_mutex);
    session = std::move(impl_->appender);
  }
  for (uint64_t id : left) impl_->GiveUp(id);
}

void CommandDoor::Probe(int shard) {
  log::v1::Command tick;
  tick.set_kind(log::v1::Command::KIND_TICK);
  const absl::Status queued =
      impl_->Session()->Append({Topic::kInbox, shard}, Frame(tick.SerializeAsString()), {},
                               [weak = impl_->weak_from_this()](absl::StatusOr<int64_t> offset) {
                                 if (auto self = weak.lock()) self->can_append = offset.ok();
                               });
  if (!queued.ok()) impl_->can_append = false;
}

int CommandDoor::in_flight() const {
  absl::MutexLock lock(&impl_->mutex);
  return static_cast<int>(impl_->waiters.size());
}

int CommandDoor::unheard() const { return impl_->backlog.size(); }

CommandDoor::Heard CommandDoor::heard() const { return {impl_->by_answer, impl_->by_look_up}; }

bool CommandDoor::can_append() const { return impl_->can_append; }

}  // namespace civicmesh
