#include "services/runtime/journal/kafka_copy.h"

#include <librdkafka/rdkafka.h>

#include <array>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/runtime/journal/kafka_admin.h"
#include "services/runtime/journal/kafka_client.h"

namespace civicmesh {
namespace {

constexpr int kPollMs = 200;
constexpr int kNudgeMs = 20;
constexpr int kFlushMs = 1000;
constexpr std::chrono::seconds kPatience{30};  // without a record, or an acknowledgement

using SteadyClock = std::chrono::steady_clock;
using Handle = std::unique_ptr<rd_kafka_t, KafkaDeleter<rd_kafka_destroy>>;
using List = std::unique_ptr<rd_kafka_topic_partition_list_t, KafkaDeleter<rd_kafka_topic_partition_list_destroy>>;
using Message = std::unique_ptr<rd_kafka_message_t, KafkaDeleter<rd_kafka_message_destroy>>;
using HeaderList = std::unique_ptr<rd_kafka_headers_t, KafkaDeleter<rd_kafka_headers_destroy>>;

std::string NameOf(const TopicPartition& at) { return absl::StrCat(at.topic, "/", at.partition); }

List ListOf(const std::vector<std::pair<TopicPartition, int64_t>>& offsets) {
  List list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
  for (const auto& [at, offset] : offsets)
    rd_kafka_topic_partition_list_add(list.get(), at.topic.c_str(), at.partition)->offset = offset;
  return list;
}

std::optional<std::string> Bytes(const void* bytes, size_t size) {
  if (bytes == nullptr) return std::nullopt;
  return std::string(static_cast<const char*>(bytes), size);
}

CopiedRecord RecordOf(const rd_kafka_message_t& message) {
  CopiedRecord record{.offset = message.offset, .time_ms = rd_kafka_message_timestamp(&message, nullptr)};
  record.key = Bytes(message.key, message.key_len);
  record.value = Bytes(message.payload, message.len);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers)) return record;
  const char* name;
  const void* value;
  size_t size;
  for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &size); ++i)
    record.headers.emplace_back(name, Bytes(value, size).value_or(""));
  return record;
}

rd_kafka_vu_t Blob(rd_kafka_vtype_t type, const std::optional<std::string>& bytes) {
  rd_kafka_vu_t argument;
  argument.vtype = type;
  argument.u.mem.ptr = bytes ? const_cast<char*>(bytes->data()) : nullptr;
  argument.u.mem.size = bytes ? bytes->size() : 0;
  return argument;
}

absl::Status ErrorOf(const rd_kafka_topic_partition_list_t* list) {
  for (int i = 0; list != nullptr && i < list->cnt; ++i)
    if (list->elems[i].err)
      return absl::UnavailableError(absl::StrCat(list->elems[i].topic, "/", list->elems[i].partition, ": ",
                                                 rd_kafka_err2str(list->elems[i].err)));
  return absl::OkStatus();
}

}  // namespace

struct KafkaCopy::Impl {
  KafkaOptions options;
  std::unique_ptr<KafkaAdmin> admin;
  Handle consumer, producer;
  absl::Status delivered;  // the first error
  int64_t acknowledged = 0;

  static void OnDelivery(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
    auto* impl = static_cast<Impl*>(self);
    ++impl->acknowledged;
    if (message->err)
      impl->delivered.Update(absl::UnavailableError(
          absl::StrCat(rd_kafka_topic_name(message->rkt), ": ", rd_kafka_err2str(message->err))));
  }

  absl::Status OpenConsumer() {
    if (consumer) return absl::OkStatus();
    auto made = NewKafkaConsumer(options,
                                 {{"group.id", options.domain},  // assign() asks for one; nobody joins it
                                  {"enable.auto.commit", "false"},
                                  {"enable.auto.offset.store", "false"},
                                  {"auto.offset.reset", "error"},
                                  {"enable.partition.eof", "true"},
                                  {"check.crcs", "true"},
                                  {"queued.max.messages.kbytes", "32768"}},
                                 [](rd_kafka_conf_t*) {});
    if (!made.ok()) return made.status();
    consumer.reset(*made);
    return absl::OkStatus();
  }

  absl::Status OpenProducer() {
    if (producer) return absl::OkStatus();
    auto made = NewKafkaProducer(options,
                                 {{"acks", "all"},
                                  {"enable.idempotence", "true"},
                                  {"enable.gapless.guarantee", "true"},
                                  {"linger.ms", "20"},
                                  {"message.max.bytes", absl::StrCat(options.max_record_bytes)},
                                  {"queue.buffering.max.messages", "100000"},
                                  {"queue.buffering.max.kbytes", "65536"}},
                                 [this](rd_kafka_conf_t* conf) {
                                   rd_kafka_conf_set_opaque(conf, this);
                                   rd_kafka_conf_set_dr_msg_cb(conf, OnDelivery);
                                 });
    if (!made.ok()) return made.status();
    producer.reset(*made);
    return absl::OkStatus();
  }

  // False: of an assignment before this one, of which librdkafka lets a few through.
  static bool Is(const rd_kafka_message_t& message, const TopicPartition& at) {
    return message.rkt != nullptr && message.partition == at.partition && rd_kafka_topic_name(message.rkt) == at.topic;
  }

  // A connection that slept may notice what it is to fetch only a second later; a request wakes it.
  void Nudge(const TopicPartition& at) {
    int64_t begin, end;
    rd_kafka_query_watermark_offsets(consumer.get(), at.topic.c_str(), at.partition, &begin, &end, kPollMs);
  }

  absl::Status Take(const TopicPartition& at, int64_t from, int64_t to,
                    const std::function<absl::Status(CopiedRecord)>& take) {
    auto last = SteadyClock::now();
    int64_t next = from;
    while (SteadyClock::now() - last < kPatience) {
      const Message message(rd_kafka_consumer_poll(consumer.get(), next == from ? kNudgeMs : kPollMs));
      if (message == nullptr) {
        if (next == from) Nudge(at);
        continue;
      }
      if (message->rkt != nullptr && !Is(*message, at)) continue;
      if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (message->offset >= to) return absl::OkStatus();
        continue;
      }
      if (message->err)
        return absl::UnavailableError(absl::StrCat(NameOf(at), ": ", rd_kafka_message_errstr(message.get())));
      if (message->offset >= to) return absl::OkStatus();
      if (message->offset < next) continue;
      next = message->offset + 1;
      last = SteadyClock::now();
      if (auto taken = take(RecordOf(*message)); !taken.ok()) return taken;
      if (next >= to) return absl::OkStatus();
    }
    return absl::UnavailableError(absl::StrCat(NameOf(at), ": nothing comes any more"));
  }

  // Queues it, waiting for room.
  absl::Status Produce(const TopicPartition& to, const CopiedRecord& record) {
    HeaderList headers(rd_kafka_headers_new(record.headers.size()));
    for (const auto& [name, value] : record.headers)
      rd_kafka_header_add(headers.get(), name.data(), static_cast<ssize_t>(name.size()), value.data(),
                          static_cast<ssize_t>(value.size()));
    std::array<rd_kafka_vu_t, 7> arguments{};
    arguments[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    arguments[0].u.cstr = to.topic.c_str();
    arguments[1].vtype = RD_KAFKA_VTYPE_PARTITION;
    arguments[1].u.i32 = to.partition;
    arguments[2] = Blob(RD_KAFKA_VTYPE_KEY, record.key);
    arguments[3] = Blob(RD_KAFKA_VTYPE_VALUE, record.value);
    arguments[4].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
    arguments[4].u.i64 = record.time_ms > 0 ? record.time_ms : 0;
    arguments[5].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    arguments[5].u.i = RD_KAFKA_MSG_F_COPY;
    arguments[6].vtype = RD_KAFKA_VTYPE_HEADERS;
    arguments[6].u.headers = headers.get();
    while (true) {
      std::unique_ptr<rd_kafka_error_t, KafkaDeleter<rd_kafka_error_destroy>> error(
          rd_kafka_produceva(producer.get(), arguments.data(), arguments.size()));
      if (!error) {
        (void)headers.release();  // the producer's by now
        return absl::OkStatus();
      }
      if (rd_kafka_error_code(error.get()) != RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return absl::InvalidArgumentError(absl::StrCat(NameOf(to), ": ", rd_kafka_error_string(error.get())));
      rd_kafka_poll(producer.get(), kPollMs);
      if (!delivered.ok()) return delivered;
    }
  }

  absl::StatusOr<std::vector<std::string>> GroupNames() {
    auto event = admin->Ask(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS,
                            [&](auto* how, auto* queue) { rd_kafka_ListConsumerGroups(admin->handle(), how, queue); });
    if (!event.ok()) return event.status();
    size_t count = 0;
    const auto** listed =
        rd_kafka_ListConsumerGroups_result_valid(rd_kafka_event_ListConsumerGroups_result(event->get()), &count);
    std::vector<std::string> names;
    for (size_t i = 0; i < count; ++i) names.push_back(rd_kafka_ConsumerGroupListing_group_id(listed[i]));
    return names;
  }

  absl::Status AddGroup(const std::string& name, const std::vector<TopicPartition>& partitions, GroupOffsets& all) {
    std::vector<std::pair<TopicPartition, int64_t>> asked;
    for (const auto& at : partitions) asked.emplace_back(at, RD_KAFKA_OFFSET_INVALID);
    auto* one = rd_kafka_ListConsumerGroupOffsets_new(name.c_str(), ListOf(asked).get());
    auto event = admin->Ask(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, [&](auto* how, auto* queue) {
      rd_kafka_ListConsumerGroupOffsets(admin->handle(), &one, 1, how, queue);
    });
    rd_kafka_ListConsumerGroupOffsets_destroy(one);
    if (!event.ok()) return event.status();
    size_t count = 0;
    const auto** groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(event->get()), &count);
    for (size_t i = 0; i < count; ++i) {
      if (const auto* error = rd_kafka_group_result_error(groups[i]))
        return absl::UnavailableError(absl::StrCat(name, ": ", rd_kafka_error_string(error)));
      const auto* list = rd_kafka_group_result_partitions(groups[i]);
      for (int k = 0; list != nullptr && k < list->cnt; ++k)
        if (list->elems[k].offset >= 0)
          all[{name, {list->elems[k].topic, list->elems[k].partition}}] = list->elems[k].offset;
    }
    return absl::OkStatus();
  }

  absl::Status SetGroup(const std::string& name, const std::vector<std::pair<TopicPartition, int64_t>>& offsets) {
    auto* one = rd_kafka_AlterConsumerGroupOffsets_new(name.c_str(), ListOf(offsets).get());
    auto event = admin->Ask(RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, [&](auto* how, auto* queue) {
      rd_kafka_AlterConsumerGroupOffsets(admin->handle(), &one, 1, how, queue);
    });
    rd_kafka_AlterConsumerGroupOffsets_destroy(one);
    if (!event.ok()) return event.status();
    size_t count = 0;
    const auto** groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(
        rd_kafka_event_AlterConsumerGroupOffsets_result(event->get()), &count);
    for (size_t i = 0; i < count; ++i) {
      if (const auto* error = rd_kafka_group_result_error(groups[i]))
        return absl::UnavailableError(absl::StrCat(name, ": ", rd_kafka_error_string(error)));
      if (auto failed = ErrorOf(rd_kafka_group_result_partitions(groups[i])); !failed.ok()) return failed;
    }
    return absl::OkStatus();
  }
};

KafkaCopy::KafkaCopy(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

KafkaCopy::~KafkaCopy() = default;

absl::StatusOr<std::unique_ptr<KafkaCopy>> KafkaCopy::Open(const KafkaOptions& options) {
  auto admin = KafkaAdmin::Reach(options);
  if (!admin.ok()) return admin.status();
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->admin = *std::move(admin);
  return std::unique_ptr<KafkaCopy>(new KafkaCopy(std::move(impl)));
}

absl::StatusOr<int> KafkaCopy::Partitions(const std::string& topic) {
  rd_kafka_t* handle = impl_->admin->handle();
  const std::unique_ptr<rd_kafka_topic_t, KafkaDeleter<rd_kafka_topic_destroy>> local(
      rd_kafka_topic_new(handle, topic.c_str(), nullptr));
  const rd_kafka_metadata_t* metadata = nullptr;
  if (const auto error = rd_kafka_metadata(handle, 0, local.get(), &metadata, KafkaAdmin::kTimeoutMs))
    return absl::UnavailableError(rd_kafka_err2str(error));
  const bool known = metadata->topic_cnt == 1 && !metadata->topics[0].err;
  const int partitions = known ? metadata->topics[0].partition_cnt : 0;
  rd_kafka_metadata_destroy(metadata);
  return partitions;
}

absl::StatusOr<std::map<TopicPartition, Bounds>> KafkaCopy::GetBounds(const std::vector<TopicPartition>& partitions) {
  std::map<TopicPartition, Bounds> all;
  for (const TopicPartition& at : partitions) {
    Bounds& bounds = all[at];
    if (const auto error = rd_kafka_query_watermark_offsets(impl_->admin->handle(), at.topic.c_str(), at.partition,
                                                            &bounds.begin, &bounds.end, KafkaAdmin::kTimeoutMs))
      return absl::UnavailableError(absl::StrCat(NameOf(at), ": ", rd_kafka_err2str(error)));
  }
  return all;
}

absl::Status KafkaCopy::Read(const TopicPartition& at, int64_t from, int64_t to,
                             const std::function<absl::Status(CopiedRecord)>& take) {
  if (from >= to) return absl::OkStatus();
  if (auto opened = impl_->OpenConsumer(); !opened.ok()) return opened;
  if (const auto error = rd_kafka_assign(impl_->consumer.get(), ListOf({{at, from}}).get()))
    return absl::UnavailableError(absl::StrCat(NameOf(at), ": ", rd_kafka_err2str(error)));
  absl::Status taken = impl_->Take(at, from, to, take);
  rd_kafka_assign(impl_->consumer.get(), nullptr);
  return taken;
}

absl::Status KafkaCopy::Append(const TopicPartition& to, const CopiedRecord& record) {
  if (auto opened = impl_->OpenProducer(); !opened.ok()) return opened;
  absl::Status queued = impl_->Produce(to, record);
  rd_kafka_poll(impl_->producer.get(), 0);
  return queued.ok() ? impl_->delivered : queued;
}

absl::Status KafkaCopy::Flush() {
  if (!impl_->producer) return absl::OkStatus();
  auto last = SteadyClock::now();
  for (int64_t before = impl_->acknowledged; rd_kafka_outq_len(impl_->producer.get()) > 0;) {
    rd_kafka_flush(impl_->producer.get(), kFlushMs);
    if (!impl_->delivered.ok()) return impl_->delivered;
    if (std::exchange(before, impl_->acknowledged) != impl_->acknowledged) last = SteadyClock::now();
    if (SteadyClock::now() - last > kPatience) return absl::UnavailableError("Kafka acknowledges nothing any more");
  }
  return impl_->delivered;
}

absl::Status KafkaCopy::DeleteBefore(const TopicPartition& at, int64_t offset) {
  auto* one = rd_kafka_DeleteRecords_new(ListOf({{at, offset}}).get());
  auto event = impl_->admin->Ask(RD_KAFKA_ADMIN_OP_DELETERECORDS, [&](auto* how, auto* queue) {
    rd_kafka_DeleteRecords(impl_->admin->handle(), &one, 1, how, queue);
  });
  rd_kafka_DeleteRecords_destroy(one);
  if (!event.ok()) return event.status();
  return ErrorOf(rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event->get())));
}

absl::StatusOr<GroupOffsets> KafkaCopy::GetGroups(const std::vector<TopicPartition>& partitions) {
  auto names = impl_->GroupNames();
  if (!names.ok()) return names.status();
  GroupOffsets all;
  for (const std::string& name : *names)
    if (auto added = impl_->AddGroup(name, partitions, all); !added.ok()) return added;
  return all;
}

absl::Status KafkaCopy::SetGroups(const GroupOffsets& offsets) {
  std::map<std::string, std::vector<std::pair<TopicPartition, int64_t>>> groups;
  for (const auto& [of, offset] : offsets) groups[of.first].emplace_back(of.second, offset);
  const auto until = SteadyClock::now() + kPatience;
  for (auto group = groups.begin(); group != groups.end();) {
    absl::Status set = impl_->SetGroup(group->first, group->second);
    if (set.ok()) {
      ++group;
      continue;
    }
    // A cluster that has had no group yet makes the topic for their offsets now, which takes it a moment.
    if (!absl::IsUnavailable(set) || SteadyClock::now() > until) return set;
    rd_kafka_poll(impl_->admin->handle(), kPollMs);
  }
  return absl::OkStatus();
}

}  // namespace civicmesh
