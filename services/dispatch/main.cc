#include "services/dispatch/dispatch_policies.h"
#include "services/dispatch/dispatch_reference.h"
#include "services/dispatch/dispatch_rpc.h"
#include "services/dispatch/domain/dispatch_shard.h"
#include "services/runtime/rpc/run_service.h"

int main(int argc, char** argv) {
  return civicmesh::RunService(argc, argv,
                               {.domain = "dispatch",
                                .machines = [](int) { return std::make_unique<civicmesh::dispatch::DispatchShard>(); },
                                .references = civicmesh::dispatch::ReferenceParsers(),
                                .services =
                                    [](const civicmesh::ServiceContext& service) {
                                      return std::vector{civicmesh::dispatch::MakeDispatchRpc(service)};
                                    },
                                .policies = civicmesh::dispatch::Policies});
}
