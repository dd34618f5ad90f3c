// civicmesh-volunteering: activities and who truly served in them (README.md).
#include "services/runtime/rpc/run_service.h"
#include "services/volunteering/domain/shard.h"
#include "services/volunteering/volunteering_rpc.h"

int main(int argc, char** argv) {
  return civicmesh::RunService(argc, argv,
                               {.domain = "volunteering",
                                .machines = civicmesh::volunteering::MakeShard,
                                .services = [](const civicmesh::ServiceContext& service) {
                                  return std::vector{civicmesh::volunteering::MakeVolunteeringRpc(service)};
                                }});
}
