#include "services/runtime/journal/kafka_client.h"

#include <librdkafka/rdkafka.h>

#include <thread>

#include "services/runtime/base/names.h"

namespace civicmesh {
namespace {

absl::StatusOr<rd_kafka_s*> NewHandle(rd_kafka_type_t type, const KafkaOptions& options, KafkaProperties properties,
                                      const std::function<void(rd_kafka_conf_s*)>& prepare) {
  properties.insert(properties.end(), {{"bootstrap.servers", options.brokers},
                                       {"client.id", "civicmesh-" + options.domain},
                                       {"socket.nagle.disable", "true"},
                                       {"socket.timeout.ms", "6000"},
                                       {"reconnect.backoff.ms", "50"},
                                       {"reconnect.backoff.max.ms", "1000"}});
  properties.insert(properties.end(), options.security.begin(), options.security.end());
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char error[512];
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error, sizeof error) == RD_KAFKA_CONF_OK) continue;
    rd_kafka_conf_destroy(conf);
    return absl::InvalidArgumentError(error);
  }
  // What concerns us arrives as error events and statuses; a purge alone would log a fatal error.
  rd_kafka_conf_set_log_cb(conf, nullptr);
  prepare(conf);
  rd_kafka_t* handle = rd_kafka_new(type, conf, error, sizeof error);
  if (handle != nullptr) return handle;
  rd_kafka_conf_destroy(conf);
  return absl::UnavailableError(error);
}

}  // namespace

std::string KafkaTopicName(const std::string& domain, Topic topic) {
  switch (topic) {
    case Topic::kInbox:
      return InboxTopic(domain);
    case Topic::kJournal:
      return JournalTopic(domain);
    case Topic::kEvents:
      return EventsTopic(domain);
    case Topic::kParked:
      return ParkedTopic(domain);
  }
  return {};
}

absl::StatusOr<rd_kafka_s*> NewKafkaProducer(const KafkaOptions& options, const KafkaProperties& properties,
                                             const std::function<void(rd_kafka_conf_s*)>& prepare) {
  return NewHandle(RD_KAFKA_PRODUCER, options, properties, prepare);
}

absl::StatusOr<rd_kafka_s*> NewKafkaConsumer(const KafkaOptions& options, const KafkaProperties& properties,
                                             const std::function<void(rd_kafka_conf_s*)>& prepare) {
  auto handle = NewHandle(RD_KAFKA_CONSUMER, options, properties, prepare);
  // Error events then arrive from consumer_poll too: one queue to serve, one descriptor to wait on.
  if (handle.ok()) rd_kafka_poll_set_consumer(*handle);
  return handle;
}

KafkaProperties FetchProperties(const KafkaOptions& options, int idle_ms) {
  if (options.patience <= absl::ZeroDuration())
    return {{"fetch.min.bytes", "1"}, {"fetch.wait.max.ms", absl::StrCat(idle_ms)}};
  return {{"fetch.min.bytes", "65536"},
          {"fetch.wait.max.ms", absl::StrCat(absl::ToInt64Milliseconds(options.patience))}};
}

KafkaProperties GroupProperties(const std::string& group) {
  return {{"group.id", group},
          {"enable.auto.commit", "false"},
          {"enable.auto.offset.store", "false"},
          {"auto.offset.reset", "error"},
          {"session.timeout.ms", "6000"},
          {"heartbeat.interval.ms", "500"},
          {"partition.assignment.strategy", "range"},
          {"topic.metadata.refresh.interval.ms", "5000"}};
}

bool IsSideConnection(const std::string& reason) {
  return reason.find("/bootstrap:") != std::string::npos || reason.rfind("GroupCoordinator", 0) == 0;
}

void KafkaReaper::Run(std::function<void()> work) {
  {
    absl::MutexLock lock(&state_->mutex);
    ++state_->running;
  }
  std::thread([state = state_, work = std::move(work)]() mutable {
    work();
    work = nullptr;
    absl::MutexLock lock(&state->mutex);
    --state->running;
  }).detach();
}

void KafkaReaper::Destroy(rd_kafka_s* handle, std::shared_ptr<void> keeps) {
  Run([handle, keeps = std::move(keeps)] { rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE); });
}

KafkaReaper::~KafkaReaper() {
  absl::MutexLock lock(&state_->mutex);
  auto none_runs = [](State* state) { return state->running == 0; };
  state_->mutex.AwaitWithTimeout(absl::Condition(+none_runs, state_.get()), bound_);
}

}  // namespace civicmesh
