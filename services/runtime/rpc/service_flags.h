// What the mains of all services share: the flags of run_service.h, the signals that end a process, waiting for Kafka.
//
// One thread, the one that runs main.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/runtime/hotstate/redis_login.h"
#include "services/runtime/journal/kafka_options.h"
#include "services/runtime/journal/kafka_topics.h"
#include "services/runtime/rpc/service_process.h"

namespace civicmesh {

// Parses the command line and names the log. From here on only WaitForStop sees SIGTERM and SIGINT, so no thread may
// exist before. INVALID_ARGUMENT: what every service needs is missing or wrong. `listens`: false for a program that
// nobody calls.
absl::Status BeginService(int argc, char** argv, const std::string& name, bool listens = true);

// Whether this is a city's own installation: no driven clock, no development tokens, no built-in keys.
bool IsProduction();

// As the flags say. Empty secrets are left empty; a key set that cannot be read is an empty text.
ProcessOptions OptionsFromFlags();
KafkaOptions KafkaFromFlags(const std::string& domain);
// The patience of who does what nobody waits for.
inline constexpr absl::Duration kUnwaitedFor = absl::Milliseconds(500);
KafkaOptions ReferenceFromFlags();
// Empty where the flag is not set.
std::vector<std::string> RedisFromFlags();
RedisLogin RedisLoginFromFlags();

// Waits so long; true at once where somebody wants the process to stop.
bool WaitForStop(int64_t nanos);

// CheckTopics (kafka_topics.h) of the domain's topics, the reference topic and `more`, waiting while Kafka is away:
// services and broker may start at once. CANCELLED: asked to stop meanwhile. UNAUTHENTICATED: it has refused us, three
// times.
absl::Status CheckTopicsPatiently(const KafkaOptions& options, const std::vector<TopicSpec>& more = {});

// Says why on standard error; what main then returns.
int RefuseToStart(const absl::Status& why);

}  // namespace civicmesh
