// What the kafka_* files that administer a cluster share: a connection that says why it is refused, and one question at
// a time over it. Private to them.
//
//   auto admin = KafkaAdmin::Reach(options);
//   auto answer = (*admin)->Ask(RD_KAFKA_ADMIN_OP_CREATETOPICS, [&](auto* options, auto* queue) {
//     rd_kafka_CreateTopics((*admin)->handle(), topics, count, options, queue); });
//
// One thread uses it; every call blocks for at most about seven seconds.
#pragma once

#include <librdkafka/rdkafka.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/runtime/journal/kafka_options.h"

namespace civicmesh {

template <auto destroy>
struct KafkaDeleter {
  template <class T>
  void operator()(T* t) const {
    destroy(t);
  }
};
using KafkaQueue = std::unique_ptr<rd_kafka_queue_t, KafkaDeleter<rd_kafka_queue_destroy>>;
using KafkaEvent = std::unique_ptr<rd_kafka_event_t, KafkaDeleter<rd_kafka_event_destroy>>;

class KafkaAdmin {
 public:
  static constexpr int kTimeoutMs = 7000;

  // Returns once a broker has answered. UNAVAILABLE: none does. UNAUTHENTICATED: one does not take this user, or wants
  // to know who asks; the message says what to do.
  static absl::StatusOr<std::unique_ptr<KafkaAdmin>> Reach(const KafkaOptions& options);

  rd_kafka_t* handle() const { return handle_.get(); }

  // What `ask` is answered. UNAVAILABLE: not in time, or a broker's error; PERMISSION_DENIED: the user may not.
  absl::StatusOr<KafkaEvent> Ask(rd_kafka_admin_op_t operation,
                                 const std::function<void(rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>& ask);

 private:
  KafkaAdmin() = default;
  static void OnError(rd_kafka_t*, int error, const char* reason, void* self);

  std::string refused_;  // why
  std::unique_ptr<rd_kafka_t, KafkaDeleter<rd_kafka_destroy>> handle_;
};

}  // namespace civicmesh
