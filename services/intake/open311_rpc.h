// Open311 GeoReport v2 (proto/civicmesh/intake/v1/open311_service.proto) over intake's reports: what apps ask is read
// and answered in open311/, who may see what is decided in open311_views.h.
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
class ReportDesk;
namespace open311 {
class SettingsFile;
}

// All but the desk, which it keeps, outlive the service.
std::shared_ptr<grpc::Service> MakeOpen311Rpc(const ServiceContext& service, std::shared_ptr<ReportDesk> desk,
                                              const ReceiptKeys& receipts, open311::SettingsFile& settings);

}  // namespace civicmesh::intake
