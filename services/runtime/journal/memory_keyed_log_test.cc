#include "services/runtime/journal/memory_keyed_log.h"

#include "services/runtime/journal/keyed_log_contract.h"

namespace civicmesh {
namespace {

class MemoryTopic : public KeyedTopic {
 public:
  std::unique_ptr<KeyedLog> Open() override { return std::make_unique<MemoryKeyedLog>(&topic_); }
  void Compact(KeyedLog&) override { topic_.Compact(); }

 private:
  MemoryKeyedTopic topic_{2};
};

INSTANTIATE_TEST_SUITE_P(Memory, KeyedLogContract,
                         testing::Values(KeyedTopicMaker{"Memory", [] { return std::make_unique<MemoryTopic>(); }}),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace civicmesh
