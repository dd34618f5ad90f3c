// The handlers of VolunteeringService.
#pragma once

#include <memory>

namespace grpc {
class Service;
}

namespace civicmesh {
struct ServiceContext;
}

namespace civicmesh::volunteering {

// `service` outlives it.
std::shared_ptr<grpc::Service> MakeVolunteeringRpc(const ServiceContext& service);

}  // namespace civicmesh::volunteering
