// What the kafka_* files share around librdkafka's handles: making one, and ending one within a bound. Private to them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/runtime/journal/journal.h"
#include "services/runtime/journal/kafka_options.h"

struct rd_kafka_s;
struct rd_kafka_conf_s;

namespace civicmesh {

// The name of one of the domain's topics.
std::string KafkaTopicName(const std::string& domain, Topic topic);

using KafkaProperties = std::vector<std::pair<std::string, std::string>>;

// A new handle. `prepare` sets callbacks and the opaque. INVALID_ARGUMENT: a property is refused; UNAVAILABLE: the
// machine has no room for another handle.
absl::StatusOr<rd_kafka_s*> NewKafkaProducer(const KafkaOptions& options, const KafkaProperties& properties,
                                             const std::function<void(rd_kafka_conf_s*)>& prepare);
absl::StatusOr<rd_kafka_s*> NewKafkaConsumer(const KafkaOptions& options, const KafkaProperties& properties,
                                             const std::function<void(rd_kafka_conf_s*)>& prepare);

// When the broker answers a consumer's fetch: at once where there is a record and nobody told it to be patient, and
// after `idle_ms` where there is none.
KafkaProperties FetchProperties(const KafkaOptions& options, int idle_ms);

// Those of every consumer that joins a group (R15).
KafkaProperties GroupProperties(const std::string& group);

// True where an error event with this text concerns a connection that carries no records: the one to the address given
// at start, or to the group's coordinator.
bool IsSideConnection(const std::string& reason);

// Threads that end on their own, such as the one in which a handle is destroyed: librdkafka may take seconds for it
// while brokers are away, and its callers may not wait. The destructor waits for them, at most `bound`, and leaves what
// is not done by then to the end of the process. Thread-safe.
class KafkaReaper {
 public:
  explicit KafkaReaper(absl::Duration bound) : bound_(bound), state_(std::make_shared<State>()) {}
  ~KafkaReaper();
  KafkaReaper(const KafkaReaper&) = delete;
  KafkaReaper& operator=(const KafkaReaper&) = delete;

  // Runs `work` on a thread of its own.
  void Run(std::function<void()> work);
  // Destroys `handle` on a thread of its own, then lets go of `keeps`.
  void Destroy(rd_kafka_s* handle, std::shared_ptr<void> keeps);

 private:
  struct State {
    absl::Mutex mutex;
    int running = 0;
  };
  const absl::Duration bound_;
  std::shared_ptr<State> state_;
};

}  // namespace civicmesh
