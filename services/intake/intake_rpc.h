// Intake's API over gRPC (proto/civicmesh/intake/v1/intake_service.proto): masks, classifies and seals what people
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

class CityKey;
class ReceiptKeys;
class Vault;
namespace open311 {
class SettingsFile;
}

// All outlive the service but the vault, which it keeps.
std::shared_ptr<grpc::Service> MakeIntakeRpc(const ServiceContext& service, std::shared_ptr<Vault> vault,
                                             const CityKey& codes, const ReceiptKeys& receipts);

// The same, with Open311 (open311_rpc.h) over it and the vault's own API (vault_rpc.h): all that intake serves.
std::vector<std::shared_ptr<grpc::Service>> MakeIntakeServices(const ServiceContext& service,
                                                               std::shared_ptr<Vault> vault, const CityKey& codes,
                                                               const ReceiptKeys& receipts,
                                                               open311::SettingsFile& open311);

}  // namespace civicmesh::intake
