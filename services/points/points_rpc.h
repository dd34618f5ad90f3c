// The gRPC side of points (proto/civicmesh/points/v1/points_service.proto).
#pragma once

#include <memory>
#include <string>

#include "services/runtime/rpc/service_context.h"

namespace grpc {
class Service;
}

namespace civicmesh::points {

// `service` outlives it. `voucher_secret` makes vouchers (voucher.h).
std::shared_ptr<grpc::Service> MakePointsRpc(const ServiceContext& service, std::string voucher_secret);

}  // namespace civicmesh::points
