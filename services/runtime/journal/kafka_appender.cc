#include "services/runtime/journal/kafka_appender.h"

#include <librdkafka/rdkafka.h>

#include <array>
#include <chrono>
#include <list>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace civicmesh {
namespace {

constexpr int kTopics = 4;
constexpr int kPollMs = 100;  // How often the watchdog looks.

absl::Status Unknown(std::string_view why) {
  return absl::UnavailableError(absl::StrCat("the log did not confirm the record: ", std::string(why)));
}

// Everything that librdkafka's callbacks touch. Shared by the session, its delivery thread and the thread that destroys
// the handle, since the session may be gone first.
class Producer {
 public:
  Producer(int shards, bool ends_as_a_whole, absl::Duration ack_timeout)
      : shards_(shards), ends_as_a_whole_(ends_as_a_whole), ack_timeout_(ack_timeout) {}

  void Open(const KafkaOptions& options, const KafkaProperties& properties);
  absl::Status Append(Partition at, std::string value, Headers headers, LogAppender::Done done);
  absl::Status Health();
  // Calls every done that is left and waits for the one that runs, unless this is called from within it.
  void Close();
  // Delivers until the session is over, then ends the handle.
  void Run();

 private:
  struct Pending {
    LogAppender::Done done;
    std::chrono::steady_clock::time_point since;
    std::list<Pending>::iterator self;
  };

  static void OnDelivery(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
    static_cast<Producer*>(self)->Delivered(*message);
  }
  static void OnError(rd_kafka_t*, int error, const char* reason, void* self) {
    static_cast<Producer*>(self)->Trouble(static_cast<rd_kafka_resp_err_t>(error), reason);
  }

  void Delivered(const rd_kafka_message_t& message);
  void Trouble(rd_kafka_resp_err_t error, const char* reason);
  void Watch();
  void End(std::string_view why);
  absl::Status Produce(Partition at, const std::string& value, const Headers& headers, Pending* pending)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndLocked(std::string_view why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AnswerAll();

  const int shards_;
  const bool ends_as_a_whole_;
  const absl::Duration ack_timeout_;
  rd_kafka_t* handle_ = nullptr;
  std::array<rd_kafka_topic_t*, kTopics> topics_{};

  absl::Mutex mutex_;
  absl::Status health_ ABSL_GUARDED_BY(mutex_);
  std::list<Pending> pending_ ABSL_GUARDED_BY(mutex_);  // Oldest first.
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  int calling_ ABSL_GUARDED_BY(mutex_) = 0;  // Answers being given.
  std::thread::id thread_ ABSL_GUARDED_BY(mutex_);
};

void Producer::Open(const KafkaOptions& options, const KafkaProperties& properties) {
  auto handle = NewKafkaProducer(options, properties, [this](rd_kafka_conf_t* conf) {
    rd_kafka_conf_set_opaque(conf, this);
    rd_kafka_conf_set_dr_msg_cb(conf, OnDelivery);
    rd_kafka_conf_set_error_cb(conf, OnError);
  });
  if (!handle.ok()) {
    absl::MutexLock lock(&mutex_);
    health_ = absl::UnavailableError(absl::StrCat("no producer: ", std::string(handle.status().message())));
    return;
  }
  handle_ = *handle;
  for (int i = 0; i < kTopics; ++i)
    topics_[i] = rd_kafka_topic_new(handle_, KafkaTopicName(options.domain, static_cast<Topic>(i)).c_str(), nullptr);
}

absl::Status Producer::Append(Partition at, std::string value, Headers headers, LogAppender::Done done) {
  if (at.shard < 0 || at.shard >= shards_) return absl::InvalidArgumentError(absl::StrCat("no shard ", at.shard));
  // Held over the call: whatever was queued before the session ended is withdrawn, and nothing is queued after.
  absl::MutexLock lock(&mutex_);
  if (!health_.ok()) return health_;
  auto pending = pending_.insert(pending_.end(), Pending{std::move(done), std::chrono::steady_clock::now(), {}});
  pending->self = pending;
  absl::Status queued = Produce(at, value, headers, &*pending);
  if (!queued.ok()) pending_.erase(pending);
  return queued;
}

absl::Status Producer::Produce(Partition at, const std::string& value, const Headers& headers, Pending* pending) {
  std::vector<rd_kafka_vu_t> arguments(5 + headers.size());
  arguments[0].vtype = RD_KAFKA_VTYPE_RKT;
  arguments[0].u.rkt = topics_[static_cast<int>(at.topic)];
  arguments[1].vtype = RD_KAFKA_VTYPE_PARTITION;
  arguments[1].u.i32 = at.shard;
  arguments[2].vtype = RD_KAFKA_VTYPE_VALUE;
  arguments[2].u.mem.ptr = const_cast<char*>(value.data());
  arguments[2].u.mem.size = value.size();
  arguments[3].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  arguments[3].u.i = RD_KAFKA_MSG_F_COPY;
  arguments[4].vtype = RD_KAFKA_VTYPE_OPAQUE;
  arguments[4].u.ptr = pending;
  for (size_t i = 0; i < headers.size(); ++i) {
    rd_kafka_vu_t& argument = arguments[5 + i];
    argument.vtype = RD_KAFKA_VTYPE_HEADER;
    argument.u.header.name = headers[i].first.c_str();
    argument.u.header.val = headers[i].second.data();
    argument.u.header.size = static_cast<ssize_t>(headers[i].second.size());
  }
  rd_kafka_error_t* error = rd_kafka_produceva(handle_, arguments.data(), arguments.size());
  if (error == nullptr) return absl::OkStatus();
  rd_kafka_resp_err_t code = rd_kafka_error_code(error);
  std::string why = rd_kafka_error_string(error);
  rd_kafka_error_destroy(error);
  if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) return absl::ResourceExhaustedError(why);
  if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) return absl::InvalidArgumentError(why);
  if (ends_as_a_whole_) EndLocked(why);
  return absl::UnavailableError(why);
}

absl::Status Producer::Health() {
  absl::MutexLock lock(&mutex_);
  return health_;
}

void Producer::Delivered(const rd_kafka_message_t& message) {
  auto* pending = static_cast<Pending*>(message._private);
  LogAppender::Done done;
  {
    absl::MutexLock lock(&mutex_);
    if (closed_) return;  // Close answers it; `pending` may be gone.
    if (message.err && ends_as_a_whole_) EndLocked(rd_kafka_err2str(message.err));
    done = std::move(pending->done);
    pending_.erase(pending->self);
    if (!done) return;
    ++calling_;
  }
  if (message.err) {
    done(Unknown(rd_kafka_err2str(message.err)));
  } else {
    done(message.offset);
  }
  done = nullptr;
  absl::MutexLock lock(&mutex_);
  --calling_;
}

void Producer::Trouble(rd_kafka_resp_err_t error, const char* reason) {
  if (error == RD_KAFKA_RESP_ERR__FATAL || (ends_as_a_whole_ && !IsSideConnection(reason))) End(reason);
}

void Producer::Watch() {
  if (!ends_as_a_whole_) return;
  absl::MutexLock lock(&mutex_);
  if (!pending_.empty() && absl::FromChrono(std::chrono::steady_clock::now() - pending_.front().since) > ack_timeout_)
    EndLocked(absl::StrCat("no acknowledgement within ", absl::FormatDuration(ack_timeout_)));
}

void Producer::End(std::string_view why) {
  absl::MutexLock lock(&mutex_);
  EndLocked(why);
}

void Producer::EndLocked(std::string_view why) {
  if (!health_.ok()) return;
  health_ = absl::UnavailableError(absl::StrCat("the session is over: ", std::string(why)));
  rd_kafka_purge(handle_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

void Producer::Close() {
  {
    absl::MutexLock lock(&mutex_);
    if (handle_ != nullptr) EndLocked("destroyed");
    closed_ = true;
  }
  AnswerAll();
  absl::MutexLock lock(&mutex_);
  auto not_calling = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return calling_ == 0; };
  if (std::this_thread::get_id() != thread_) mutex_.Await(absl::Condition(&not_calling));
}

void Producer::AnswerAll() {
  // One at a time: a done may destroy the session, which answers the rest itself.
  for (;;) {
    LogAppender::Done done;
    absl::Status why;
    {
      absl::MutexLock lock(&mutex_);
      if (pending_.empty()) return;
      done = std::move(pending_.front().done);
      pending_.pop_front();
      why = health_;
      ++calling_;
    }
    if (done) done(Unknown(std::string(why.message())));
    done = nullptr;
    absl::MutexLock lock(&mutex_);
    --calling_;
  }
}

void Producer::Run() {
  {
    absl::MutexLock lock(&mutex_);
    thread_ = std::this_thread::get_id();
  }
  while (Health().ok()) {
    rd_kafka_poll(handle_, kPollMs);
    Watch();
  }
  // A session that is over must not send what a purge has missed, so its handle goes now and not with its owner. What
  // landed of it is for the reader to find.
  AnswerAll();
  for (rd_kafka_topic_t* topic : topics_) rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(handle_);
}

class KafkaAppender : public LogAppender {
 public:
  KafkaAppender(const KafkaOptions& options, absl::Duration handler_timeout, KafkaReaper* reaper) {
    const bool whole = handler_timeout == absl::InfiniteDuration();
    producer_ = std::make_shared<Producer>(options.shards, whole, options.ack_timeout);
    producer_->Open(options,
                    {{"acks", "all"},
                     {"enable.idempotence", "true"},
                     // No gap on a topic (R14): what follows a record that failed for good fails too.
                     {"enable.gapless.guarantee", whole ? "true" : "false"},
                     {"linger.ms", "0"},
                     {"message.timeout.ms", whole ? "0" : absl::StrCat(absl::ToInt64Milliseconds(handler_timeout))},
                     {"request.timeout.ms", "5000"},
                     {"message.max.bytes", absl::StrCat(options.max_record_bytes)},
                     {"queue.buffering.max.messages", "100000"},
                     {"queue.buffering.max.kbytes", "65536"}});
    if (producer_->Health().ok()) reaper->Run([producer = producer_] { producer->Run(); });
  }
  ~KafkaAppender() override { producer_->Close(); }

  absl::Status Append(Partition at, std::string value, Headers headers) override {
    return producer_->Append(at, std::move(value), std::move(headers), nullptr);
  }
  absl::Status Append(Partition at, std::string value, Headers headers, Done done) override {
    return producer_->Append(at, std::move(value), std::move(headers), std::move(done));
  }
  absl::Status Health() override { return producer_->Health(); }

 private:
  std::shared_ptr<Producer> producer_;
};

}  // namespace

std::unique_ptr<LogAppender> NewKafkaAppender(const KafkaOptions& options, absl::Duration handler_timeout,
                                              KafkaReaper* reaper) {
  return std::make_unique<KafkaAppender>(options, handler_timeout, reaper);
}

}  // namespace civicmesh
