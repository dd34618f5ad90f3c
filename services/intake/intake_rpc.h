// Intake's API over gRPC (proto/civicmesh/intake/v1/intake_service.proto): masks, classifies and seals what people
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

class CityKey;
class ReceiptKeys;
class Vault;

// All outlive the service but the vault, which it keeps.
std::shared_ptr<grpc::Service> MakeIntakeRpc(const ServiceContext& service, std::shared_ptr<Vault> vault,
                                             const CityKey& codes, const ReceiptKeys& receipts);

}  // namespace civicmesh::intake
