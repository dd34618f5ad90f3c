#include "services/runtime/journal/kafka_admin.h"

#include <chrono>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/runtime/journal/kafka_client.h"

namespace civicmesh {
namespace {

constexpr int kProbeMs = 500;

// Of "[thrd:…]: host:port/bootstrap: SASL authentication error: …" what a person wants to know.
std::string Reason(const char* text) {
  const std::string whole(text);
  const size_t at = whole.find("/bootstrap: ");
  return at == std::string::npos ? whole : whole.substr(at + 12);
}

}  // namespace

void KafkaAdmin::OnError(rd_kafka_t*, int error, const char* reason, void* self) {
  // A broker that wants a login simply hangs up on who has none: librdkafka guesses why.
  const bool hung_up = error == RD_KAFKA_RESP_ERR__TRANSPORT && absl::StrContains(reason, "security.protocol");
  if (error == RD_KAFKA_RESP_ERR__AUTHENTICATION || error == RD_KAFKA_RESP_ERR__SSL || hung_up)
    static_cast<KafkaAdmin*>(self)->refused_ = Reason(reason);
}

absl::StatusOr<std::unique_ptr<KafkaAdmin>> KafkaAdmin::Reach(const KafkaOptions& options) {
  std::unique_ptr<KafkaAdmin> admin(new KafkaAdmin);
  auto handle = NewKafkaProducer(options, {}, [&](rd_kafka_conf_t* conf) {
    rd_kafka_conf_set_opaque(conf, admin.get());
    rd_kafka_conf_set_error_cb(conf, OnError);
  });
  if (!handle.ok()) return handle.status();
  admin->handle_.reset(*handle);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kTimeoutMs);
  while (true) {
    const rd_kafka_metadata_t* metadata = nullptr;
    const rd_kafka_resp_err_t error = rd_kafka_metadata(*handle, 0, nullptr, &metadata, kProbeMs);
    if (!error) {
      rd_kafka_metadata_destroy(metadata);
      return admin;
    }
    rd_kafka_poll(*handle, 0);
    if (!admin->refused_.empty())
      return absl::UnauthenticatedError(
          absl::StrCat("Kafka at ", options.brokers, " does not let this process in (", admin->refused_,
                       "): give user and password, in a file that CIVICMESH_KAFKA_SECURITY_FILE names"));
    if (std::chrono::steady_clock::now() > deadline) return absl::UnavailableError(rd_kafka_err2str(error));
  }
}

absl::StatusOr<KafkaEvent> KafkaAdmin::Ask(
    rd_kafka_admin_op_t operation, const std::function<void(rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>& ask) {
  std::unique_ptr<rd_kafka_AdminOptions_t, KafkaDeleter<rd_kafka_AdminOptions_destroy>> options(
      rd_kafka_AdminOptions_new(handle(), operation));
  char why[256];
  rd_kafka_AdminOptions_set_request_timeout(options.get(), kTimeoutMs, why, sizeof why);
  KafkaQueue queue(rd_kafka_queue_new(handle()));
  ask(options.get(), queue.get());
  KafkaEvent event(rd_kafka_queue_poll(queue.get(), kTimeoutMs + 500));
  if (event == nullptr) return absl::UnavailableError("Kafka does not answer");
  const rd_kafka_resp_err_t error = rd_kafka_event_error(event.get());
  if (!error) return event;
  const std::string said = rd_kafka_event_error_string(event.get());
  const bool denied =
      error == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED || error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
  if (denied) return absl::PermissionDeniedError(said);
  return absl::UnavailableError(said);
}

}  // namespace civicmesh
