// The vault's API over gRPC (proto/civicmesh/intake/v1/vault_service.proto): reveals, a person's own data, reports
// against staff, the audit entries. What shows personal data to somebody else is opened only after its audit entry is
// effective.
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
class Vault;

// All outlive the service but the vault, which it keeps.
std::shared_ptr<grpc::Service> MakeVaultRpc(const ServiceContext& service, std::shared_ptr<Vault> vault,
                                            const CityKey& codes);

}  // namespace civicmesh::intake
