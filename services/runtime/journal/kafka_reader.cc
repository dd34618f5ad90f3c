#include "services/runtime/journal/kafka_reader.h"

#include <librdkafka/rdkafka.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/runtime/base/names.h"

namespace civicmesh {
namespace {

constexpr int kTopics = 4;
constexpr int kBoundsMs = 3000;
constexpr int kReadAtMs = 5000;
constexpr int kNudgeMs = 20;
constexpr int kMaxHoles = 3;
// Not longer: a partition that is started joins the next fetch, so this is what a Start or an end may wait for.
constexpr int kIdleMs = 50;

using Clock = std::chrono::steady_clock;

struct ListDeleter {
  void operator()(rd_kafka_topic_partition_list_t* list) const { rd_kafka_topic_partition_list_destroy(list); }
};
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t, ListDeleter>;

struct MessageDeleter {
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
};
using Message = std::unique_ptr<rd_kafka_message_t, MessageDeleter>;

// The descriptor that librdkafka writes to from its own threads; closed only after the handle is gone.
struct Signal {
  const int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  ~Signal() { close(descriptor); }
  void Raise() const {
    uint64_t one = 1;
    [[maybe_unused]] ssize_t written = write(descriptor, &one, sizeof one);  // Full means raised already.
  }
  void Reset() const {
    uint64_t count;
    [[maybe_unused]] ssize_t taken = read(descriptor, &count, sizeof count);
  }
};

LogRecord ToRecord(const rd_kafka_message_t& message) {
  LogRecord record;
  record.offset = message.offset;
  rd_kafka_timestamp_type_t type;
  record.time_ms = rd_kafka_message_timestamp(&message, &type);
  if (type != RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME) record.time_ms = -1;
  if (message.len > 0) record.value.assign(static_cast<const char*>(message.payload), message.len);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return record;
  const char* name;
  const void* value;
  size_t size;
  for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
    record.headers.emplace_back(name, std::string(static_cast<const char*>(value), value == nullptr ? 0 : size));
  return record;
}

absl::Status TakeError(rd_kafka_error_t* error) {
  if (error == nullptr) return absl::OkStatus();
  absl::Status status = absl::UnavailableError(rd_kafka_error_string(error));
  rd_kafka_error_destroy(error);
  return status;
}

KafkaProperties ReaderProperties(const KafkaOptions& options) {
  KafkaProperties properties = FetchProperties(options, kIdleMs);
  properties.insert(
      properties.end(),
      {{"group.id", ReadersGroup(options.domain)},  // assign() asks for one; nobody joins or commits in it.
       {"enable.auto.commit", "false"},
       {"enable.auto.offset.store", "false"},
       {"auto.offset.reset", "error"},
       {"enable.partition.eof", "true"},
       {"isolation.level", "read_uncommitted"},
       {"check.crcs", "true"},
       {"fetch.error.backoff.ms", "50"}});
  return properties;
}

class Reader : public LogReader {
 public:
  Reader(const KafkaOptions& options, KafkaReaper* reaper);
  ~Reader() override;

  void Start(Partition at, int64_t offset) override;
  void Stop(Partition at) override;
  int Poll(LogSink& sink, int max, int wait_ms) override;
  void Wake() override;
  absl::StatusOr<Bounds> GetBounds(Partition at) override;
  absl::StatusOr<LogRecord> ReadAt(Partition at, int64_t offset) override;
  int descriptor() override { return signal_->descriptor; }

 private:
  struct Position {
    bool started = false;
    int64_t next = 0;  // The one offset that may be delivered.
    int holes = 0;
  };
  enum class Effect { kNothing, kTold, kRecord };

  static void OnError(rd_kafka_t* handle, int, const char* reason, void* self) {
    if (IsSideConnection(reason)) return;
    static_cast<Reader*>(self)->lost_ = reason;
    rd_kafka_yield(handle);
  }

  bool Knows(Partition at) const { return at.shard >= 0 && at.shard < options_.shards; }
  Position& At(Partition at) { return positions_[static_cast<int>(at.topic) * options_.shards + at.shard]; }
  const std::string& Name(Topic topic) const { return names_[static_cast<int>(topic)]; }
  PartitionList List(Partition at, int64_t offset) const;
  absl::Status Assign(Partition at, int64_t offset);
  void Unassign(Partition at);
  void Later(Partition at, absl::Status why);
  bool TellTroubles(LogSink& sink);
  bool Identify(const rd_kafka_message_t& message, Partition* at) const;
  Effect Handle(const rd_kafka_message_t& message, LogSink& sink);
  Effect HandleRecord(Partition at, Position& position, const rd_kafka_message_t& message, LogSink& sink);
  bool AskAgain(Partition at, Position& position);
  void Fail(Partition at, absl::Status why);
  void FailAll(const std::string& why);
  absl::StatusOr<rd_kafka_t*> LookUpHandle();
  absl::StatusOr<LogRecord> Fetch(rd_kafka_t* handle, Partition at, int64_t offset);

  const KafkaOptions options_;
  KafkaReaper* const reaper_;
  const std::shared_ptr<Signal> signal_ = std::make_shared<Signal>();
  std::array<std::string, kTopics> names_;
  absl::StatusOr<rd_kafka_t*> handle_ = absl::UnavailableError("no consumer");
  std::array<rd_kafka_topic_t*, kTopics> topics_{};
  rd_kafka_queue_t* queue_ = nullptr;
  rd_kafka_t* look_up_ = nullptr;
  std::vector<Position> positions_;
  std::vector<std::pair<Partition, absl::Status>> troubles_;  // For the next Poll.
  std::string lost_;                                          // Why the connection went, until Poll has told it.
};

Reader::Reader(const KafkaOptions& options, KafkaReaper* reaper)
    : options_(options), reaper_(reaper), positions_(kTopics * options.shards) {
  for (int i = 0; i < kTopics; ++i) names_[i] = KafkaTopicName(options.domain, static_cast<Topic>(i));
  KafkaProperties properties = ReaderProperties(options);
  // Room for a replay: a queue that is full stops fetching for up to a second (librdkafka 2.0), so it has to last
  // longer.
  properties.insert(properties.end(), {{"queued.min.messages", "1000000"}, {"queued.max.messages.kbytes", "98304"}});
  handle_ = NewKafkaConsumer(options, properties, [this](rd_kafka_conf_t* conf) {
    rd_kafka_conf_set_opaque(conf, this);
    rd_kafka_conf_set_error_cb(conf, OnError);
  });
  if (!handle_.ok()) return;
  // Known from the first answer of the first broker; else the first Start of a topic waits for librdkafka's look
  // around, once a second.
  for (int i = 0; i < kTopics; ++i) topics_[i] = rd_kafka_topic_new(*handle_, names_[i].c_str(), nullptr);
  queue_ = rd_kafka_queue_get_consumer(*handle_);
  const uint64_t one = 1;
  rd_kafka_queue_io_event_enable(queue_, signal_->descriptor, &one, sizeof one);
}

Reader::~Reader() {
  if (look_up_ != nullptr) reaper_->Destroy(look_up_, nullptr);
  if (!handle_.ok()) return;
  for (rd_kafka_topic_t* topic : topics_) rd_kafka_topic_destroy(topic);
  rd_kafka_queue_destroy(queue_);
  // Callbacks run only within consumer_poll, so nothing of the handle reaches this object any more.
  reaper_->Destroy(*handle_, signal_);
}

PartitionList Reader::List(Partition at, int64_t offset) const {
  PartitionList list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), Name(at.topic).c_str(), at.shard)->offset = offset;
  return list;
}

absl::Status Reader::Assign(Partition at, int64_t offset) {
  if (!handle_.ok()) return absl::UnavailableError(std::string(handle_.status().message()));
  return TakeError(rd_kafka_incremental_assign(*handle_, List(at, offset).get()));
}

void Reader::Unassign(Partition at) {
  // Refused only for what is not assigned, which is what is wanted.
  TakeError(rd_kafka_incremental_unassign(*handle_, List(at, RD_KAFKA_OFFSET_INVALID).get())).IgnoreError();
}

void Reader::Start(Partition at, int64_t offset) {
  if (!Knows(at)) return Later(at, absl::OutOfRangeError(absl::StrCat("no shard ", at.shard)));
  Stop(at);
  // Kafka gives negative offsets meanings of its own.
  if (offset < 0) return Later(at, absl::OutOfRangeError(absl::StrCat("no offset ", offset)));
  absl::Status assigned = Assign(at, offset);
  if (!assigned.ok()) return Later(at, assigned);
  At(at) = Position{true, offset, 0};
}

void Reader::Stop(Partition at) {
  if (!Knows(at)) return;
  std::erase_if(troubles_, [&](const auto& trouble) { return trouble.first == at; });
  if (!At(at).started) return;
  At(at).started = false;
  Unassign(at);
}

void Reader::Later(Partition at, absl::Status why) {
  troubles_.emplace_back(at, std::move(why));
  signal_->Raise();
}

void Reader::Fail(Partition at, absl::Status why) {
  At(at).started = false;
  Unassign(at);
  troubles_.emplace_back(at, std::move(why));
}

void Reader::FailAll(const std::string& why) {
  for (int topic = 0; topic < kTopics; ++topic) {
    for (int shard = 0; shard < options_.shards; ++shard) {
      Partition at{static_cast<Topic>(topic), shard};
      if (At(at).started) Fail(at, absl::UnavailableError(why));
    }
  }
}

bool Reader::TellTroubles(LogSink& sink) {
  if (!lost_.empty()) FailAll(std::exchange(lost_, {}));
  // The sink may call Start, which may add to the list.
  auto troubles = std::exchange(troubles_, {});
  for (auto& [at, why] : troubles) sink.OnTrouble(at, std::move(why));
  return !troubles.empty();
}

int Reader::Poll(LogSink& sink, int max, int wait_ms) {
  // Before anything is taken: what arrives from here on raises it again.
  signal_->Reset();
  const auto deadline = Clock::now() + std::chrono::milliseconds(wait_ms);
  bool told = TellTroubles(sink);
  int records = 0;
  while (handle_.ok() && records < max) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    bool wait = !told && records == 0 && left > 0;
    Message message(rd_kafka_consumer_poll(*handle_, wait ? static_cast<int>(left) : 0));
    Effect effect = message == nullptr ? Effect::kNothing : Handle(*message, sink);
    told |= effect == Effect::kTold;
    records += effect == Effect::kRecord;
    told |= TellTroubles(sink);
    if (message == nullptr) return records;
  }
  signal_->Raise();
  return records;
}

void Reader::Wake() {
  if (queue_ != nullptr) rd_kafka_queue_yield(queue_);
  signal_->Raise();
}

bool Reader::Identify(const rd_kafka_message_t& message, Partition* at) const {
  if (message.rkt == nullptr) return false;
  auto name = std::find(names_.begin(), names_.end(), rd_kafka_topic_name(message.rkt));
  if (name == names_.end()) return false;
  *at = {static_cast<Topic>(name - names_.begin()), message.partition};
  return Knows(*at);
}

Reader::Effect Reader::Handle(const rd_kafka_message_t& message, LogSink& sink) {
  Partition at;
  if (!Identify(message, &at)) {
    lost_ = rd_kafka_message_errstr(&message);
    return Effect::kNothing;
  }
  Position& position = At(at);
  if (!position.started) return Effect::kNothing;
  switch (message.err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return HandleRecord(at, position, message, sink);
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      if (message.offset != position.next) return Effect::kNothing;
      sink.OnEnd(at, message.offset);
      return Effect::kTold;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      // One may still come from a position that Start has replaced: librdkafka lets a few through, and may fetch
      // nothing from then on.
      if (message.offset != position.next && AskAgain(at, position)) return Effect::kNothing;
      Fail(at, absl::OutOfRangeError(rd_kafka_message_errstr(&message)));
      return Effect::kNothing;
    default:
      Fail(at, absl::UnavailableError(rd_kafka_message_errstr(&message)));
      return Effect::kNothing;
  }
}

// False: often enough.
bool Reader::AskAgain(Partition at, Position& position) {
  if (++position.holes > kMaxHoles) return false;
  Unassign(at);
  absl::Status assigned = Assign(at, position.next);
  if (!assigned.ok()) Fail(at, assigned);
  return true;
}

Reader::Effect Reader::HandleRecord(Partition at, Position& position, const rd_kafka_message_t& message,
                                    LogSink& sink) {
  if (message.offset == position.next) {
    ++position.next;
    position.holes = 0;
    sink.OnRecord(at, ToRecord(message));
    return Effect::kRecord;
  }
  if (message.offset < position.next) return Effect::kNothing;
  // Asked for again before it is believed: an answer of an earlier position would look the same.
  if (AskAgain(at, position)) return Effect::kNothing;
  Fail(at, absl::DataLossError(absl::StrCat(Name(at.topic), "/", at.shard, " has ", message.offset, " where ",
                                            position.next, " must be")));
  return Effect::kNothing;
}

absl::StatusOr<Bounds> Reader::GetBounds(Partition at) {
  // Not on the handle that reads: a broker answers one request of a connection at a time, and there a fetch is waiting.
  auto handle = LookUpHandle();
  if (!handle.ok()) return absl::UnavailableError(std::string(handle.status().message()));
  Bounds bounds;
  rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(*handle, Name(at.topic).c_str(), at.shard, &bounds.begin,
                                                               &bounds.end, kBoundsMs);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return bounds;
  return absl::UnavailableError(absl::StrCat(Name(at.topic), "/", at.shard, ": ", rd_kafka_err2str(error)));
}

absl::StatusOr<rd_kafka_t*> Reader::LookUpHandle() {
  if (look_up_ != nullptr) return look_up_;
  KafkaProperties properties = ReaderProperties(options_);
  // One record is wanted, not what follows it.
  properties.insert(properties.end(), {{"queued.min.messages", "1"},
                                       {"fetch.message.max.bytes", "16384"},
                                       {"fetch.min.bytes", "1"},
                                       {"fetch.wait.max.ms", "5"}});
  auto handle = NewKafkaConsumer(options_, properties, [](rd_kafka_conf_t*) {});
  if (handle.ok()) look_up_ = *handle;
  return handle;
}

absl::StatusOr<LogRecord> Reader::ReadAt(Partition at, int64_t offset) {
  auto bounds = GetBounds(at);
  if (!bounds.ok()) return bounds.status();
  if (offset < bounds->begin || offset >= bounds->end)
    return absl::NotFoundError(
        absl::StrCat(Name(at.topic), "/", at.shard, " holds ", bounds->begin, " to ", bounds->end, ", not ", offset));
  auto handle = LookUpHandle();
  if (!handle.ok()) return absl::UnavailableError(std::string(handle.status().message()));
  auto record = Fetch(*handle, at, offset);
  rd_kafka_assign(*handle, nullptr);
  return record;
}

absl::StatusOr<LogRecord> Reader::Fetch(rd_kafka_t* handle, Partition at, int64_t offset) {
  rd_kafka_resp_err_t error = rd_kafka_assign(handle, List(at, offset).get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return absl::UnavailableError(rd_kafka_err2str(error));
  const auto deadline = Clock::now() + std::chrono::milliseconds(kReadAtMs);
  while (Clock::now() < deadline) {
    Message message(rd_kafka_consumer_poll(handle, kNudgeMs));
    Partition from;
    if (message == nullptr) {
      // A connection that slept while nothing was assigned may notice the assignment only a second later; a request
      // wakes it.
      GetBounds(at).IgnoreError();
    } else if (!message->err && Identify(*message, &from) && from == at && message->offset == offset) {
      return ToRecord(*message);
    }
  }
  return absl::UnavailableError(absl::StrCat(Name(at.topic), "/", at.shard, " did not bring ", offset));
}

}  // namespace

std::unique_ptr<LogReader> NewKafkaReader(const KafkaOptions& options, KafkaReaper* reaper) {
  return std::make_unique<Reader>(options, reaper);
}

}  // namespace civicmesh
