// A process that owns shards is killed in the middle of its work: what was accepted into the inbox takes effect exactly
// once (I3, I4), and the next owner serves within its bound (DESIGN section 6: 10 s after kill -9).
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "civicmesh/log/v1/log.pb.h"
#include "gtest/gtest.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/hotstate/redis_hot_state.h"
#include "services/runtime/journal/kafka_journal.h"
#include "services/runtime/journal/kafka_topics.h"
#include "tests/simulation/toy_machine.h"

namespace civicmesh {
namespace {

constexpr int kShards = 2;
constexpr int kAccounts = 10;  // per shard
constexpr absl::Duration kTakeover = absl::Seconds(10);

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  EXPECT_NE(value, nullptr) << name << " is not set: tests/run sets it";
  return value ? value : "";
}

class WorkerKill : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(CreateTopics(options_, {}).ok());
    door_ = journal_.NewHandlerAppender(absl::Seconds(10));
  }
  void TearDown() override { Kill(); }

  void Spawn() {
    pid_ = fork();
    if (pid_ == 0) {
      execl(TOY_WORKER, "toy_worker", options_.brokers.c_str(), redis_.c_str(), options_.domain.c_str(),
            absl::StrCat(kShards).c_str(), nullptr);
      _exit(127);
    }
  }
  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  void Send(int n) {
    log::v1::Command command;
    command.set_kind(log::v1::Command::KIND_REQUEST);
    command.set_command_id(Sha256(absl::StrCat("command ", n)));
    command.set_issued_at_ms(absl::ToUnixMillis(absl::Now()));
    command.set_body_hash("0123456789abcdef");
    command.set_payload(absl::StrCat("cr a", n / kShards % kAccounts, " 2"));
    ASSERT_TRUE(door_->Append({Topic::kInbox, n % kShards}, Frame(command.SerializeAsString()), {}).ok());
  }
  // Waits until command `n` has a verified outcome below @offset.
  bool Decided(int n, absl::Duration within) {
    const absl::Time until = absl::Now() + within;
    while (absl::Now() < until) {
      bool there = false, answered = false;
      hot_.Read(n % kShards, HotTable::kOutcomes, {Sha256(absl::StrCat("command ", n))},
                [&](absl::StatusOr<HotRead> read) {
                  answered = true;
                  log::v1::OutcomeValue outcome;
                  log::v1::HotPoint point;
                  there = read.ok() && read->verified && read->values[0] && outcome.ParseFromString(*read->values[0]) &&
                          point.ParseFromString(read->point.blob) && outcome.offset() < point.offset();
                });
      while (!answered) hot_.Poll(10);
      if (there) return true;
    }
    return false;
  }
  // The balances of all accounts.
  int64_t Total() {
    int64_t total = 0;
    for (int shard = 0; shard < kShards; ++shard) {
      std::vector<std::string> keys;
      for (int i = 0; i < kAccounts; ++i) keys.push_back(absl::StrCat("a", i));
      bool answered = false;
      hot_.Read(shard, HotTable::kStreams, keys, [&](absl::StatusOr<HotRead> read) {
        answered = true;
        ASSERT_TRUE(read.ok()) << read.status();
        for (const auto& bytes : read->values) {
          log::v1::StreamValue value;
          if (!bytes || !value.ParseFromString(*bytes)) continue;
          simulation::ToyMachine machine;
          ASSERT_TRUE(machine.Load("a", value.state()).ok()) << value.state();
          total += machine.accounts().at("a").balance;
        }
      });
      while (!answered) hot_.Poll(10);
    }
    return total;
  }

  const std::string redis_ = "unix:" + Environment("CIVICMESH_TEST_REDIS");
  const KafkaOptions options_{.brokers = Environment("CIVICMESH_TEST_BROKER"),
                              .domain = absl::StrCat("kill", std::random_device()()),
                              .shards = kShards};
  KafkaJournal journal_{options_};
  RedisHotState hot_{{.servers = {redis_}, .domain = options_.domain}};
  std::unique_ptr<LogAppender> door_;
  pid_t pid_ = 0;
};

TEST_F(WorkerKill, EveryAcceptedCommandTakesEffectOnce) {
  Spawn();
  Send(0);
  ASSERT_TRUE(Decided(0, absl::Seconds(30)));
  for (int n = 1; n < 3000; ++n) Send(n);
  ASSERT_TRUE(Decided(500, absl::Seconds(30)));
  Kill();
  for (int n = 3000; n < 3200; ++n) Send(n);
  const absl::Time killed = absl::Now();
  Spawn();
  ASSERT_TRUE(Decided(3199, kTakeover)) << "no owner within the bound";
  ASSERT_TRUE(Decided(3198, kTakeover));
  RecordProperty("takeover_ms", static_cast<int>(absl::ToInt64Milliseconds(absl::Now() - killed)));
  EXPECT_EQ(Total(), 2 * 3200);

  for (int n = 0; n < 3200; ++n) Send(n);  // every client tries again
  Send(3200);
  Send(3201);
  ASSERT_TRUE(Decided(3200, absl::Seconds(30)));
  ASSERT_TRUE(Decided(3201, absl::Seconds(30)));
  EXPECT_EQ(Total(), 2 * 3202);
}

}  // namespace
}  // namespace civicmesh
