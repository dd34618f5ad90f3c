#include "services/runtime/hotstate/memory_hot_state.h"

#include "services/runtime/hotstate/hot_state_contract.h"

namespace civicmesh {
namespace {

class MemoryServer : public HotServer {
 public:
  std::unique_ptr<HotState> Connect(int fold_version) override {
    return std::make_unique<MemoryHotState>(&redis_, "test", fold_version);
  }
  void FlushAll() override { redis_.FlushAll(); }
  void Restart() override { redis_.Restore(redis_.shards); }

 private:
  MemoryRedis redis_;
};

INSTANTIATE_TEST_SUITE_P(Memory, HotStateContract,
                         testing::Values(HotStateMaker{"memory", [] { return std::make_unique<MemoryServer>(); }}));

}  // namespace
}  // namespace civicmesh
