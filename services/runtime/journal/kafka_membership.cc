#include "services/runtime/journal/kafka_membership.h"

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "services/runtime/base/names.h"
#include "services/runtime/journal/kafka_client.h"

namespace civicmesh {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPollMs = 100;
constexpr absl::Duration kBound = absl::Seconds(3);

using PartitionList =
    std::unique_ptr<rd_kafka_topic_partition_list_t, decltype(&rd_kafka_topic_partition_list_destroy)>;

}  // namespace

// Shared with the thread, which may outlive a Close that ran out of time.
struct KafkaMembership::Member {
  Member(const KafkaOptions& of, OnChange to, std::string given)
      : options(of), on_change(std::move(to)), topic(given.empty() ? InboxTopic(of.domain) : std::move(given)) {}

  static void OnRebalance(rd_kafka_t* handle, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list,
                          void* self) {
    static_cast<Member*>(self)->Rebalance(handle, what, *list);
  }
  static void OnError(rd_kafka_t*, int error, const char* reason, void* self) {
    if (error != RD_KAFKA_RESP_ERR__FATAL) return;  // All others it recovers from.
    auto* member = static_cast<Member*>(self);
    absl::MutexLock lock(&member->mutex);
    member->health = absl::UnavailableError(reason);
  }

  absl::Status Open();
  void Run();
  void Leave();
  void Rebalance(rd_kafka_t* handle, rd_kafka_resp_err_t what, const rd_kafka_topic_partition_list_t& list);
  void Tell(std::set<int> shards);

  const KafkaOptions options;
  const OnChange on_change;
  const std::string topic;
  rd_kafka_t* handle = nullptr;  // The thread's, once it runs.
  std::set<int> told;            // The thread's.

  absl::Mutex mutex;
  absl::Status health ABSL_GUARDED_BY(mutex);
  std::optional<Clock::time_point> leave_until ABSL_GUARDED_BY(mutex);  // Close was called.
  bool silent ABSL_GUARDED_BY(mutex) = false;                           // Close has returned.
  bool telling ABSL_GUARDED_BY(mutex) = false;
  bool left ABSL_GUARDED_BY(mutex) = false;
  bool ended ABSL_GUARDED_BY(mutex) = true;
};

absl::Status KafkaMembership::Member::Open() {
  auto made = NewKafkaConsumer(options, GroupProperties(OwnersGroup(options.domain)), [this](rd_kafka_conf_t* conf) {
    rd_kafka_conf_set_opaque(conf, this);
    rd_kafka_conf_set_rebalance_cb(conf, OnRebalance);
    rd_kafka_conf_set_error_cb(conf, OnError);
  });
  if (!made.ok()) return made.status();
  handle = *made;
  PartitionList topics(rd_kafka_topic_partition_list_new(1), rd_kafka_topic_partition_list_destroy);
  rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  rd_kafka_resp_err_t error = rd_kafka_subscribe(handle, topics.get());
  return error ? absl::UnavailableError(rd_kafka_err2str(error)) : absl::OkStatus();
}

void KafkaMembership::Member::Rebalance(rd_kafka_t* of, rd_kafka_resp_err_t what,
                                        const rd_kafka_topic_partition_list_t& list) {
  if (what != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    Tell({});
    rd_kafka_assign(of, nullptr);
    return;
  }
  // Answered with an empty list: this handle fetches nothing, whatever it was given.
  PartitionList none(rd_kafka_topic_partition_list_new(0), rd_kafka_topic_partition_list_destroy);
  rd_kafka_assign(of, none.get());
  std::set<int> shards;
  for (int i = 0; i < list.cnt; ++i) shards.insert(list.elems[i].partition);
  Tell(std::move(shards));
}

void KafkaMembership::Member::Tell(std::set<int> shards) {
  if (shards == told) return;
  told = shards;
  {
    absl::MutexLock lock(&mutex);
    if (silent) return;
    telling = true;
  }
  on_change(std::move(shards));
  absl::MutexLock lock(&mutex);
  telling = false;
}

void KafkaMembership::Member::Run() {
  for (bool leaving = false; !leaving;) {
    if (rd_kafka_message_t* message = rd_kafka_consumer_poll(handle, kPollMs)) rd_kafka_message_destroy(message);
    absl::MutexLock lock(&mutex);
    leaving = leave_until.has_value();
  }
  Leave();
  Tell({});
  rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  absl::MutexLock lock(&mutex);
  ended = true;
}

void KafkaMembership::Member::Leave() {
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(handle);
  if (rd_kafka_error_t* error = rd_kafka_consumer_close_queue(handle, queue)) rd_kafka_error_destroy(error);
  rd_kafka_queue_destroy(queue);
  bool in_time = true;
  while (!rd_kafka_consumer_closed(handle) && in_time) {
    if (rd_kafka_message_t* message = rd_kafka_consumer_poll(handle, kPollMs)) rd_kafka_message_destroy(message);
    absl::MutexLock lock(&mutex);
    in_time = Clock::now() < *leave_until;
  }
  absl::MutexLock lock(&mutex);
  left = rd_kafka_consumer_closed(handle);
}

KafkaMembership::KafkaMembership(const KafkaOptions& options, OnChange on_change, std::string topic)
    : member_(std::make_shared<Member>(options, std::move(on_change), std::move(topic))) {
  absl::Status opened = member_->Open();
  absl::MutexLock lock(&member_->mutex);
  member_->health = opened;
  if (member_->handle == nullptr) return;
  member_->ended = false;
  std::thread([member = member_] { member->Run(); }).detach();
}

KafkaMembership::~KafkaMembership() { Close(kBound).IgnoreError(); }

absl::Status KafkaMembership::Close(absl::Duration bound) {
  Member& member = *member_;
  absl::MutexLock lock(&member.mutex);
  if (member.silent) return absl::OkStatus();
  member.leave_until = Clock::now() + absl::ToChronoMilliseconds(bound);
  member.mutex.AwaitWithTimeout(absl::Condition(&member.ended), bound + kBound);
  member.silent = true;
  auto not_telling = [&member]() ABSL_SHARED_LOCKS_REQUIRED(member.mutex) { return !member.telling; };
  member.mutex.Await(absl::Condition(&not_telling));
  if (member.left || member.handle == nullptr) return absl::OkStatus();
  return absl::DeadlineExceededError("the group has not confirmed that this replica left");
}

absl::Status KafkaMembership::Health() const {
  absl::MutexLock lock(&member_->mutex);
  return member_->health;
}

}  // namespace civicmesh
