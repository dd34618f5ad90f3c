#include "services/runtime/rpc/service_to_kill_for_tests.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/notification.h"
#include "civicmesh/runtime/v1/control_service.grpc.pb.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/decider/posts_for_tests.h"
#include "services/runtime/journal/kafka_journal.h"
#include "services/runtime/journal/kafka_topics.h"
#include "services/runtime/shard/reference_reader.h"

namespace civicmesh {
namespace {

using runtime::v1::ControlService;

constexpr absl::Duration kPatience = absl::Seconds(90);

ActorView Operator() { return {.subject = "operator", .posts = Posts({"OPERATOR"})}; }

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  EXPECT_NE(value, nullptr) << name << " is not set: tests/run sets it";
  return value ? value : "";
}

// Short: a socket's path has at most 107 characters.
std::string FreshPath(const std::string& domain, const char* ending) {
  return absl::StrCat("/tmp/", domain, "-", absl::Hex(std::random_device()()), ending);
}

}  // namespace

ServiceToKill::ServiceToKill(std::string program, const std::string& domain, int shards)
    : program_(std::move(program)),
      domain_(domain),
      shards_(shards),
      broker_(Environment("CIVICMESH_TEST_BROKER")),
      redis_(Environment("CIVICMESH_TEST_REDIS")),
      jwks_(FreshPath(domain, ".json")),
      socket_(FreshPath(domain, ".sock")) {
  auto made = CreateTopics({.brokers = broker_, .domain = domain, .shards = shards}, {});
  EXPECT_TRUE(made.ok()) << made;
  const auto reference = CreateTopics({.brokers = broker_, .domain = "reference", .shards = 1}, {});
  EXPECT_TRUE(reference.ok()) << reference;
  std::ofstream(jwks_) << issuer_.Jwks();
  Spawn();
}

ServiceToKill::~ServiceToKill() {
  Kill();
  unlink(jwks_.c_str());
  unlink(socket_.c_str());
}

void ServiceToKill::Spawn() {
  const std::string kafka = "--kafka=" + broker_, redis = "--redis=unix:" + redis_, listen = "--listen=unix:" + socket_,
                    jwks = "--jwks=" + jwks_, shards = absl::StrCat("--shards=", shards_);
  pid_ = fork();
  if (pid_ == 0) {
    execl(program_.c_str(), program_.c_str(), kafka.c_str(), redis.c_str(), listen.c_str(), jwks.c_str(),
          shards.c_str(), "--issuer=issuer", "--audience=civicmesh", "--development_tokens", nullptr);
    _exit(127);
  }
}

void ServiceToKill::Kill() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(std::exchange(pid_, 0), nullptr, 0);
}

std::shared_ptr<grpc::Channel> ServiceToKill::Connect() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
  return grpc::CreateCustomChannel("unix:" + socket_, grpc::InsecureChannelCredentials(), arguments);
}

void ServiceToKill::LoadReference(const std::string& kind, const std::string& content) {
  const KafkaOptions reference{.brokers = broker_, .domain = "reference", .shards = 1};
  KafkaJournal journal(reference);
  const auto appender = journal.NewAppender();
  for (auto& record : ReferenceRecords(kind, "test", content)) {
    absl::Notification answered;
    absl::Status landed;
    const auto queued =
        appender->Append({Topic::kJournal, 0}, std::move(record), {}, [&](const absl::StatusOr<int64_t>& at) {
          landed = at.status();
          answered.Notify();
        });
    ASSERT_TRUE(queued.ok()) << queued;
    answered.WaitForNotification();
    ASSERT_TRUE(landed.ok()) << landed;
  }
  runtime::v1::ActivateReferenceRequest request;
  request.set_service(domain_);
  request.set_kind(kind);
  request.set_version("test");
  request.set_sha256(Sha256(content));
  request.mutable_valid_from()->set_seconds(1);
  runtime::v1::ActivateReferenceResponse response;
  auto control = ControlService::NewStub(Connect());
  const auto status = Call(*control, Operator(), &ControlService::Stub::ActivateReference, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
}

void ServiceToKill::Quiesce() {
  runtime::v1::QuiesceRequest request;
  request.set_service(domain_);
  runtime::v1::QuiesceResponse response;
  auto control = ControlService::NewStub(Connect());
  const absl::Time until = absl::Now() + kPatience;
  do {
    const auto status = Call(*control, Operator(), &ControlService::Stub::Quiesce, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  } while (!response.at_rest() && absl::Now() < until);
  ASSERT_TRUE(response.at_rest()) << response.ShortDebugString();
}

std::string ServiceToKill::NewRequestId() {
  const int64_t ms = absl::ToUnixMillis(absl::Now());
  return absl::StrFormat("%08x-%04x-7000-8000-%012x", ms >> 16, ms & 0xffff, ++requests_);
}

std::string ServiceToKill::TokenOf(const ActorView& actor) const {
  return issuer_.TokenOf(actor, {{"iss", "issuer"}, {"aud", "civicmesh"}});
}

}  // namespace civicmesh
