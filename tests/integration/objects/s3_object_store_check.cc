// Whether the object store does what we need of it (services/runtime/objects/object_store_contract.h). store_test.py
// starts it:
//
//   CIVICMESH_TEST_OBJECTS=http://127.0.0.1:8333 CIVICMESH_TEST_OBJECTS_LOGIN=ACCESSKEY:SECRET s3_object_store_check
#include <cstdlib>
#include <memory>

#include "services/runtime/objects/object_store_contract.h"
#include "services/runtime/objects/s3_object_store.h"

namespace civicmesh {
namespace {

INSTANTIATE_TEST_SUITE_P(S3, ObjectStoreContract, testing::Values([]() -> std::unique_ptr<ObjectStore> {
                           const char *url = std::getenv("CIVICMESH_TEST_OBJECTS"),
                                      *login = std::getenv("CIVICMESH_TEST_OBJECTS_LOGIN");
                           if (!url || !login) std::abort();
                           return std::make_unique<S3ObjectStore>(S3Place{url}, *ParseS3Login(login), absl::Now);
                         }));

}  // namespace
}  // namespace civicmesh
