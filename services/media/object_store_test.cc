#include <memory>

#include "services/media/memory_object_store.h"
#include "services/media/object_store_contract.h"

namespace civicmesh::media {
namespace {

// The real one: tests/integration/uploads, where a store runs.
INSTANTIATE_TEST_SUITE_P(Memory, ObjectStoreContract,
                         testing::Values([] { return std::make_unique<MemoryObjectStore>(absl::Now); }));

}  // namespace
}  // namespace civicmesh::media
