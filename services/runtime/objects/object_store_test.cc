#include <memory>

#include "services/runtime/objects/memory_object_store.h"
#include "services/runtime/objects/object_store_contract.h"

namespace civicmesh {
namespace {

// The real one: tests/integration/uploads, where a store runs.
INSTANTIATE_TEST_SUITE_P(Memory, ObjectStoreContract,
                         testing::Values([] { return std::make_unique<MemoryObjectStore>(absl::Now); }));

}  // namespace
}  // namespace civicmesh
