#include "services/runtime/journal/kafka_keyed_log.h"

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/runtime/base/names.h"
#include "services/runtime/journal/kafka_client.h"

namespace civicmesh {
namespace {

constexpr int kDeliveryPollMs = 100;
constexpr int kFlushMs = 2000;

// One answer that is owed; librdkafka carries the pointer.
struct Owed {
  KeyedLog::Done done;
};

void OnDelivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  std::unique_ptr<Owed> owed(static_cast<Owed*>(message->_private));
  owed->done(message->err ? absl::UnavailableError(rd_kafka_err2str(message->err)) : absl::OkStatus());
}

}  // namespace

struct KafkaKeyedLog::Impl {
  std::string topic;
  int partitions = 0;
  absl::StatusOr<rd_kafka_t*> producer = absl::UnavailableError("no producer");
  absl::StatusOr<rd_kafka_t*> consumer = absl::UnavailableError("no consumer");
  std::atomic<bool> stop{false};
  std::thread deliveries;

  void Assign();
};

// A compacted topic has holes, and its beginning is always a good place to start from: reading anew changes nothing.
void KafkaKeyedLog::Impl::Assign() {
  if (!consumer.ok()) return;
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(partitions);
  for (int i = 0; i < partitions; ++i)
    rd_kafka_topic_partition_list_add(list, topic.c_str(), i)->offset = RD_KAFKA_OFFSET_BEGINNING;
  rd_kafka_assign(*consumer, list);
  rd_kafka_topic_partition_list_destroy(list);
}

KafkaKeyedLog::KafkaKeyedLog(const KafkaOptions& options, std::string topic, absl::Duration put_timeout)
    : impl_(std::make_unique<Impl>()) {
  impl_->topic = std::move(topic);
  impl_->partitions = options.shards;
  impl_->producer = NewKafkaProducer(options,
                                     {{"acks", "all"},
                                      {"enable.idempotence", "true"},
                                      {"linger.ms", "0"},
                                      {"message.timeout.ms", absl::StrCat(absl::ToInt64Milliseconds(put_timeout))}},
                                     [](rd_kafka_conf_t* conf) { rd_kafka_conf_set_dr_msg_cb(conf, OnDelivery); });
  impl_->consumer = NewKafkaConsumer(options,
                                     {{"group.id", ReadersGroup(options.domain)},
                                      {"enable.auto.commit", "false"},
                                      {"enable.auto.offset.store", "false"},
                                      {"auto.offset.reset", "earliest"},
                                      {"enable.partition.eof", "true"},
                                      {"check.crcs", "true"}},
                                     [](rd_kafka_conf_t*) {});
  impl_->Assign();
  if (!impl_->producer.ok()) return;
  impl_->deliveries = std::thread([impl = impl_.get()] {
    while (!impl->stop) rd_kafka_poll(*impl->producer, kDeliveryPollMs);
  });
}

KafkaKeyedLog::~KafkaKeyedLog() {
  impl_->stop = true;
  if (impl_->deliveries.joinable()) impl_->deliveries.join();
  if (impl_->producer.ok()) {
    rd_kafka_purge(*impl_->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(*impl_->producer, kFlushMs);  // answers what was purged
    rd_kafka_destroy(*impl_->producer);
  }
  if (impl_->consumer.ok()) rd_kafka_destroy_flags(*impl_->consumer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

int KafkaKeyedLog::partitions() const { return impl_->partitions; }

void KafkaKeyedLog::Put(int partition, std::string key, std::optional<std::string> value, Done done) {
  if (!impl_->producer.ok()) return done(absl::UnavailableError(std::string(impl_->producer.status().message())));
  auto owed = std::make_unique<Owed>(Owed{std::move(done)});
  const void* bytes = value ? value->data() : nullptr;  // none at all is a tombstone
  const size_t size = value ? value->size() : 0;
  const rd_kafka_resp_err_t error =
      rd_kafka_producev(*impl_->producer, RD_KAFKA_V_TOPIC(impl_->topic.c_str()), RD_KAFKA_V_PARTITION(partition),
                        RD_KAFKA_V_KEY(key.data(), key.size()), RD_KAFKA_V_VALUE(const_cast<void*>(bytes), size),
                        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_OPAQUE(owed.get()), RD_KAFKA_V_END);
  if (error) return owed->done(absl::UnavailableError(rd_kafka_err2str(error)));
  (void)owed.release();  // the producer's by now
}

void KafkaKeyedLog::Poll(KeyedSink& sink, int wait_ms) {
  if (!impl_->consumer.ok()) return;
  while (rd_kafka_message_t* message = rd_kafka_consumer_poll(*impl_->consumer, wait_ms)) {
    wait_ms = 0;
    // Errors pass: librdkafka asks again by itself.
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      sink.OnCurrent(message->partition);
    } else if (!message->err) {
      std::optional<std::string> value;
      if (message->payload) value.emplace(static_cast<const char*>(message->payload), message->len);
      sink.OnRecord(message->partition, std::string(static_cast<const char*>(message->key), message->key_len),
                    std::move(value));
    }
    rd_kafka_message_destroy(message);
  }
}

}  // namespace civicmesh
