// A running service over whatever log and hot state it is given: worker, door, gate, policies, gRPC server, health,
// drain. RunService (run_service.h) puts it over Kafka and Redis; its test puts it over the in-memory twins.
//
// One thread starts, ticks and drains it; OnReply and SetAssigned may come from any.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/runtime/rpc/auth.h"
#include "services/runtime/rpc/issuer_keys.h"
#include "services/runtime/rpc/service_spec.h"

namespace grpc {
class Server;
}

namespace civicmesh {

class Attachments;
class GroupReader;
class HotReads;
class HotState;
class Journal;
class KeyedLog;
class LogAppender;
class LogReader;
class Once;

struct ProcessOptions {
  std::string listen;  // "unix:/run/civicmesh/intake.sock"; empty: in-process calls only
  int shards = 8;
  bool driven_clock = false;
  bool reflection = false;
  int max_in_flight = 2000;
  int max_per_actor = 64;
  absl::Duration reply_wait = absl::Seconds(5);
  std::string jwks;  // the JSON text
  std::function<std::string()> read_jwks =
      {};                               // that text again, as it is by then (key_rotation.h); empty: it never changes
  IssuerKeysOptions issuer_keys = {};   // with a URL: the key set is there, in place of jwks and read_jwks
  std::string issuer_authorities = "";  // who may certify that URL's server (curl_get.h)
  std::string issuer;
  std::string audience;  // of clients of any kind (auth.h)
  std::map<std::string, ClientKind> audiences = {};
  bool development_tokens = false;  // tokens may say what their subject may (auth.h)
  int agency_per_minute = 3000;     // the quota of an agency without one of its own (people/agency_quotas.h)
  std::string body_key;
  std::string person_key;
  std::shared_ptr<const Attachments> attachments = {};  // none: uploads are not taken
  // After so long without a turn a thread is late, and stuck beyond hope. The longest that the worker's may block is a
  // look at the broker, twice (R9).
  absl::Duration late_after = absl::Seconds(20);
  absl::Duration stuck_after = absl::Seconds(90);
};

// What lies below; all of it outlives the process.
struct Backends {
  Journal* journal = nullptr;
  KeyedLog* keys = nullptr;  // of ServiceSpec::keyed_topic
  // Sessions for handlers: records fail alone, in finite time (R15).
  std::function<std::unique_ptr<LogAppender>()> new_appender;
  HotState* hot = nullptr;  // for the worker alone
  HotReads* reads = nullptr;
  Once* once = nullptr;  // for tokens that are good once; null: none is taken
  ReferenceLibrary* references = nullptr;
  // The channel on which this replica hears answers, and how to answer on another's: called on the worker's thread.
  // Where that is empty, another replica finds its outcome by looking it up, 50 ms later.
  std::string reply_to;
  std::function<void(int shard, const std::string& channel, std::string reply)> send_reply;
  // For policies: the group's reader, and a plain one of the source's topics.
  std::function<std::unique_ptr<GroupReader>(const PolicySpec&)> group_reader;
  std::function<std::unique_ptr<LogReader>(const std::string& domain)> plain_reader;
  // Not OK: this replica cannot serve (membership lost for good). May be empty.
  std::function<absl::Status()> health;
};

class ServiceProcess {
 public:
  // INVALID_ARGUMENT: the key set, issuer or audience is unusable. UNAVAILABLE: cannot listen. Serves when it returns;
  // healthy only once Tick says so.
  static absl::StatusOr<std::unique_ptr<ServiceProcess>> Start(ServiceSpec spec, ProcessOptions options,
                                                               Backends backends);
  // Drains without patience where Drain was not called.
  ~ServiceProcess();

  void SetAssigned(std::set<int> shards);
  // A log.v1.Reply that came over this replica's channel.
  void OnReply(std::string_view bytes);

  // To be called several times a second: settles what the health service says: "" = accepts and appends,
  // "<domain>/<shard>" = decides and answers that shard here, "keys" = can check tokens, "policies" = acts on what it
  // hears. An issuer's outage that lasts too long ends "keys" alone: who needs no token is served on. A late policy
  // ends "policies" alone: commands are taken and decided without it. DEADLINE_EXCEEDED: a thread, the worker's, a
  // policy's or the door's, is stuck beyond hope and the process should end at once.
  absl::Status Tick();

  // Unhealthy, no new calls, answers what is in flight, lets the worker come to rest. Blocks at most about `patience`.
  void Drain(absl::Duration patience);

  // For in-process channels.
  grpc::Server& server();
  const ServiceContext& context() const;

 private:
  struct Impl;
  explicit ServiceProcess(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace civicmesh
