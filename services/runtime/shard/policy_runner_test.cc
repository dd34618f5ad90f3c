// Policies on the real broker: what a fact makes, that it is not made again, and what happens to a fact nobody can
// read.
#include "services/runtime/shard/policy_runner.h"

#include <cstdlib>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "civicmesh/log/v1/log.pb.h"
#include "gtest/gtest.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/journal/journal_contract.h"
#include "services/runtime/journal/kafka_group_reader.h"
#include "services/runtime/journal/kafka_journal.h"
#include "services/runtime/journal/kafka_topics.h"

namespace civicmesh {
// Only RecordingSink is used of the contract here.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(JournalContract);

namespace {

KafkaOptions Domain(const std::string& name) {
  const char* broker = std::getenv("CIVICMESH_TEST_BROKER");
  EXPECT_NE(broker, nullptr) << "CIVICMESH_TEST_BROKER is not set: tests/run sets it";
  return {.brokers = broker ? broker : "", .domain = absl::StrCat(name, std::random_device()()), .shards = 2};
}

class PolicyRunnerTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(CreateTopics(source_, {}).ok());
    ASSERT_TRUE(CreateTopics(target_, {}).ok());
    events_ = source_journal_.NewAppender();
    reader_ = target_journal_.NewReader();
    for (Partition at : {kInbox0, kInbox1, kParked}) {
      seen_.Expect(at, 0);
      reader_->Start(at, 0);
    }
  }
  void Publish(int shard, int64_t journal_offset, const std::string& text) {
    Headers headers{{"ce_id", absl::StrCat(source_.domain, "/", shard, "/", journal_offset, "/0")},
                    {"ce_type", "fact"},
                    {"ce_subject", "s"},
                    {"ce_time", "2026-11-18T10:00:00Z"},
                    {"traceparent", absl::StrCat("trace of ", journal_offset)}};
    ASSERT_TRUE(events_->Append({Topic::kEvents, shard}, text, headers).ok());
  }
  PolicySpec Spec() {
    return {.name = "copy", .source_domain = source_.domain, .react = [](const PublicFact& fact) {
              using Commands = std::vector<PolicyCommand>;
              if (fact.bytes == "bad") return absl::StatusOr<Commands>(absl::InvalidArgumentError("unreadable"));
              return absl::StatusOr<Commands>(Commands{{0, "zero " + fact.bytes}, {1, "one " + fact.bytes}});
            }};
  }
  // Turns the runner and reads the target until so many commands are in shard 1, or time runs out.
  void RunUntil(PolicyRunner& runner, size_t commands) {
    const absl::Time until = absl::Now() + absl::Seconds(30);
    auto committed = [&] {
      int64_t sum = 0;
      for (auto [shard, next] : runner.progress().committed) sum += next;
      return sum;
    };
    while ((seen_.partitions[kInbox1].records.size() < commands || committed() < published_) && absl::Now() < until) {
      runner.Turn(100, 20);
      reader_->Poll(seen_, 100, 0);
    }
  }
  std::vector<log::v1::Command> Commands(Partition at) {
    std::vector<log::v1::Command> commands;
    for (const auto& record : seen_.partitions[at].records) {
      auto bytes = Unframe(record.value);
      EXPECT_TRUE(bytes.ok());
      EXPECT_TRUE(commands.emplace_back().ParseFromArray(bytes->data(), static_cast<int>(bytes->size())));
    }
    return commands;
  }

  static constexpr Partition kInbox0{Topic::kInbox, 0}, kInbox1{Topic::kInbox, 1}, kParked{Topic::kParked, 0};
  const KafkaOptions source_ = Domain("source"), target_ = Domain("target");
  KafkaJournal source_journal_{source_}, target_journal_{target_};
  std::unique_ptr<LogAppender> events_;
  std::unique_ptr<LogReader> reader_;
  RecordingSink seen_;
  int64_t published_ = 0;
};

TEST_F(PolicyRunnerTest, EachFactBecomesItsCommandsAndAFollowerGoesOnBehindThem) {
  for (int64_t i = 1; i <= 5; ++i) Publish(i % 2, i, absl::StrCat("f", i));
  published_ = 5;
  {
    KafkaGroupReader group(source_, "policy-" + target_.domain);
    PolicyRunner runner(Spec(), /*driven=*/true, &group, &target_journal_);
    RunUntil(runner, 5);
  }
  auto commands = Commands(kInbox1);
  ASSERT_EQ(commands.size(), 5u);
  ASSERT_EQ(Commands(kInbox0).size(), 5u);
  std::set<std::string> ids;
  for (const auto& command : commands) {
    EXPECT_EQ(command.kind(), log::v1::Command::KIND_POLICY);
    EXPECT_EQ(command.origin().policy(), "copy");
    EXPECT_EQ(command.payload(), absl::StrCat("one f", command.origin().event().journal_offset()));
    EXPECT_EQ(absl::FormatTime(absl::FromUnixMillis(command.driven_time_ms()), absl::UTCTimeZone()),
              "2026-11-18T10:00:00+00:00");
    EXPECT_EQ(command.traceparent(), absl::StrCat("trace of ", command.origin().event().journal_offset()));
    ids.insert(command.command_id());
  }
  EXPECT_EQ(ids.size(), 5u);

  Publish(0, 9, "f9");
  published_ = 6;
  KafkaGroupReader group(source_, "policy-" + target_.domain);
  PolicyRunner next(Spec(), true, &group, &target_journal_);
  RunUntil(next, 6);
  commands = Commands(kInbox1);
  ASSERT_EQ(commands.size(), 6u) << "what was committed is not repeated";
  EXPECT_EQ(commands.back().payload(), "one f9");
}

TEST_F(PolicyRunnerTest, AFactThatCannotBeReadIsParkedAndTheNextOnesGoOn) {
  Publish(0, 1, "bad");
  Publish(0, 2, "good");
  published_ = 2;
  KafkaGroupReader group(source_, "policy-" + target_.domain);
  PolicyRunner runner(Spec(), false, &group, &target_journal_);
  RunUntil(runner, 1);
  ASSERT_EQ(Commands(kInbox1).size(), 1u);
  reader_->Poll(seen_, 10, 1000);
  const auto& parked = seen_.partitions[kParked].records;
  ASSERT_EQ(parked.size(), 1u);
  EXPECT_EQ(parked[0].value, "bad");
  EXPECT_EQ(runner.progress().parked, 1u);
}

TEST_F(PolicyRunnerTest, AFactCountsOnceWhatItAsksForOutsideTheLogIsDone) {
  Publish(0, 1, "one");
  Publish(0, 2, "bad deed");
  Publish(0, 3, "three");
  published_ = 3;
  std::vector<std::string> tried;
  PolicySpec spec = Spec();
  spec.act = [&](const PublicFact& fact) -> absl::Status {
    tried.push_back(fact.bytes);
    if (fact.bytes == "bad deed") return absl::InvalidArgumentError("cannot be done");
    return tried.size() < 3 ? absl::UnavailableError("not now") : absl::OkStatus();
  };
  KafkaOptions patient = source_;
  patient.patience = absl::Milliseconds(500);
  KafkaGroupReader group(patient, "policy-" + target_.domain);
  PolicyRunner runner(spec, false, &group, &target_journal_);
  RunUntil(runner, 2);
  EXPECT_EQ(tried, (std::vector<std::string>{"one", "one", "one", "bad deed", "three"}));
  const auto commands = Commands(kInbox1);
  ASSERT_EQ(commands.size(), 2u);
  EXPECT_EQ(commands[0].payload(), "one one");
  EXPECT_EQ(commands[1].payload(), "one three");
  EXPECT_EQ(runner.progress().parked, 1u);
}

}  // namespace
}  // namespace civicmesh
