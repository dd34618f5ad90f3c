// The gRPC side of dispatch (proto/civicmesh/dispatch/v1/dispatch_service.proto).
#pragma once

#include <memory>

namespace grpc {
class Service;
}

namespace civicmesh {
struct ServiceContext;
}

namespace civicmesh::dispatch {

// `context` outlives the service.
std::shared_ptr<grpc::Service> MakeDispatchRpc(const ServiceContext& context);

}  // namespace civicmesh::dispatch
