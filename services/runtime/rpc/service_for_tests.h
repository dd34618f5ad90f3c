// A whole service over the in-memory twins, for tests of a domain's handlers: gRPC, inbox, worker, journal, hot state,
// answers and reads are the real ones. It runs under the driven clock.
//
//   ServiceForTests service({.domain = "volunteering", .machines = …, .services = …});
//   auto stub = v1::VolunteeringService::NewStub(service.Channel());
//   auto context = service.As({.subject = "u1", .posts = Posts({"CITIZEN"})}, "2026-11-18T10:00:00+08:00");
//   auto status = stub->SignUp(context.get(), request, &answer);
//
// The constructor returns once every shard serves and can be read, and ends the process where that does not come.
// Thread-safe but for construction. Link service_for_tests.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "google/protobuf/message.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "services/runtime/base/person_tokens.h"
#include "services/runtime/decider/context.h"
#include "services/runtime/journal/memory_keyed_log.h"
#include "services/runtime/objects/attachments.h"
#include "services/runtime/rpc/locked_twins.h"
#include "services/runtime/rpc/service_process.h"
#include "services/runtime/rpc/test_tokens.h"
#include "services/runtime/shard/reference_library.h"

namespace civicmesh {

class ServiceForTests {
 public:
  // Policies follow the service's own facts, and of other domains those that Publish brings.
  explicit ServiceForTests(ServiceSpec spec, int shards = 2);
  ~ServiceForTests();

  std::shared_ptr<grpc::Channel> Channel();
  // What a call carries: a development token of `actor` (none where the subject is empty) and the business time, RFC
  // 3339; "" for none. Twenty seconds of patience.
  std::unique_ptr<grpc::ClientContext> As(const ActorView& actor, const std::string& time = "");
  // A UUIDv7 of now, another one each time.
  std::string NewRequestId();

  // Makes `content` (a reference.v1 message) the first version of its kind, in every shard.
  void LoadReference(const std::string& kind, const std::string& content);

  // A fact of another domain that a policy follows, at a business time (RFC 3339).
  void Publish(const std::string& domain, int shard, const google::protobuf::Message& fact, const std::string& time);

  // Returns once inboxes, policies and folds have come to rest.
  void Quiesce();

  // No shard is decided from here on, until Resume.
  void Pause();
  void Resume();

  // Stops the process and starts another over the same log; with `wipe`, over an empty hot state.
  void Restart(bool wipe);

  int shards() const { return log_.shards(); }
  const PersonTokens& persons() const;
  // Whose tickets the service takes and whose links it shows.
  const Attachments& attachments() const { return *attachments_; }
  // The domain's log, as a policy appends to it.
  Journal& journal() { return journal_; }
  // The topic of keys (ServiceSpec::keyed_topic), whatever its name.
  MemoryKeyedTopic& keys() { return keys_; }
  // Every byte that the log and hot state hold, the topic of keys apart: to look for what must not be there.
  std::string AllBytes();

 private:
  void Start();
  // Its hot state is whole and nothing else is read as it.
  bool CanBeRead(int shard);
  LockedJournal* JournalOf(const std::string& domain);

  // Another domain's log, as far as policies read it.
  struct Source {
    explicit Source(int shards);
    MemoryLog log;
    LockedJournal journal{&log};
    int64_t facts = 0;
  };

  const ServiceSpec spec_;
  TestIssuer issuer_;
  const std::shared_ptr<const Attachments> attachments_ = std::make_shared<const Attachments>(
      SigningKeys({std::string(32, 'k')}, "upload ticket"), S3Place{"http://city.test"}, S3Login{"links", "secret"});
  MemoryKeyedTopic keys_;
  std::unique_ptr<MemoryKeyedLog> keyed_log_;
  MemoryLog log_;
  LockedJournal journal_{&log_};
  std::map<std::string, std::unique_ptr<Source>> sources_;
  std::map<std::string, std::map<int, int64_t>> committed_;  // by policy
  MemoryRedis redis_;
  std::unique_ptr<LockedHot> hot_;
  LockedReads reads_;
  ReferenceLibrary library_;
  std::atomic<int> requests_{0};
  std::unique_ptr<ServiceProcess> process_;
};

}  // namespace civicmesh
