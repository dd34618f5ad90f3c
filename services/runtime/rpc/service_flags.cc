#include "services/runtime/rpc/service_flags.h"

#include <grpc/support/log.h>
#include <signal.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/runtime/base/log.h"
#include "services/runtime/base/names.h"
#include "services/runtime/base/secrets.h"
#include "services/runtime/journal/kafka_security.h"
#include "services/runtime/journal/kafka_topics.h"

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

std::string SecretOrExit(const char* name) {
  auto secret = SecretFromEnvironment(name);
  if (secret.ok()) return *std::move(secret);
  Log(Severity::kError, "refuses to start", {{"why", std::string(secret.status().message())}});
  std::exit(1);
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
using civicmesh::SecretOrExit;
using civicmesh::TextOr;
ABSL_FLAG(std::string, listen, TextOr("CIVICMESH_LISTEN", ""), "where gRPC listens, as unix:/run/dispatch.sock");
ABSL_FLAG(std::string, kafka, TextOr("CIVICMESH_KAFKA", ""), "host:port,host:port");
ABSL_FLAG(std::string, redis, TextOr("CIVICMESH_REDIS", ""), "unix:/path or host:port, comma-separated");
ABSL_FLAG(std::string, kafka_security_file, TextOr("CIVICMESH_KAFKA_SECURITY_FILE", ""),
          "user, password and TLS for Kafka (kafka_security.h)");
ABSL_FLAG(std::string, redis_login_file, TextOr("CIVICMESH_REDIS_LOGIN_FILE", ""),
          "user and password for Redis (redis_login.h)");
ABSL_FLAG(int, shards, NumberOr("CIVICMESH_SHARDS", 8), "the number of shards of this installation");
ABSL_FLAG(std::string, clock, TextOr("CIVICMESH_CLOCK", "real"), "real or driven");
ABSL_FLAG(std::string, jwks, TextOr("CIVICMESH_JWKS", ""), "the JSON Web Key Set: a file, or its https:// URL");
ABSL_FLAG(absl::Duration, jwks_every, absl::Seconds(NumberOr("CIVICMESH_JWKS_EVERY_S", 300)),
          "how often the URL is asked");
ABSL_FLAG(absl::Duration, jwks_good_for, absl::Seconds(NumberOr("CIVICMESH_JWKS_GOOD_FOR_S", 24 * 3600)),
          "for how long the last good set is believed while the URL brings none");
ABSL_FLAG(std::string, jwks_kept_in, TextOr("CIVICMESH_JWKS_KEPT_IN", ""),
          "a file in which the last good set outlives this process; nobody else may write it");
ABSL_FLAG(std::string, jwks_authorities, TextOr("CIVICMESH_JWKS_AUTHORITIES", ""),
          "a PEM file with who may certify the URL's server; the machine's own where there is none");
ABSL_FLAG(std::string, issuer, TextOr("CIVICMESH_ISSUER", ""), "who signs tokens");
ABSL_FLAG(std::string, audience, TextOr("CIVICMESH_AUDIENCE", ""), "the audience of clients of any kind");
ABSL_FLAG(std::string, citizen_audience, TextOr("CIVICMESH_CITIZEN_AUDIENCE", ""), "that of citizens' apps alone");
ABSL_FLAG(std::string, staff_audience, TextOr("CIVICMESH_STAFF_AUDIENCE", ""), "that of the console");
ABSL_FLAG(std::string, agency_audience, TextOr("CIVICMESH_AGENCY_AUDIENCE", ""), "that of other agencies and systems");
ABSL_FLAG(int, agency_quota, NumberOr("CIVICMESH_AGENCY_QUOTA", 3000),
          "calls a minute of an agency without a quota of its own, of each replica");
ABSL_FLAG(bool, development_tokens, NumberOr("CIVICMESH_DEVELOPMENT_TOKENS", 0) != 0,
          "believe a token that says what its subject may; never in production");
ABSL_FLAG(bool, production, NumberOr("CIVICMESH_PRODUCTION", 0) != 0, "refuse what only development may have");
ABSL_FLAG(std::string, body_key, SecretOrExit("CIVICMESH_BODY_KEY"), "the key of body hashes");
ABSL_FLAG(std::string, person_key, SecretOrExit("CIVICMESH_PERSON_KEY"), "the key of persons' tokens");
ABSL_FLAG(int, max_in_flight, NumberOr("CIVICMESH_MAX_IN_FLIGHT", 2000), "commands waiting for their answer at most");
ABSL_FLAG(int, max_per_actor, NumberOr("CIVICMESH_MAX_PER_ACTOR", 64), "the same per caller");
ABSL_FLAG(absl::Duration, reply_wait, absl::Milliseconds(NumberOr("CIVICMESH_REPLY_WAIT_MS", 5000)),
          "how long a call waits for its answer at most");
ABSL_FLAG(bool, reflection, NumberOr("CIVICMESH_REFLECTION", 0) != 0, "serve gRPC reflection");

namespace civicmesh {
namespace {

constexpr int kRefusalsBelieved = 3;

sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

bool IsUrl(const std::string& place) { return place.rfind("http://", 0) == 0 || place.rfind("https://", 0) == 0; }

absl::Status CheckKeySet(const std::string& place) {
  if (absl::GetFlag(FLAGS_agency_quota) < 1) return absl::InvalidArgumentError("--agency_quota is at least 1");
  if (!IsUrl(place)) return absl::OkStatus();
  if (place.find('@') != std::string::npos) return absl::InvalidArgumentError("--jwks: a URL without a password");
  if (absl::GetFlag(FLAGS_production) && place.rfind("https://", 0) != 0)
    return absl::InvalidArgumentError("--jwks over http:// and --production exclude each other");
  if (absl::GetFlag(FLAGS_jwks_every) < absl::Seconds(1) ||
      absl::GetFlag(FLAGS_jwks_good_for) <= absl::GetFlag(FLAGS_jwks_every))
    return absl::InvalidArgumentError("--jwks_every is at least a second, and less than --jwks_good_for");
  return absl::OkStatus();
}

IssuerKeysOptions IssuerKeysFromFlags() {
  const std::string place = absl::GetFlag(FLAGS_jwks);
  return {.url = IsUrl(place) ? place : "",
          .every = absl::GetFlag(FLAGS_jwks_every),
          .good_for = absl::GetFlag(FLAGS_jwks_good_for),
          .kept_in = absl::GetFlag(FLAGS_jwks_kept_in)};
}

// Empty where it cannot be read; the token verifier then says what is missing.
std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::map<std::string, ClientKind> AudiencesFromFlags() {
  std::map<std::string, ClientKind> audiences = {{absl::GetFlag(FLAGS_citizen_audience), ClientKind::kCitizen},
                                                 {absl::GetFlag(FLAGS_staff_audience), ClientKind::kStaff},
                                                 {absl::GetFlag(FLAGS_agency_audience), ClientKind::kAgency}};
  audiences.erase("");
  return audiences;
}

// What gRPC has to say becomes a line of our log.
void LogOfGrpc(gpr_log_func_args* said) {
  const Severity severity = said->severity == GPR_LOG_SEVERITY_ERROR ? Severity::kError : Severity::kInfo;
  Log(severity, "gRPC", {{"what", said->message}, {"file", said->file}, {"line", said->line}});
}

// Read whenever it is asked for; CheckFlags has seen that it can be.
absl::StatusOr<std::map<std::string, std::string>> KafkaSecurity() {
  const std::string path = absl::GetFlag(FLAGS_kafka_security_file);
  if (path.empty()) return std::map<std::string, std::string>{};
  return ReadKafkaSecurity(path);
}

absl::StatusOr<RedisLogin> Login() {
  const std::string path = absl::GetFlag(FLAGS_redis_login_file);
  if (path.empty()) return RedisLogin{};
  return ReadRedisLogin(path);
}

absl::Status CheckFlags(bool listens) {
  const std::string clock = absl::GetFlag(FLAGS_clock);
  if (clock != "real" && clock != "driven") return absl::InvalidArgumentError("--clock is real or driven");
  if (listens && absl::GetFlag(FLAGS_listen).empty()) return absl::InvalidArgumentError("--listen is missing");
  if (absl::GetFlag(FLAGS_kafka).empty()) return absl::InvalidArgumentError("--kafka is missing");
  if (absl::GetFlag(FLAGS_shards) < 1 || absl::GetFlag(FLAGS_shards) > 1024)
    return absl::InvalidArgumentError("--shards is 1 to 1024");
  if (absl::GetFlag(FLAGS_production) && clock == "driven")
    return absl::InvalidArgumentError("--clock=driven and --production exclude each other");
  if (absl::GetFlag(FLAGS_production) && absl::GetFlag(FLAGS_development_tokens))
    return absl::InvalidArgumentError("--development_tokens and --production exclude each other");
  if (auto keys = CheckKeySet(absl::GetFlag(FLAGS_jwks)); !keys.ok()) return keys;
  if (auto security = KafkaSecurity(); !security.ok()) return security.status();
  return Login().status();
}

}  // namespace

absl::Status BeginService(int argc, char** argv, const std::string& name, bool listens) {
  absl::ParseCommandLine(argc, argv);
  // Debian builds Abseil as for debugging: every lock, also within gRPC, would keep a graph of who holds what.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  SetLogService(name);
  gpr_set_log_function(LogOfGrpc);
  const sigset_t stop = StopSignals();
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  signal(SIGPIPE, SIG_IGN);
  absl::Status checked = CheckFlags(listens);
  if (checked.ok() && absl::GetFlag(FLAGS_clock) == "driven")
    Log(Severity::kWarning, "the clock is driven: never so in production");
  if (checked.ok() && absl::GetFlag(FLAGS_development_tokens))
    Log(Severity::kWarning, "tokens may say what their subject may: never so in production");
  return checked;
}

bool IsProduction() { return absl::GetFlag(FLAGS_production); }

ProcessOptions OptionsFromFlags() {
  return {.listen = absl::GetFlag(FLAGS_listen),
          .shards = absl::GetFlag(FLAGS_shards),
          .driven_clock = absl::GetFlag(FLAGS_clock) == "driven",
          .reflection = absl::GetFlag(FLAGS_reflection),
          .max_in_flight = absl::GetFlag(FLAGS_max_in_flight),
          .max_per_actor = absl::GetFlag(FLAGS_max_per_actor),
          .reply_wait = absl::GetFlag(FLAGS_reply_wait),
          .jwks = ReadFile(absl::GetFlag(FLAGS_jwks)),
          .read_jwks = [path = absl::GetFlag(FLAGS_jwks)] { return ReadFile(path); },
          .issuer_keys = IssuerKeysFromFlags(),
          .issuer_authorities = absl::GetFlag(FLAGS_jwks_authorities),
          .issuer = absl::GetFlag(FLAGS_issuer),
          .audience = absl::GetFlag(FLAGS_audience),
          .audiences = AudiencesFromFlags(),
          .development_tokens = absl::GetFlag(FLAGS_development_tokens),
          .agency_per_minute = absl::GetFlag(FLAGS_agency_quota),
          .body_key = absl::GetFlag(FLAGS_body_key),
          .person_key = absl::GetFlag(FLAGS_person_key)};
}

KafkaOptions KafkaFromFlags(const std::string& domain) {
  return {.brokers = absl::GetFlag(FLAGS_kafka),
          .domain = domain,
          .shards = absl::GetFlag(FLAGS_shards),
          .security = KafkaSecurity().value_or(std::map<std::string, std::string>{})};
}

KafkaOptions ReferenceFromFlags() {
  KafkaOptions reference = KafkaFromFlags("reference");
  reference.shards = 1;
  return reference;
}

std::vector<std::string> RedisFromFlags() { return absl::StrSplit(absl::GetFlag(FLAGS_redis), ',', absl::SkipEmpty()); }

RedisLogin RedisLoginFromFlags() { return Login().value_or(RedisLogin{}); }

bool WaitForStop(int64_t nanos) {
  const sigset_t set = StopSignals();
  const timespec wait{.tv_sec = nanos / 1000000000, .tv_nsec = nanos % 1000000000};
  return sigtimedwait(&set, nullptr, &wait) > 0;
}

absl::Status CheckTopicsPatiently(const KafkaOptions& options, const std::vector<TopicSpec>& more) {
  std::vector<TopicSpec> topics = TopicsOf(options);
  topics.insert(topics.end(), more.begin(), more.end());
  topics.push_back({.name = ReferenceTopic(), .partitions = 1});
  for (int refused = 0;;) {
    absl::Status checked = CheckTopics(options, topics);
    // One that is just going away looks for a moment like one that lets nobody in.
    const bool doubtful = absl::IsUnauthenticated(checked) && ++refused < kRefusalsBelieved;
    if (!absl::IsUnavailable(checked) && !doubtful) return checked;
    Log(Severity::kWarning, "waits for Kafka", {{"why", std::string(checked.message())}});
    if (WaitForStop(1000000000)) return absl::CancelledError("asked to stop");
  }
}

int RefuseToStart(const absl::Status& why) {
  Log(Severity::kError, "refuses to start", {{"why", std::string(why.message())}});
  return 1;
}

}  // namespace civicmesh
