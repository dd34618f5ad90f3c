// What sessions and readers do when brokers go: over librdkafka's mock cluster, which can be told to.
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "services/runtime/base/names.h"
#include "services/runtime/journal/journal_contract.h"
#include "services/runtime/journal/kafka_journal.h"
#include "services/runtime/journal/kafka_topics.h"

namespace civicmesh {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(JournalContract);

namespace {

using Clock = std::chrono::steady_clock;

constexpr Partition kJournal0{Topic::kJournal, 0};
constexpr Partition kInbox1{Topic::kInbox, 1};

// One broker that goes and comes as it is told.
class Cluster {
 public:
  Cluster() {
    char error[256];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, nullptr);
    handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    cluster_ = rd_kafka_mock_cluster_new(handle_, 1);
    for (const std::string& topic :
         {InboxTopic("test"), JournalTopic("test"), EventsTopic("test"), ParkedTopic("test")})
      rd_kafka_mock_topic_create(cluster_, topic.c_str(), 2, 1);
  }
  ~Cluster() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(handle_);
  }
  KafkaOptions options() const {
    return {.brokers = rd_kafka_mock_cluster_bootstraps(cluster_),
            .domain = "test",
            .shards = 2,
            .ack_timeout = absl::Milliseconds(700)};
  }
  void Down() { rd_kafka_mock_broker_set_down(cluster_, 1); }
  void Up() { rd_kafka_mock_broker_set_up(cluster_, 1); }
  void Answer(int after_ms) { rd_kafka_mock_broker_set_rtt(cluster_, 1, after_ms); }

 private:
  rd_kafka_t* handle_;
  rd_kafka_mock_cluster_t* cluster_;
};

// An append whose answer can be waited for.
class Appended {
 public:
  Appended(LogAppender& session, Partition at) {
    queued = session.Append(at, "x", {}, [state = state_](absl::StatusOr<int64_t> offset) {
      state->offset = offset;
      state->answered.Notify();  // A second call dies here.
    });
  }
  absl::Status Wait() {
    if (!queued.ok()) return queued;
    if (!state_->answered.WaitForNotificationWithTimeout(absl::Seconds(20))) return absl::InternalError("no answer");
    return state_->offset.status();
  }
  bool answered() const { return state_->answered.HasBeenNotified(); }
  absl::Status queued;

 private:
  struct State {
    absl::StatusOr<int64_t> offset;
    absl::Notification answered;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

class KafkaOutageTest : public testing::Test {
 protected:
  bool PollUntil(LogReader& reader, const std::function<bool()>& reached) {
    for (auto begin = Clock::now(); !reached();) {
      if (Clock::now() - begin > std::chrono::seconds(20)) return false;
      reader.Poll(sink_, 100, 20);
    }
    return true;
  }

  Cluster cluster_;
  KafkaJournal journal_{cluster_.options()};
  RecordingSink sink_;
};

TEST_F(KafkaOutageTest, ALostBrokerEndsTheSessionThoughNothingIsInFlight) {
  auto session = journal_.NewAppender();
  ASSERT_TRUE(Appended(*session, kJournal0).Wait().ok());
  cluster_.Down();
  auto reader = journal_.NewReader();
  ASSERT_TRUE(PollUntil(*reader, [&] { return !session->Health().ok(); }));
  cluster_.Up();
  EXPECT_TRUE(absl::IsUnavailable(Appended(*session, kJournal0).queued));
}

TEST_F(KafkaOutageTest, WhatIsNotAcknowledgedInTimeEndsTheSession) {
  auto session = journal_.NewAppender();
  ASSERT_TRUE(Appended(*session, kJournal0).Wait().ok());
  cluster_.Answer(60'000);
  auto begin = Clock::now();
  Appended stuck(*session, kJournal0), behind(*session, kInbox1);
  EXPECT_TRUE(absl::IsUnavailable(stuck.Wait()));
  EXPECT_TRUE(absl::IsUnavailable(behind.Wait()));
  EXPECT_TRUE(absl::IsUnavailable(session->Health()));
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(3)) << "not by ack_timeout, but by the client's own";
}

TEST_F(KafkaOutageTest, ASessionIsDestroyedAtOnceThoughItsBrokerIsGone) {
  auto session = journal_.NewAppender();
  ASSERT_TRUE(Appended(*session, kJournal0).Wait().ok());
  cluster_.Answer(60'000);
  Appended pending(*session, kJournal0);
  auto begin = Clock::now();
  session.reset();
  EXPECT_LT(Clock::now() - begin, std::chrono::milliseconds(500));
  EXPECT_TRUE(pending.answered()) << "it may not be called once the session is gone";
  EXPECT_TRUE(absl::IsUnavailable(pending.Wait()));
}

TEST_F(KafkaOutageTest, AHandlersSessionLosesOneRecordAndLives) {
  auto session = journal_.NewHandlerAppender(absl::Seconds(1));
  ASSERT_TRUE(Appended(*session, kInbox1).Wait().ok());
  cluster_.Down();
  EXPECT_TRUE(absl::IsUnavailable(Appended(*session, kInbox1).Wait()));
  EXPECT_TRUE(session->Health().ok());
  cluster_.Up();
  absl::Status again = absl::UnknownError("not tried");
  for (int i = 0; i < 10 && !again.ok(); ++i) again = Appended(*session, kInbox1).Wait();
  EXPECT_TRUE(again.ok()) << again;
}

TEST_F(KafkaOutageTest, AReaderTellsOfALostBrokerAndGoesOnAfterStart) {
  auto session = journal_.NewAppender();
  ASSERT_TRUE(Appended(*session, kJournal0).Wait().ok());
  auto reader = journal_.NewReader();
  sink_.Expect(kJournal0, 0);
  reader->Start(kJournal0, 0);
  reader->Start(kInbox1, 0);
  ASSERT_TRUE(PollUntil(*reader, [&] { return sink_.partitions[kJournal0].records.size() == 1; }));
  cluster_.Down();
  for (Partition at : {kJournal0, kInbox1}) {
    ASSERT_TRUE(PollUntil(*reader, [&] { return !sink_.partitions[at].troubles.empty(); }));
    EXPECT_TRUE(absl::IsUnavailable(sink_.partitions[at].troubles[0])) << sink_.partitions[at].troubles[0];
    EXPECT_EQ(sink_.partitions[at].troubles.size(), 1u);
  }
  EXPECT_TRUE(absl::IsUnavailable(reader->GetBounds(kJournal0).status()));
  cluster_.Up();
  sink_.Expect(kJournal0, 0);
  reader->Start(kJournal0, 0);
  ASSERT_TRUE(PollUntil(*reader, [&] {
    // Trouble while the connection comes back is answered as an owner does: by starting again.
    if (!std::exchange(sink_.partitions[kJournal0].troubles, {}).empty()) reader->Start(kJournal0, 0);
    return sink_.partitions[kJournal0].records.size() == 1;
  }));
}

TEST(KafkaAwayTest, NothingBlocksWhereNoBrokerIs) {
  auto begin = Clock::now();
  const KafkaOptions nowhere = {.brokers = "127.0.0.1:1", .domain = "test", .shards = 2};
  EXPECT_TRUE(absl::IsUnavailable(CheckTopics(nowhere)));
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(10));
  begin = Clock::now();
  {
    KafkaJournal journal(nowhere);
    auto session = journal.NewAppender();
    auto reader = journal.NewReader();
    RecordingSink sink;
    reader->Start(kJournal0, 0);
    Appended nowhere_to_land(*session, kJournal0);
    while (sink.partitions[kJournal0].troubles.empty() && Clock::now() - begin < std::chrono::seconds(5))
      reader->Poll(sink, 10, 50);
    EXPECT_FALSE(sink.partitions[kJournal0].troubles.empty());
    EXPECT_TRUE(absl::IsUnavailable(nowhere_to_land.Wait()));
  }
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(12));
}

}  // namespace
}  // namespace civicmesh
