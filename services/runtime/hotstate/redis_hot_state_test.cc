#include "services/runtime/hotstate/redis_hot_state.h"

#include <signal.h>

#include "services/runtime/hotstate/hot_state_contract.h"
#include "services/runtime/hotstate/redis_check.h"
#include "services/runtime/hotstate/redis_server_for_tests.h"

namespace civicmesh {
namespace {

// Restarted from its dump.
class RealServer : public HotServer {
 public:
  std::unique_ptr<HotState> Connect(int fold_version) override {
    return std::make_unique<RedisHotState>(
        RedisOptions{.servers = {server_.address()}, .domain = "test", .fold_version = fold_version});
  }
  void FlushAll() override { server_.Command("FLUSHALL"); }
  void Restart() override {
    server_.Command("SAVE");
    server_.Stop(SIGKILL);
    server_.Start();
  }

 private:
  RedisServerForTests server_;
};

INSTANTIATE_TEST_SUITE_P(Redis, HotStateContract,
                         testing::Values(HotStateMaker{"redis", [] { return std::make_unique<RealServer>(); }}));

TEST(CheckRedis, RefusesOneThatEvictsAndPassesOverOneThatIsAway) {
  RedisServerForTests server;
  EXPECT_TRUE(CheckRedis({server.address()}).ok());
  ASSERT_TRUE(server.Command("CONFIG SET maxmemory-policy allkeys-lru"));
  const absl::Status checked = CheckRedis({server.address()});
  EXPECT_EQ(checked.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(checked.message().find(server.address()), absl::string_view::npos) << checked;
  server.Stop(SIGKILL);
  EXPECT_TRUE(CheckRedis({server.address(), "127.0.0.1:1"}).ok());
}

}  // namespace
}  // namespace civicmesh
