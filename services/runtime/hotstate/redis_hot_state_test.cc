#include "services/runtime/hotstate/redis_hot_state.h"

#include <signal.h>

#include "services/runtime/hotstate/hot_state_contract.h"
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

}  // namespace
}  // namespace civicmesh
