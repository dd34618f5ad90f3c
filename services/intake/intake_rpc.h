// Intake's API over gRPC (proto/civicmesh/intake/v1/intake_service.proto): seals, masks and classifies what people
// write, hands commands in, reads back.
#pragma once

#include <memory>

namespace grpc {
class Service;
}
namespace civicmesh {
struct ServiceContext;
}

namespace civicmesh::intake {

class ReceiptKeys;
class Sealer;

// All outlive the service.
std::shared_ptr<grpc::Service> MakeIntakeRpc(const ServiceContext& service, const Sealer& sealer,
                                             const ReceiptKeys& receipts);

}  // namespace civicmesh::intake
