#include "services/runtime/rpc/run_service.h"

#include <signal.h>
#include <unistd.h>

#include <cctype>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "services/runtime/base/log.h"
#include "services/runtime/base/names.h"
#include "services/runtime/hotstate/redis_hot_state.h"
#include "services/runtime/journal/kafka_group_reader.h"
#include "services/runtime/journal/kafka_journal.h"
#include "services/runtime/journal/kafka_membership.h"
#include "services/runtime/journal/kafka_topics.h"
#include "services/runtime/rpc/hot_reads_thread.h"
#include "services/runtime/rpc/service_process.h"
#include "services/runtime/shard/reference_reader.h"

namespace civicmesh {
namespace {

const char* Environment(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? value : nullptr;
}

std::string TextOr(const char* name, const char* otherwise) {
  const char* value = Environment(name);
  return value ? value : otherwise;
}

int NumberOr(const char* name, int otherwise) {
  int value = otherwise;
  if (const char* text = Environment(name); text && !absl::SimpleAtoi(text, &value)) {
    Log(Severity::kError, "not a number in the environment", {{"name", name}});
    std::exit(1);
  }
  return value;
}

}  // namespace
}  // namespace civicmesh

using civicmesh::NumberOr;
using civicmesh::TextOr;
ABSL_FLAG(std::string, listen, TextOr("CIVICMESH_LISTEN", ""), "where gRPC listens, as unix:/run/dispatch.sock");
ABSL_FLAG(std::string, kafka, TextOr("CIVICMESH_KAFKA", ""), "host:port,host:port");
ABSL_FLAG(std::string, redis, TextOr("CIVICMESH_REDIS", ""), "unix:/path or host:port, comma-separated");
ABSL_FLAG(int, shards, NumberOr("CIVICMESH_SHARDS", 8), "the number of shards of this installation");
ABSL_FLAG(std::string, clock, TextOr("CIVICMESH_CLOCK", "real"), "real or driven");
ABSL_FLAG(std::string, jwks, TextOr("CIVICMESH_JWKS", ""), "a file with the JSON Web Key Set");
ABSL_FLAG(std::string, issuer, TextOr("CIVICMESH_ISSUER", ""), "who signs tokens");
ABSL_FLAG(std::string, audience, TextOr("CIVICMESH_AUDIENCE", ""), "for whom tokens are");
ABSL_FLAG(std::string, body_key, TextOr("CIVICMESH_BODY_KEY", ""), "the key of body hashes");
ABSL_FLAG(int, max_in_flight, NumberOr("CIVICMESH_MAX_IN_FLIGHT", 2000), "commands waiting for their answer at most");
ABSL_FLAG(int, max_per_actor, NumberOr("CIVICMESH_MAX_PER_ACTOR", 64), "the same per caller");
ABSL_FLAG(absl::Duration, reply_wait, absl::Milliseconds(NumberOr("CIVICMESH_REPLY_WAIT_MS", 5000)),
          "how long a call waits for its answer at most");
ABSL_FLAG(bool, reflection, NumberOr("CIVICMESH_REFLECTION", 0) != 0, "serve gRPC reflection");

namespace civicmesh {
namespace {

constexpr char kDevelopmentKey[] = "civicmesh-development";
constexpr absl::Duration kAppendTimeout = absl::Seconds(3);
constexpr absl::Duration kDrainPatience = absl::Seconds(5);
constexpr absl::Duration kLeavePatience = absl::Seconds(2);
constexpr int64_t kTickNanos = 100 * 1000 * 1000;
constexpr int kExitStuck = 70;

int RefuseToStart(const absl::Status& why) {
  Log(Severity::kError, "refuses to start", {{"why", std::string(why.message())}});
  return 1;
}

sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

// True: somebody wants the process to stop.
bool WaitForStop(int64_t nanos) {
  const sigset_t set = StopSignals();
  const timespec wait{.tv_sec = nanos / 1000000000, .tv_nsec = nanos % 1000000000};
  return sigtimedwait(&set, nullptr, &wait) > 0;
}

// Empty where it cannot be read; the token verifier then says what is missing.
std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Waits while Kafka is away: services and broker may start at once.
absl::Status CheckTopicsPatiently(const KafkaOptions& options) {
  while (true) {
    absl::Status checked = CheckTopics(options);
    if (!absl::IsUnavailable(checked)) return checked;
    Log(Severity::kWarning, "waits for Kafka", {{"why", std::string(checked.message())}});
    if (WaitForStop(1000000000)) return absl::CancelledError("asked to stop");
  }
}

// The log of another domain of the same installation.
KafkaOptions SourceOf(KafkaOptions ours, const std::string& domain) {
  ours.domain = domain;
  return ours;
}

std::string NewReplicaName() {
  std::random_device random;
  return absl::StrCat(absl::Hex(random(), absl::kZeroPad8), absl::Hex(random(), absl::kZeroPad8));
}

ProcessOptions OptionsFromFlags() {
  ProcessOptions options{.listen = absl::GetFlag(FLAGS_listen),
                         .shards = absl::GetFlag(FLAGS_shards),
                         .driven_clock = absl::GetFlag(FLAGS_clock) == "driven",
                         .reflection = absl::GetFlag(FLAGS_reflection),
                         .max_in_flight = absl::GetFlag(FLAGS_max_in_flight),
                         .max_per_actor = absl::GetFlag(FLAGS_max_per_actor),
                         .reply_wait = absl::GetFlag(FLAGS_reply_wait),
                         .jwks = ReadFile(absl::GetFlag(FLAGS_jwks)),
                         .issuer = absl::GetFlag(FLAGS_issuer),
                         .audience = absl::GetFlag(FLAGS_audience),
                         .body_key = absl::GetFlag(FLAGS_body_key)};
  if (options.body_key.empty()) {
    Log(Severity::kWarning, "body hashes are made with the development key: set CIVICMESH_BODY_KEY");
    options.body_key = kDevelopmentKey;
  }
  return options;
}

absl::Status CheckFlags(const ServiceSpec& spec) {
  const std::string clock = absl::GetFlag(FLAGS_clock);
  if (clock != "real" && clock != "driven") return absl::InvalidArgumentError("--clock is real or driven");
  if (absl::GetFlag(FLAGS_listen).empty()) return absl::InvalidArgumentError("--listen is missing");
  if (absl::GetFlag(FLAGS_kafka).empty()) return absl::InvalidArgumentError("--kafka is missing");
  if (absl::GetFlag(FLAGS_redis).empty()) return absl::InvalidArgumentError("--redis is missing");
  if (absl::GetFlag(FLAGS_shards) < 1 || absl::GetFlag(FLAGS_shards) > 1024)
    return absl::InvalidArgumentError("--shards is 1 to 1024");
  if (spec.domain.empty() || !spec.machines || !spec.services)
    return absl::InvalidArgumentError("the service's spec is not complete");
  return absl::OkStatus();
}

}  // namespace

int RunService(int argc, char** argv, ServiceSpec spec) {
  absl::ParseCommandLine(argc, argv);
  SetLogService(spec.domain);
  // Before any thread exists, so that only WaitForStop ever sees these signals.
  const sigset_t stop = StopSignals();
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  signal(SIGPIPE, SIG_IGN);
  if (auto flags = CheckFlags(spec); !flags.ok()) return RefuseToStart(flags);
  ProcessOptions options = OptionsFromFlags();
  if (options.driven_clock) Log(Severity::kWarning, "the clock is driven: never so in production");

  const KafkaOptions kafka{.brokers = absl::GetFlag(FLAGS_kafka), .domain = spec.domain, .shards = options.shards};
  if (auto topics = CheckTopicsPatiently(kafka); !topics.ok()) return RefuseToStart(topics);
  const RedisOptions redis{.servers = absl::StrSplit(absl::GetFlag(FLAGS_redis), ','),
                           .domain = spec.domain,
                           .fold_version = spec.fold_version};

  KafkaJournal journal(kafka);
  KafkaJournal reference_journal({.brokers = kafka.brokers, .domain = "reference", .shards = 1});
  ReferenceLibrary library(spec.references);
  ReferenceReader reference_reader(&reference_journal, &library);
  RedisHotState hot(redis);
  HotReadsThread reads(std::make_unique<RedisHotState>(redis));
  std::vector<std::unique_ptr<KafkaJournal>> plain_sources;
  std::unique_ptr<KafkaMembership> membership;
  Backends backends{.journal = &journal,
                    .new_appender = [&] { return journal.NewHandlerAppender(kAppendTimeout); },
                    .hot = &hot,
                    .reads = &reads,
                    .references = &library,
                    .reply_to = ReplyChannel(spec.domain, NewReplicaName()),
                    .group_reader =
                        [&](const PolicySpec& policy) {
                          return std::make_unique<KafkaGroupReader>(SourceOf(kafka, policy.source_domain),
                                                                    PolicyGroup(kafka.domain, policy.name));
                        },
                    .plain_reader =
                        [&](const std::string& source) {
                          plain_sources.push_back(std::make_unique<KafkaJournal>(SourceOf(kafka, source)));
                          return plain_sources.back()->NewReader();
                        },
                    .health = [&] { return membership ? membership->Health() : absl::OkStatus(); }};
  auto process = ServiceProcess::Start(std::move(spec), std::move(options), std::move(backends));
  if (!process.ok()) return RefuseToStart(process.status());
  membership = std::make_unique<KafkaMembership>(kafka, [&](std::set<int> shards) {
    Log(Severity::kInfo, "assigned", {{"shards", static_cast<int64_t>(shards.size())}});
    (*process)->SetAssigned(std::move(shards));
  });
  Log(Severity::kInfo, "started", {{"listen", absl::GetFlag(FLAGS_listen)}});

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
