// MediaService (proto/civicmesh/media/v1/media_service.proto) over the uploads.
#pragma once

#include <memory>

namespace grpc {
class Service;
}

namespace civicmesh {
struct ServiceContext;
}

namespace civicmesh::media {

class Uploads;

// Both outlive it. Handlers return at once: files are looked at two at a time on threads of the service's own, which
// end when it is destroyed; RESOURCE_EXHAUSTED where sixteen wait.
std::shared_ptr<grpc::Service> MakeMediaRpc(const ServiceContext& service, const Uploads* uploads);

}  // namespace civicmesh::media
