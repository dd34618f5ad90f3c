#include "services/intake/active_standard.h"

#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"
#include "civicmesh/log/v1/log.pb.h"
#include "services/intake/intake_reference.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/rpc/fake_reads.h"
#include "services/runtime/rpc/service_context.h"

namespace civicmesh::intake {
namespace {

// Hot state whose point says what is active.
class Points : public FakeReads {
 public:
  log::v1::HotPoint hot;
  void Read(int shard, HotTable table, std::vector<std::string> keys, Done done) override {
    FakeReads::Read(shard, table, std::move(keys), [&](absl::StatusOr<HotRead> read) {
      if (read.ok()) read->point.blob = hot.SerializeAsString();
      done(std::move(read));
    });
  }
};

class ActiveStandardTest : public testing::Test {
 protected:
  std::string Load(const std::string& version) {
    reference::v1::Standard standard;
    standard.set_version(version);
    standard.add_classes()->set_code("E1");
    EXPECT_TRUE(library_.Add(kStandard, standard.SerializeAsString()).ok());
    return Sha256(standard.SerializeAsString());
  }
  void Activate(const std::string& sha256, int64_t valid_from_ms, const char* kind = kStandard) {
    auto* activation = reads_.hot.add_activations();
    activation->set_kind(kind);
    activation->set_sha256(sha256);
    activation->set_valid_from_ms(valid_from_ms);
  }
  // The version used at that time; "none", or "unavailable".
  std::string At(int64_t now_ms, int shard = 0) {
    std::string out;
    absl::Notification done;
    standard_.With(shard, now_ms, [&](absl::StatusOr<std::shared_ptr<const IntakeStandard>> used) {
      out = !used.ok() ? "unavailable" : *used ? (*used)->version : "none";
      done.Notify();
    });
    done.WaitForNotification();
    return out;
  }

  Points reads_;
  FakeClock clock_;
  ReferenceLibrary library_{ReferenceParsers()};
  const ServiceContext service_{.clock = &clock_, .reads = &reads_, .references = &library_};
  ActiveStandard standard_{service_};
};

TEST_F(ActiveStandardTest, IsTheLastOneWhoseTimeHasCome) {
  Activate(Load("a"), 100);
  Activate("of a calendar", 100, "calendar");
  Activate(Load("b"), 200);
  EXPECT_EQ(At(99), "none");
  EXPECT_EQ(At(100), "a");
  EXPECT_EQ(At(200), "b");
}

TEST_F(ActiveStandardTest, TheShardsTimeCountsWhereItIsAhead) {
  Activate(Load("a"), 100);
  reads_.hot.set_now_ms(100);
  EXPECT_EQ(At(0), "a");
}

TEST_F(ActiveStandardTest, WhatIsKnownIsUsedAndReadAgainAfterASecond) {
  Activate(Load("a"), 100);
  EXPECT_EQ(At(300), "a");
  Activate(Load("b"), 200);
  EXPECT_EQ(At(300), "a");
  EXPECT_EQ(reads_.reads, 1);
  clock_.Advance(1000);
  EXPECT_EQ(At(300), "a");  // reads beside
  EXPECT_EQ(reads_.reads, 2);
  EXPECT_EQ(At(300), "b");
}

TEST_F(ActiveStandardTest, NothingActiveIsAskedForEachTime) {
  EXPECT_EQ(At(300), "none");
  Activate(Load("a"), 100);
  EXPECT_EQ(At(300), "a");
}

TEST_F(ActiveStandardTest, IsUnavailableWhileNothingIsKnown) {
  Activate(Load("a"), 100);
  reads_.verified = false;
  EXPECT_EQ(At(300), "unavailable");
  reads_.verified = true;
  reads_.failure = absl::UnavailableError("away");
  EXPECT_EQ(At(300), "unavailable");
  reads_.failure = absl::OkStatus();
  EXPECT_EQ(At(300), "a");
  // The last known serves while hot state is away.
  reads_.failure = absl::UnavailableError("away");
  clock_.Advance(5000);
  EXPECT_EQ(At(300), "a");
  EXPECT_EQ(At(300), "a");
  // A shard that was never asked for has what the others have.
  EXPECT_EQ(At(300, 5), "a");
}

TEST_F(ActiveStandardTest, WaitsForItsContent) {
  Activate("not loaded", 100);
  EXPECT_EQ(At(300), "unavailable");
}

}  // namespace
}  // namespace civicmesh::intake
