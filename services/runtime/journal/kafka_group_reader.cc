#include "services/runtime/journal/kafka_group_reader.h"

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/runtime/base/names.h"
#include "services/runtime/journal/kafka_client.h"

namespace civicmesh {
namespace {

constexpr int kIdleMs = 500;
constexpr int kLookUpMs = 3000;
// A commit is a record on a topic of the broker's, which costs it as much as the event did; what was not yet told is
// delivered again after a kill, and refused as a repetition.
constexpr std::chrono::milliseconds kTellEvery{100};

using List = std::unique_ptr<rd_kafka_topic_partition_list_t, decltype(&rd_kafka_topic_partition_list_destroy)>;

List NewList() { return {rd_kafka_topic_partition_list_new(1), rd_kafka_topic_partition_list_destroy}; }

Headers HeadersOf(const rd_kafka_message_t* message) {
  Headers headers;
  rd_kafka_headers_t* raw = nullptr;
  if (rd_kafka_message_headers(message, &raw) != RD_KAFKA_RESP_ERR_NO_ERROR) return headers;
  const char* name;
  const void* value;
  size_t size;
  for (size_t i = 0; rd_kafka_header_get_all(raw, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
    headers.emplace_back(name, std::string(static_cast<const char*>(value), size));
  return headers;
}

}  // namespace

struct KafkaGroupReader::Impl {
  struct Position {
    int64_t committed = 0;
    int64_t told = 0;  // of what is committed, what the group knows
    int64_t next = 0;  // what must come next: a record of before a Rewind is not it
  };

  KafkaOptions source;
  std::string group, topic;
  rd_kafka_t* handle = nullptr;
  std::map<int, Position> held;
  bool look_up = false;  // positions are to be fetched from the group again
  std::chrono::steady_clock::time_point told_at;

  static void OnRebalance(rd_kafka_t*, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list, void* self) {
    static_cast<Impl*>(self)->Rebalance(what, *list);
  }

  void Open() {
    KafkaProperties properties = GroupProperties(group);
    for (auto& one : FetchProperties(source, kIdleMs)) properties.push_back(std::move(one));
    auto made = NewKafkaConsumer(source, properties, [this](rd_kafka_conf_t* conf) {
      rd_kafka_conf_set_opaque(conf, this);
      rd_kafka_conf_set_rebalance_cb(conf, OnRebalance);
    });
    if (!made.ok()) return;
    handle = *made;
    rd_kafka_poll_set_consumer(handle);
    List topics = NewList();
    rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
    rd_kafka_subscribe(handle, topics.get());
  }

  // Where it fails, whoever holds the shards next repeats a little.
  void Tell(bool wait) {
    List list = NewList();
    for (const auto& [shard, position] : held)
      if (position.told != position.committed)
        rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), shard)->offset = position.committed;
    told_at = std::chrono::steady_clock::now();
    if (list->cnt == 0 || rd_kafka_commit(handle, list.get(), /*async=*/wait ? 0 : 1)) return;
    for (auto& [shard, position] : held) position.told = position.committed;
  }

  void Rebalance(rd_kafka_resp_err_t what, const rd_kafka_topic_partition_list_t& list) {
    Tell(/*wait=*/what != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS);
    held.clear();
    if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
      for (int i = 0; i < list.cnt; ++i) held[list.elems[i].partition] = {};
      LookUp();
    } else {
      look_up = false;
      rd_kafka_assign(handle, nullptr);
    }
  }

  // Starts every partition held at what the group committed; a group without an offset begins at the beginning.
  void LookUp() {
    List list = NewList();
    for (const auto& [shard, position] : held) rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), shard);
    look_up = rd_kafka_committed(handle, list.get(), kLookUpMs) != RD_KAFKA_RESP_ERR_NO_ERROR;
    if (look_up) {
      // Nothing is read until the group has said where to begin: asked again at the next Poll.
      List none = NewList();
      rd_kafka_assign(handle, none.get());
      return;
    }
    for (int i = 0; i < list->cnt; ++i) {
      auto& at = list->elems[i];
      if (at.offset < 0) at.offset = 0;
      held[at.partition] = {at.offset, at.offset, at.offset};
    }
    rd_kafka_assign(handle, list.get());
  }

  // True where a record was delivered.
  bool Take(const rd_kafka_message_t* message, LogSink& sink) {
    auto it = held.find(message->partition);
    if (it == held.end()) return false;
    const Partition from{Topic::kEvents, message->partition};
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      if (message->offset == it->second.next) sink.OnEnd(from, message->offset);
      return false;
    }
    if (message->err) {
      // The fetcher recovers from lost brokers by itself; a position outside the log does not mend itself.
      if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
        sink.OnTrouble(from, absl::OutOfRangeError(rd_kafka_message_errstr(message)));
      return false;
    }
    if (message->offset != it->second.next) return false;
    ++it->second.next;
    sink.OnRecord(from, LogRecord{.offset = message->offset,
                                  .time_ms = rd_kafka_message_timestamp(message, nullptr),
                                  .value = std::string(static_cast<const char*>(message->payload), message->len),
                                  .headers = HeadersOf(message)});
    return true;
  }
};

KafkaGroupReader::KafkaGroupReader(const KafkaOptions& source, std::string group) : impl_(std::make_unique<Impl>()) {
  impl_->source = source;
  impl_->group = std::move(group);
  impl_->topic = EventsTopic(source.domain);
}

KafkaGroupReader::~KafkaGroupReader() {
  if (impl_->handle == nullptr) return;
  rd_kafka_consumer_close(impl_->handle);
  rd_kafka_destroy_flags(impl_->handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

int KafkaGroupReader::Poll(LogSink& sink, int max, int wait_ms) {
  if (impl_->handle == nullptr) impl_->Open();
  if (impl_->handle == nullptr) return 0;
  if (impl_->look_up) impl_->LookUp();
  if (std::chrono::steady_clock::now() - impl_->told_at >= kTellEvery) impl_->Tell(/*wait=*/false);
  int delivered = 0;
  for (int wait = wait_ms; delivered < max; wait = 0) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(impl_->handle, wait);
    if (message == nullptr) break;
    delivered += impl_->Take(message, sink);
    rd_kafka_message_destroy(message);
  }
  return delivered;
}

void KafkaGroupReader::Commit(int shard, int64_t next) {
  // Else it is another member's by now, which repeats it.
  if (auto it = impl_->held.find(shard); it != impl_->held.end()) it->second.committed = next;
}

void KafkaGroupReader::Rewind() {
  if (impl_->handle == nullptr || impl_->held.empty()) return;
  impl_->Tell(/*wait=*/false);
  impl_->LookUp();
}

std::map<int, int64_t> KafkaGroupReader::Held() {
  std::map<int, int64_t> held;
  for (const auto& [shard, position] : impl_->held) held[shard] = position.committed;
  return held;
}

}  // namespace civicmesh
