// What of an activation hot state and status may tell: nothing before its record has come back effective (R1, R10).
#include <gtest/gtest.h>

#include "services/runtime/shard/lone_owner_for_tests.h"

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

class ActivationTest : public testing::Test {
 protected:
  void SetUp() override {
    lone_.log.manual = true;
    EXPECT_TRUE(lone_.references.Add("standard", kContent).ok());
    for (int i = 0; i < 50; ++i) Turn(/*land=*/true);
    ASSERT_TRUE(lone_.owner->serving());
  }

  void Turn(bool land) {
    if (land) LandAll();
    lone_.Turn();
  }
  void LandAll() {
    for (auto& session : std::vector(lone_.log.sessions().begin(), lone_.log.sessions().end()))
      while (!session->queue.empty()) lone_.log.Land(*session);
  }
  void LandOne() {
    for (auto& session : std::vector(lone_.log.sessions().begin(), lone_.log.sessions().end()))
      if (!session->queue.empty()) return lone_.log.Land(*session);
  }
  int ActivationsInHotState() {
    log::v1::HotPoint point;
    EXPECT_TRUE(point.ParseFromString(lone_.redis.shards.begin()->second.point.blob));
    return point.activations_size();
  }

  LoneOwner lone_{[](int) { return std::make_unique<IdleMachine>(); }};
};

TEST_F(ActivationTest, IsToldOnlyOnceItsRecordIsEffective) {
  log::v1::Command command, activate;
  command.set_kind(log::v1::Command::KIND_REQUEST);
  activate.set_kind(log::v1::Command::KIND_ACTIVATE);
  activate.mutable_activation()->set_kind("standard");
  activate.mutable_activation()->set_sha256(Sha256(kContent));
  activate.mutable_activation()->set_valid_from_ms(1);
  ASSERT_TRUE(lone_.Send(command).ok());
  ASSERT_TRUE(lone_.Send(activate).ok());
  LandAll();
  for (int i = 0; i < 20; ++i) Turn(/*land=*/false);
  ASSERT_EQ(lone_.owner->memory()->activations().size(), 1u) << "decided, and on its way";

  LandOne();  // the command's record, not yet the activation's
  for (int i = 0; i < 20; ++i) Turn(/*land=*/false);
  EXPECT_EQ(ActivationsInHotState(), 0);
  EXPECT_TRUE(lone_.owner->Status().activations.empty());

  for (int i = 0; i < 20; ++i) Turn(/*land=*/true);
  EXPECT_EQ(ActivationsInHotState(), 1);
  EXPECT_EQ(lone_.owner->Status().activations.size(), 1u);
}

TEST(AddActivation, TheSameAgainHoldsAgainAfterAnother) {
  const auto of = [](const char* version, const char* sha256) {
    log::v1::Activation activation;
    activation.set_version(version);
    activation.set_sha256(sha256);
    activation.set_valid_from_ms(1);
    return activation;
  };
  std::vector<log::v1::Activation> activations;
  for (const auto& next : {of("1", "a"), of("2", "b"), of("1", "a")}) AddActivation(activations, next);
  ASSERT_EQ(activations.size(), 2u) << "@offset carries them all, so none stands there twice";
  EXPECT_EQ(activations.back().version(), "1");

  AddActivation(activations, of("1", "c"));
  EXPECT_EQ(activations.back().sha256(), "c") << "another content is another activation, whatever it is called";
}

}  // namespace
}  // namespace civicmesh
