// AnalyticsService (proto/civicmesh/analytics/v1/analytics_service.proto) over a fold.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace grpc {
class Service;
}

namespace civicmesh {
struct ServiceContext;
}

namespace civicmesh::analytics {

class Fold;

// `service` and `fold` outlive it. Handlers return at once: figures are computed one question at a time on a thread of
// the service's own, ends are asked of the broker on another. Ends both when it is destroyed.
std::shared_ptr<grpc::Service> MakeAnalyticsRpc(const ServiceContext& service, Fold* fold);

// What keeps the fold from being at rest, in words, asking the broker for the ends; empty where all is folded. Blocks.
std::vector<std::string> WaitingFor(Fold& fold);

}  // namespace civicmesh::analytics
