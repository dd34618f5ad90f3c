// Where a handler hands a command in and hears what became of it (DESIGN section 2, steps 1 and 4; R8).
//
//   door->Submit(call, {.shard = shard, .routing_key = request->name(), .request_id = request->request_id(),
//                       .body = request, .payload = command.SerializeAsString()},
//                [=](CommandResult r) { … r.status … r.state … });
//
// Every error is either a refusal, which certainly had no effect, or UNAVAILABLE, after which the same request_id may
// be sent again (I9). An answer comes from the worker of this process or over the reply channel (Deliver); hearing
// nothing, the door looks the outcome up after 50, 200 and 800 ms and every second from then on, and gives up at the
// deadline. What landed and was given up keeps its place in its shard's bound until its outcome shows (backlog.h), so
// an owner that is away does not find its inbox filled without limit.
//
// Thread-safe; nothing blocks but Stop. Callbacks run on the door's own thread, or within Submit.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "grpcpp/support/status.h"
#include "services/runtime/base/person_tokens.h"
#include "services/runtime/rpc/call.h"

namespace google::protobuf {
class Message;
}

namespace civicmesh {

class Clock;
class HotReads;
class LogAppender;
namespace log::v1 {
class Reply;
}

struct DoorOptions {
  std::string reply_to;  // the channel on which this replica hears answers
  std::string body_key;  // for the HMAC of bodies; the same in all replicas of a domain
  PersonTokens persons;  // the installation's; there is none that could be left out
  int max_in_flight = 2000;
  int max_per_shard = 1000;  // those that landed and were given up included
  int max_per_actor = 64;
  int64_t reply_wait_ms = 5000;  // how long a call waits at most, whatever its own deadline
};

struct CommandRequest {
  int shard = 0;
  std::string routing_key;
  std::string request_id;  // a UUIDv7
  // The caller's request as it came: not read after Submit returns.
  const google::protobuf::Message* body = nullptr;
  std::string payload;  // the domain's own command message
  // Above 0: once the record has landed its outcome is waited for so long at most (R13).
  int64_t receipt_wait_ms = 0;
};

// Where a command certainly stands in its inbox, to be decided when its turn comes.
struct Received {
  int64_t inbox_offset = 0;
  std::string command_id;
  std::string body_hash;
};

struct CommandResult {
  grpc::Status status;
  std::string resource;  // the stream that answers; may be empty
  std::string state;     // its state as the domain saved it, this command's effect included
  // Only with UNAVAILABLE, and only where the append was acknowledged; one that timed out is unknown itself.
  std::optional<Received> received = std::nullopt;
};

class CommandDoor {
 public:
  using Done = std::function<void(CommandResult)>;
  // `new_appender` makes a session whose records fail alone and in finite time (R15).
  using NewAppender = std::function<std::unique_ptr<LogAppender>()>;

  // `reads` and `clock` outlive the door.
  CommandDoor(DoorOptions options, NewAppender new_appender, HotReads* reads, const Clock* clock);
  ~CommandDoor();

  // Calls `done` exactly once. INVALID_ARGUMENT (request_id is no UUIDv7, the command is too large), RESOURCE_EXHAUSTED
  // (admission, or the log takes no more now): nothing was written. UNAVAILABLE: unknown. Anything else is the domain's
  // recorded refusal.
  void Submit(const Call& call, CommandRequest request, Done done);

  // An answer of the shard's owner. Only queues it.
  void Deliver(log::v1::Reply reply);

  // Answers, looks up and gives up what is due now. Returns after how many milliseconds to come again. The door's
  // thread does it; tests without one call it themselves.
  int64_t RunDue();

  void Start();
  // By its clock, the steady time of the last turn of its thread, for the watchdog; of the door's start before the
  // first.
  int64_t last_turn_ms() const;
  // Answers UNAVAILABLE to whoever still waits, and ends the thread. Blocks until then. Idempotent.
  void Stop();

  // Appends a tick, which asks for nothing, to the shard's inbox: tells whether appends land before a caller has to.
  void Probe(int shard);

  int in_flight() const;
  // How many landed, were given up, and are not known to be decided.
  int unheard() const;
  // How many outcomes came as an answer, and how many had to be looked up.
  struct Heard {
    uint64_t by_answer = 0, by_look_up = 0;
  };
  Heard heard() const;
  // The last append landed. False before the first one.
  bool can_append() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace civicmesh
