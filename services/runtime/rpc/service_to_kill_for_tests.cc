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
#include "services/runtime/journal/kafka_topics.h"

namespace civicmesh {
namespace {

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
      shards_(shards),
      broker_(Environment("CIVICMESH_TEST_BROKER")),
      redis_(Environment("CIVICMESH_TEST_REDIS")),
      jwks_(FreshPath(domain, ".json")),
      socket_(FreshPath(domain, ".sock")) {
  auto made = CreateTopics({.brokers = broker_, .domain = domain, .shards = shards}, {});
  EXPECT_TRUE(made.ok()) << made;
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
          shards.c_str(), "--issuer=issuer", "--audience=civicmesh", nullptr);
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

std::string ServiceToKill::NewRequestId() {
  const int64_t ms = absl::ToUnixMillis(absl::Now());
  return absl::StrFormat("%08x-%04x-7000-8000-%012x", ms >> 16, ms & 0xffff, ++requests_);
}

std::string ServiceToKill::TokenOf(const ActorView& actor) const {
  return issuer_.Token({{"iss", "issuer"},
                        {"aud", "civicmesh"},
                        {"sub", actor.subject},
                        {"exp", absl::ToUnixSeconds(absl::Now()) + 300},
                        {"roles", actor.roles},
                        {"unit", actor.unit}});
}

}  // namespace civicmesh
