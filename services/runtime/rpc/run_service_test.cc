// A service's process on the real Kafka and Redis: starts, becomes ready, moves time, comes to rest, drains.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "civicmesh/runtime/v1/control_service.grpc.pb.h"
#include "services/runtime/journal/kafka_topics.h"
#include "services/runtime/rpc/test_tokens.h"

namespace civicmesh {
namespace {

using runtime::v1::ControlService;

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  EXPECT_NE(value, nullptr) << name << " is not set: tests/run sets it";
  return value ? value : "";
}

class RunServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    domain_ = absl::StrCat("toy", std::random_device()());
    folder_ = absl::StrCat(testing::TempDir(), "/", domain_);
    ASSERT_EQ(system(absl::StrCat("mkdir -p ", folder_).c_str()), 0);
    std::ofstream(folder_ + "/jwks.json") << issuer_.Jwks();
    socket_ = absl::StrCat("unix:/tmp/", domain_, ".sock");  // a path for a socket must be short
    stub_ = ControlService::NewStub(grpc::CreateChannel(socket_, grpc::InsecureChannelCredentials()));
  }
  void TearDown() override {
    if (pid_ > 0) kill(pid_, SIGKILL);
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
    unlink(socket_.substr(5).c_str());
    if (HasFailure())
      for (const auto& line : Log()) std::fprintf(stderr, "%s\n", line.c_str());
  }
  void MakeTopics() {
    auto made = CreateTopics({.brokers = Environment("CIVICMESH_TEST_BROKER"), .domain = domain_, .shards = 2}, {});
    ASSERT_TRUE(made.ok()) << made;
    made = CreateTopics({.brokers = Environment("CIVICMESH_TEST_BROKER"), .domain = "reference", .shards = 1}, {});
    ASSERT_TRUE(made.ok()) << made;
  }
  void Spawn() {
    const std::string kafka = "--kafka=" + Environment("CIVICMESH_TEST_BROKER"),
                      redis = "--redis=unix:" + Environment("CIVICMESH_TEST_REDIS"), listen = "--listen=" + socket_,
                      jwks = environment_.count("CIVICMESH_JWKS") ? "--jwks=" + environment_["CIVICMESH_JWKS"]
                                                                  : absl::StrCat("--jwks=", folder_, "/jwks.json");
    pid_ = fork();
    if (pid_ == 0) {
      const int log = open((folder_ + "/log").c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
      dup2(log, STDERR_FILENO);
      setenv("TOY_DOMAIN", domain_.c_str(), 1);
      for (const auto& [name, value] : environment_) setenv(name.c_str(), value.c_str(), 1);
      execl(TOY_SERVICE, TOY_SERVICE, kafka.c_str(), redis.c_str(), listen.c_str(), jwks.c_str(), "--issuer=i",
            "--audience=a", "--shards=2", nullptr);
      _exit(127);
    }
  }
  std::unique_ptr<grpc::ClientContext> Operator() {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_wait_for_ready(true);
    context->set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    context->AddMetadata("authorization", "Bearer " + issuer_.Token({{"iss", "i"},
                                                                     {"aud", "a"},
                                                                     {"sub", "o"},
                                                                     {"exp", absl::ToUnixSeconds(absl::Now()) + 300},
                                                                     {"roles", {"OPERATOR"}}}));
    return context;
  }
  runtime::v1::GetShardsResponse Shards() {
    runtime::v1::GetShardsRequest request;
    request.set_service(domain_);
    runtime::v1::GetShardsResponse response;
    const auto status = stub_->GetShards(Operator().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  // Asks again until `holds`; the bound is only for a test that fails.
  template <typename Holds>
  bool Comes(Holds holds) {
    const absl::Time until = absl::Now() + absl::Seconds(40);
    while (absl::Now() < until && !testing::Test::HasFailure())
      if (holds()) return true;
    return false;
  }
  bool AtRest() {
    runtime::v1::QuiesceRequest request;
    request.set_service(domain_);
    runtime::v1::QuiesceResponse response;
    const auto status = stub_->Quiesce(Operator().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.at_rest();
  }
  std::vector<std::string> Log() {
    std::ifstream in(folder_ + "/log");
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }
  int Ended() {
    int status = 0;
    waitpid(std::exchange(pid_, 0), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  TestIssuer issuer_;
  std::map<std::string, std::string> environment_ = {{"CIVICMESH_CLOCK", "driven"},
                                                     {"CIVICMESH_DEVELOPMENT_TOKENS", "1"}};
  std::string domain_, folder_, socket_;
  pid_t pid_ = 0;
  std::unique_ptr<ControlService::Stub> stub_;
};

TEST_F(RunServiceTest, ServesMovesTimeRestsAndDrains) {
  MakeTopics();
  Spawn();
  ASSERT_TRUE(Comes([&] {
    const auto shards = Shards();
    return shards.shards_size() == 2 && shards.shards(0).serving() && shards.shards(1).serving();
  }));
  runtime::v1::AdvanceTimeRequest advance;
  advance.set_service(domain_);
  advance.mutable_time()->set_seconds(1'790'000'000);
  runtime::v1::AdvanceTimeResponse advanced;
  const auto status = stub_->AdvanceTime(Operator().get(), advance, &advanced);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_TRUE(Comes([&] { return AtRest(); }));
  const auto shards = Shards();
  for (const auto& shard : shards.shards()) EXPECT_EQ(shard.now().seconds(), 1'790'000'000);

  stub_.reset();  // nobody reads what this channel is told any more, and draining would wait for it
  const absl::Time asked = absl::Now();
  kill(pid_, SIGTERM);
  EXPECT_EQ(Ended(), 0);
  EXPECT_LT(absl::Now() - asked, absl::Seconds(2));
}

TEST_F(RunServiceTest, RefusesToStartWithoutItsTopics) {
  Spawn();
  EXPECT_EQ(Ended(), 1);
}

TEST_F(RunServiceTest, ProductionRefusesWhatOnlyDevelopmentMayHave) {
  const std::map<std::string, std::string> good = {{"CIVICMESH_PRODUCTION", "1"},         {"CIVICMESH_CLOCK", "real"},
                                                   {"CIVICMESH_DEVELOPMENT_TOKENS", "0"}, {"CIVICMESH_BODY_KEY", "b"},
                                                   {"CIVICMESH_PERSON_KEY", "p"},         {"TOY_SECRET", "s"}};
  const std::map<std::string, std::string> bad = {{"CIVICMESH_CLOCK", "driven"},
                                                  {"CIVICMESH_DEVELOPMENT_TOKENS", "1"},
                                                  {"CIVICMESH_BODY_KEY", ""},
                                                  {"CIVICMESH_PERSON_KEY", ""},
                                                  {"TOY_SECRET", ""},
                                                  {"CIVICMESH_JWKS", "http://id.test/jwks.json"}};
  for (const auto& [name, value] : bad) {
    environment_ = good;
    environment_[name] = value;
    Spawn();
    EXPECT_EQ(Ended(), 1) << name;
    EXPECT_THAT(Log(), testing::Contains(testing::HasSubstr("production"))) << name;
  }
  environment_ = good;  // goes on to look for its topics
  Spawn();
  EXPECT_EQ(Ended(), 1);
  EXPECT_THAT(Log(), testing::Contains(testing::HasSubstr("does not exist")));
}

TEST_F(RunServiceTest, SecretsComeFromFilesToo) {
  std::ofstream(folder_ + "/secret") << "s\n";
  environment_ = {{"CIVICMESH_PRODUCTION", "1"},
                  {"CIVICMESH_BODY_KEY", "b"},
                  {"CIVICMESH_PERSON_KEY_FILE", folder_ + "/secret"},
                  {"TOY_SECRET_FILE", folder_ + "/secret"}};
  Spawn();  // goes on to look for its topics
  EXPECT_EQ(Ended(), 1);
  EXPECT_THAT(Log(), testing::Contains(testing::HasSubstr("does not exist")));
  for (const char* name : {"CIVICMESH_PERSON_KEY_FILE", "TOY_SECRET_FILE"}) {
    const std::string good = std::exchange(environment_[name], "/nowhere");
    Spawn();
    EXPECT_EQ(Ended(), 1) << name;
    EXPECT_THAT(Log(), testing::Contains(testing::HasSubstr(absl::StrCat(name, ": cannot read /nowhere")))) << name;
    environment_[name] = good;
  }
}

TEST_F(RunServiceTest, EveryLineOfItsLogIsJson) {
  MakeTopics();
  socket_ = "unix:/nowhere/service.sock";
  Spawn();
  EXPECT_EQ(Ended(), 1);
  const auto lines = Log();
  for (const auto& line : lines) EXPECT_TRUE(nlohmann::json::accept(line)) << line;
  EXPECT_THAT(lines, testing::Contains(testing::HasSubstr("\"event\":\"gRPC\"")));
  EXPECT_THAT(lines, testing::Contains(testing::HasSubstr("cannot listen on")));
}

}  // namespace
}  // namespace civicmesh
