// Intake's API over gRPC (proto/civicmesh/intake/v1/intake_service.proto): seals, masks and classifies what people
// write, hands commands in, reads back.
#pragma once

#include <memory>
#include <vector>

namespace grpc {
class Service;
}
namespace civicmesh {
struct ServiceContext;
}

namespace civicmesh::intake {

class ReceiptKeys;
class Sealer;
namespace open311 {
class SettingsFile;
}

// All outlive the service.
std::shared_ptr<grpc::Service> MakeIntakeRpc(const ServiceContext& service, const Sealer& sealer,
                                             const ReceiptKeys& receipts);

// The same, and Open311 (open311_rpc.h) over it.
std::vector<std::shared_ptr<grpc::Service>> MakeIntakeServices(const ServiceContext& service, const Sealer& sealer,
                                                               const ReceiptKeys& receipts,
                                                               open311::SettingsFile& open311);

}  // namespace civicmesh::intake
