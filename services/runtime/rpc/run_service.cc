#include "services/runtime/rpc/run_service.h"

#include <unistd.h>

#include <atomic>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "services/runtime/base/log.h"
#include "services/runtime/base/names.h"
#include "services/runtime/base/person_tokens.h"
#include "services/runtime/base/secrets.h"
#include "services/runtime/hotstate/redis_check.h"
#include "services/runtime/hotstate/redis_hot_state.h"
#include "services/runtime/hotstate/redis_once.h"
#include "services/runtime/hotstate/redis_replies.h"
#include "services/runtime/journal/kafka_group_reader.h"
#include "services/runtime/journal/kafka_journal.h"
#include "services/runtime/journal/kafka_keyed_log.h"
#include "services/runtime/journal/kafka_membership.h"
#include "services/runtime/objects/attachments.h"
#include "services/runtime/rpc/hot_reads_thread.h"
#include "services/runtime/rpc/people.h"
#include "services/runtime/rpc/service_flags.h"
#include "services/runtime/rpc/service_process.h"
#include "services/runtime/shard/reference_reader.h"

namespace civicmesh {
namespace {

constexpr char kDevelopmentKey[] = "civicmesh-development";
constexpr absl::Duration kAppendTimeout = absl::Seconds(3);
constexpr absl::Duration kDrainPatience = absl::Seconds(5);
constexpr absl::Duration kLeavePatience = absl::Seconds(2);
constexpr absl::Duration kPolicies = absl::Milliseconds(100);
constexpr int64_t kTickNanos = 100 * 1000 * 1000;
constexpr int kExitStuck = 70;

// The log of another domain of the same installation.
KafkaOptions SourceOf(KafkaOptions ours, const std::string& domain) {
  ours.domain = domain;
  return ours;
}

std::string NewReplicaName() {
  std::random_device random;
  return absl::StrCat(absl::Hex(random(), absl::kZeroPad8), absl::Hex(random(), absl::kZeroPad8));
}

// What only a domain needs.
absl::Status CheckDomain(const ServiceSpec& spec) {
  if (RedisFromFlags().empty()) return absl::InvalidArgumentError("--redis is missing");
  if (spec.domain.empty() || !spec.machines || !spec.services)
    return absl::InvalidArgumentError("the service's spec is not complete");
  return absl::OkStatus();
}

absl::Status CheckSecrets(const ServiceSpec& spec, const ProcessOptions& options) {
  if (!IsProduction()) return absl::OkStatus();
  std::vector<std::string> missing;
  if (options.body_key.empty()) missing.push_back("CIVICMESH_BODY_KEY");
  if (options.person_key.empty()) missing.push_back("CIVICMESH_PERSON_KEY");
  for (const std::string& name : spec.secrets) {
    const auto secret = SecretFromEnvironment(name);
    if (!secret.ok()) return secret.status();
    if (secret->empty()) missing.push_back(name);
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("production needs ", absl::StrJoin(missing, ", ")));
}

}  // namespace

int RunService(int argc, char** argv, ServiceSpec spec) {
  if (auto begun = BeginService(argc, argv, spec.domain); !begun.ok()) return RefuseToStart(begun);
  if (auto complete = CheckDomain(spec); !complete.ok()) return RefuseToStart(complete);
  ProcessOptions options = OptionsFromFlags();
  if (auto kept = CheckSecrets(spec, options); !kept.ok()) return RefuseToStart(kept);
  auto attachments = Attachments::FromEnvironment();
  if (!attachments.ok()) return RefuseToStart(attachments.status());
  options.attachments = *std::move(attachments);
  if (options.body_key.empty()) {
    Log(Severity::kWarning, "body hashes are made with the development key: set CIVICMESH_BODY_KEY");
    options.body_key = kDevelopmentKey;
  }
  if (options.person_key.empty()) {
    Log(Severity::kWarning, "persons' tokens are made with the development key: set CIVICMESH_PERSON_KEY");
    options.person_key = PersonTokens::kDevelopmentKey;
  }

  const KafkaOptions kafka = KafkaFromFlags(spec.domain);
  std::vector<TopicSpec> keyed;
  if (!spec.keyed_topic.empty())
    keyed.push_back(
        {.name = spec.keyed_topic, .partitions = kafka.shards, .compaction_lag_ms = spec.keyed_topic_lag_ms});
  if (auto topics = CheckTopicsPatiently(kafka, keyed); !topics.ok()) return RefuseToStart(topics);
  const RedisOptions redis{.servers = RedisFromFlags(),
                           .login = RedisLoginFromFlags(),
                           .domain = spec.domain,
                           .fold_version = spec.fold_version};
  if (auto checked = CheckRedis(redis.servers, redis.login); !checked.ok()) return RefuseToStart(checked);

  KafkaJournal journal(kafka);
  KafkaJournal reference_journal(ReferenceFromFlags());
  std::unique_ptr<KafkaKeyedLog> keys;
  if (!spec.keyed_topic.empty()) keys = std::make_unique<KafkaKeyedLog>(kafka, spec.keyed_topic);
  ReferenceLibrary library(WithRoster(spec.references));
  ReferenceReader reference_reader(&reference_journal, &library);
  RedisHotState hot(redis);
  HotReadsThread reads(std::make_unique<RedisHotState>(redis));
  RedisOnce once(redis.servers, redis.login);
  std::vector<std::unique_ptr<KafkaJournal>> plain_sources;
  std::unique_ptr<KafkaMembership> membership;
  const std::string reply_to = ReplyChannel(spec.domain, NewReplicaName());
  const bool driven = options.driven_clock;
  std::atomic<ServiceProcess*> running{nullptr};
  const auto heard = [&](std::string_view reply) {
    if (ServiceProcess* process = running) process->OnReply(reply);
  };
  RedisReplies replies(redis.servers, reply_to, heard, redis.login);
  Backends backends{.journal = &journal,
                    .keys = keys.get(),
                    .new_appender = [&] { return journal.NewHandlerAppender(kAppendTimeout); },
                    .hot = &hot,
                    .reads = &reads,
                    .once = &once,
                    .references = &library,
                    .reply_to = reply_to,
                    .send_reply = [&](int shard, const std::string& channel,
                                      std::string reply) { replies.Send(shard, channel, std::move(reply)); },
                    .group_reader =
                        [&](const PolicySpec& policy) {
                          KafkaOptions source = SourceOf(kafka, policy.source_domain);
                          // What is done outside the log nobody waits for; what commands lead to a person may wait for,
                          // and a driven clock for every one of them.
                          source.patience = policy.act ? kUnwaitedFor : driven ? absl::ZeroDuration() : kPolicies;
                          return std::make_unique<KafkaGroupReader>(source, PolicyGroup(kafka.domain, policy.name));
                        },
                    .plain_reader =
                        [&](const std::string& source) {
                          plain_sources.push_back(std::make_unique<KafkaJournal>(SourceOf(kafka, source)));
                          return plain_sources.back()->NewReader();
                        },
                    .health = [&] { return membership ? membership->Health() : absl::OkStatus(); }};
  const std::string listen = options.listen;
  auto process = ServiceProcess::Start(std::move(spec), std::move(options), std::move(backends));
  if (!process.ok()) return RefuseToStart(process.status());
  running = process->get();
  membership = std::make_unique<KafkaMembership>(kafka, [&](std::set<int> shards) {
    Log(Severity::kInfo, "assigned", {{"shards", static_cast<int64_t>(shards.size())}});
    (*process)->SetAssigned(std::move(shards));
  });
  Log(Severity::kInfo, "started", {{"listen", listen}});

  while (!WaitForStop(kTickNanos)) {
    const absl::Status alive = (*process)->Tick();
    if (alive.ok()) continue;
    Log(Severity::kError, "ends", {{"why", std::string(alive.message())}});
    _exit(kExitStuck);
  }
  Log(Severity::kInfo, "drains");
  (*process)->Drain(kDrainPatience);
  membership->Close(kLeavePatience).IgnoreError();  // the group finds out by itself
  Log(Severity::kInfo, "stopped");
  // Clients' threads may hang in a broker that is away; everything that matters is done.
  _exit(0);
}

}  // namespace civicmesh
