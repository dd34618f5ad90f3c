// What of an activation hot state and status may tell: nothing before its record has come back effective (R1, R10).
#include <gtest/gtest.h>

#include "services/runtime/base/frame.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/hotstate/memory_hot_state.h"
#include "services/runtime/journal/memory_journal.h"
#include "services/runtime/shard/shard_owner.h"

namespace civicmesh {
namespace {

constexpr char kContent[] = "a standard";

// Takes every command and changes nothing.
class IdleMachine : public Machine {
 public:
  absl::StatusOr<Decision<Bytes>> Decide(std::string_view, const Context&) const override {
    return Decision<Bytes>(Decided<Bytes>{});
  }
  absl::StatusOr<Decision<Bytes>> Fire(const FiredTimer&, const Context&) const override {
    return Decision<Bytes>(Decided<Bytes>{});
  }
  absl::Status Evolve(const EventMeta&, std::string_view) override { return absl::OkStatus(); }
  Bytes Save(std::string_view) const override { return ""; }
  absl::Status Load(std::string_view, std::string_view) override { return absl::OkStatus(); }
  std::vector<std::string> Rows(std::string_view) const override { return {}; }
  absl::StatusOr<std::vector<PublicEvent>> Publish(const EventMeta&, std::string_view) const override {
    return std::vector<PublicEvent>();
  }
};

class ActivationTest : public testing::Test, public LogSink {
 protected:
  void SetUp() override {
    log_.manual = true;
    EXPECT_TRUE(references_.Add("standard", kContent).ok());
    owner_ = std::make_unique<ShardOwner>(
        0, WorkerOptions{.domain = "toy", .shards = 1},
        OwnerPorts{.reader = reader_.get(),
                   .hot = &hot_,
                   .references = &references_,
                   .appender = [this] { return std::shared_ptr<LogAppender>(journal_.NewAppender()); },
                   .wall_ms = [this] { return now_ms_; },
                   .steady_ms = [this] { return now_ms_; },
                   .random = [this] { return ++random_; },
                   .reply = [](int, const std::string&, const log::v1::Reply&) {},
                   .machines = [](int) { return std::make_unique<IdleMachine>(); }});
    owner_->Assign();
    for (int i = 0; i < 50; ++i) Turn(/*land=*/true);
    ASSERT_TRUE(owner_->serving());
  }

  void Turn(bool land) {
    if (land) LandAll();
    reader_->Poll(*this, 100, 0);
    owner_->Advance();
    owner_->Decide(10);
    owner_->Fold();
    hot_.Poll(0);
    ++now_ms_;
  }
  void LandAll() {
    for (auto& session : std::vector(log_.sessions().begin(), log_.sessions().end()))
      while (!session->queue.empty()) log_.Land(*session);
  }
  void LandOne() {
    for (auto& session : std::vector(log_.sessions().begin(), log_.sessions().end()))
      if (!session->queue.empty()) return log_.Land(*session);
  }
  void Send(log::v1::Command command) {
    command.set_command_id(Sha256(absl::StrCat(++random_)));
    command.set_issued_at_ms(now_ms_);
    ASSERT_TRUE(door_->Append({Topic::kInbox, 0}, Frame(command.SerializeAsString()), {}).ok());
  }
  int ActivationsInHotState() {
    log::v1::HotPoint point;
    EXPECT_TRUE(point.ParseFromString(redis_.shards.begin()->second.point.blob));
    return point.activations_size();
  }

  void OnRecord(Partition from, LogRecord record) override { owner_->OnRecord(from.topic, std::move(record)); }
  void OnEnd(Partition from, int64_t offset) override { owner_->OnEnd(from.topic, offset); }
  void OnTrouble(Partition from, absl::Status why) override { owner_->OnTrouble(from.topic, why); }

  int64_t now_ms_ = 1'790'000'000'000;
  uint64_t random_ = 0;
  MemoryLog log_{1, [this] { return now_ms_; }};
  MemoryJournal journal_{&log_};
  MemoryRedis redis_;
  MemoryHotState hot_{&redis_, "toy"};
  ReferenceLibrary references_{{}};
  std::unique_ptr<LogReader> reader_ = journal_.NewReader();
  std::unique_ptr<LogAppender> door_ = journal_.NewAppender();
  std::unique_ptr<ShardOwner> owner_;
};

TEST_F(ActivationTest, IsToldOnlyOnceItsRecordIsEffective) {
  log::v1::Command command, activate;
  command.set_kind(log::v1::Command::KIND_REQUEST);
  activate.set_kind(log::v1::Command::KIND_ACTIVATE);
  activate.mutable_activation()->set_kind("standard");
  activate.mutable_activation()->set_sha256(Sha256(kContent));
  activate.mutable_activation()->set_valid_from_ms(1);
  Send(command);
  Send(activate);
  LandAll();
  for (int i = 0; i < 20; ++i) Turn(/*land=*/false);
  ASSERT_EQ(owner_->memory()->activations().size(), 1u) << "decided, and on its way";

  LandOne();  // the command's record, not yet the activation's
  for (int i = 0; i < 20; ++i) Turn(/*land=*/false);
  EXPECT_EQ(ActivationsInHotState(), 0);
  EXPECT_TRUE(owner_->Status().activations.empty());

  for (int i = 0; i < 20; ++i) Turn(/*land=*/true);
  EXPECT_EQ(ActivationsInHotState(), 1);
  EXPECT_EQ(owner_->Status().activations.size(), 1u);
}

}  // namespace
}  // namespace civicmesh
