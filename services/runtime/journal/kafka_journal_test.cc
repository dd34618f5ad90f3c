#include "services/runtime/journal/kafka_journal.h"

#include <poll.h>

#include <cstdlib>
#include <random>

#include "absl/strings/str_cat.h"
#include "services/runtime/journal/journal_contract.h"
#include "services/runtime/journal/kafka_topics.h"

namespace civicmesh {
namespace {

KafkaOptions FreshDomain(int shards) {
  const char* broker = std::getenv("CIVICMESH_TEST_BROKER");
  if (broker == nullptr) throw std::runtime_error("CIVICMESH_TEST_BROKER=host:port is not set");
  static std::random_device device;
  return {.brokers = broker, .domain = absl::StrCat("test", device(), device()), .shards = shards};
}

// The parked topic takes small records only: a larger one is refused by the broker, not by the client.
const TopicCreation kSmallParked = {.settings = {{Topic::kParked, "max.message.bytes", "2000"}}};

std::unique_ptr<Journal> Make(int shards) {
  KafkaOptions options = FreshDomain(shards);
  absl::Status created = CreateTopics(options, kSmallParked);
  EXPECT_TRUE(created.ok()) << created;
  return std::make_unique<KafkaJournal>(options);
}

void Kill(Journal&, LogAppender& session) {
  EXPECT_TRUE(session.Append({Topic::kParked, 0}, std::string(50'000, 'x'), {}).ok());
}

INSTANTIATE_TEST_SUITE_P(Kafka, JournalContract, testing::Values(JournalMaker{"kafka", Make, Kill}),
                         JournalMaker::Name);

class KafkaJournalTest : public testing::Test {
 protected:
  static constexpr Partition kJournal0{Topic::kJournal, 0};

  void SetUp() override {
    absl::Status created = CreateTopics(options_, {});
    ASSERT_TRUE(created.ok()) << created;
  }
  bool Readable(LogReader& reader, int wait_ms) {
    pollfd descriptor{reader.descriptor(), POLLIN, 0};
    return poll(&descriptor, 1, wait_ms) == 1;
  }

  KafkaOptions options_ = FreshDomain(2);
  KafkaJournal journal_{options_};
};

TEST_F(KafkaJournalTest, TheDescriptorAloneTellsWhenToPoll) {
  auto reader = journal_.NewReader();
  auto session = journal_.NewAppender();
  RecordingSink sink;
  sink.Expect(kJournal0, 0);
  reader->Start(kJournal0, 0);
  for (int round = 1; round <= 20; ++round) {
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(session->Append(kJournal0, "x", {}).ok());
    // One record at a time: what a Poll left behind must be told again.
    while (sink.partitions[kJournal0].records.size() < 5u * round) {
      ASSERT_TRUE(Readable(*reader, 10'000)) << "record " << sink.partitions[kJournal0].records.size();
      reader->Poll(sink, 1, 0);
    }
  }
  while (Readable(*reader, 0)) reader->Poll(sink, 1, 0);
  reader->Wake();
  EXPECT_TRUE(Readable(*reader, 10'000));
}

TEST_F(KafkaJournalTest, AQueuedOutOfRangeOfAReplacedPositionIsNotTold) {
  auto reader = journal_.NewReader();
  RecordingSink sink;
  reader->Start(kJournal0, 1000);
  ASSERT_TRUE(Readable(*reader, 10'000)) << "the broker's answer, not polled yet";
  sink.Expect(kJournal0, 0);
  reader->Start(kJournal0, 0);
  for (int i = 0; i < 500 && sink.partitions[kJournal0].ends.empty(); ++i) reader->Poll(sink, 10, 20);
  EXPECT_EQ(sink.partitions[kJournal0].ends.size(), 1u);
  EXPECT_TRUE(sink.partitions[kJournal0].troubles.empty());
}

TEST_F(KafkaJournalTest, HandlerSessionAppends) {
  auto session = journal_.NewHandlerAppender(absl::Seconds(5));
  std::atomic<int64_t> landed = -1;
  ASSERT_TRUE(
      session->Append({Topic::kInbox, 1}, "command", {}, [&](auto offset) { landed = offset.value_or(-2); }).ok());
  auto reader = journal_.NewReader();
  RecordingSink sink;
  reader->Start({Topic::kInbox, 1}, 0);
  for (int i = 0; i < 500 && (landed == -1 || sink.partitions.empty()); ++i) reader->Poll(sink, 10, 20);
  EXPECT_EQ(landed, 0);
}

TEST_F(KafkaJournalTest, ASessionMayBeDestroyedWithinDone) {
  auto session = journal_.NewAppender();
  auto reader = journal_.NewReader();
  RecordingSink sink;
  reader->Start(kJournal0, 0);
  std::atomic<bool> destroyed = false;
  ASSERT_TRUE(session
                  ->Append(kJournal0, "x", {},
                           [&](auto) {
                             session.reset();
                             destroyed = true;
                           })
                  .ok());
  for (int i = 0; i < 500 && !destroyed; ++i) reader->Poll(sink, 10, 20);
  EXPECT_TRUE(destroyed);
}

TEST(KafkaTopicsTest, AsCreatedTheyPassAndCreatingAgainIsHarmless) {
  KafkaOptions options = FreshDomain(3);
  ASSERT_TRUE(CreateTopics(options, {}).ok());
  EXPECT_TRUE(CreateTopics(options, {}).ok());
  absl::Status checked = CheckTopics(options);
  EXPECT_TRUE(checked.ok()) << checked;
}

TEST(KafkaTopicsTest, EveryWrongSettingIsNamed) {
  struct Wrong {
    Topic topic;
    const char *name, *value, *says;
  };
  for (const Wrong& wrong : {
           Wrong{Topic::kInbox, "message.timestamp.type", "CreateTime",
                 "commands.v1: message.timestamp.type is CreateTime"},
           Wrong{Topic::kInbox, "retention.ms", "86400000", "commands.v1: retention.ms is 86400000, must be at least"},
           Wrong{Topic::kJournal, "retention.ms", "604800000", "journal.v1: retention.ms is 604800000, must be -1"},
           Wrong{Topic::kJournal, "retention.bytes", "1000000", "journal.v1: retention.bytes"},
           Wrong{Topic::kJournal, "cleanup.policy", "compact", "journal.v1: cleanup.policy is compact, must be delete"},
           Wrong{Topic::kEvents, "cleanup.policy", "compact,delete", "events.v1: cleanup.policy"},
           Wrong{Topic::kEvents, "unclean.leader.election.enable", "true", "events.v1: unclean.leader.election.enable"},
           Wrong{Topic::kParked, "max.message.bytes", "2000", "parked.v1: max.message.bytes is 2000"},
       }) {
    KafkaOptions options = FreshDomain(1);
    ASSERT_TRUE(CreateTopics(options, {.settings = {{wrong.topic, wrong.name, wrong.value}}}).ok());
    absl::Status checked = CheckTopics(options);
    EXPECT_TRUE(absl::IsFailedPrecondition(checked)) << checked;
    EXPECT_THAT(std::string(checked.message()), testing::HasSubstr(wrong.says));
  }
}

TEST(KafkaTopicsTest, MissingTopicsAndOtherShardCountsAreNamed) {
  KafkaOptions options = FreshDomain(2);
  EXPECT_THAT(std::string(CheckTopics(options).message()), testing::HasSubstr("journal.v1 does not exist"));
  ASSERT_TRUE(CreateTopics(options, {}).ok());
  options.shards = 3;
  absl::Status checked = CheckTopics(options);
  EXPECT_TRUE(absl::IsFailedPrecondition(checked)) << checked;
  EXPECT_THAT(std::string(checked.message()), testing::HasSubstr("has 2 partitions, must have 3"));
}

}  // namespace
}  // namespace civicmesh
