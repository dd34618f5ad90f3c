#include "services/runtime/rpc/attached.h"

#include "services/runtime/base/clock.h"
#include "services/runtime/objects/attachments.h"
#include "services/runtime/rpc/errors.h"

namespace civicmesh {
namespace {

absl::Time NowOf(const ServiceContext& service) { return absl::FromUnixMillis(service.clock->wall_ms()); }

}  // namespace

grpc::Status TakeAttachments(const ServiceContext& service, const Call& call, google::protobuf::Message* to) {
  const auto wrong = service.attachments->Take(call.actor.subject, NowOf(service), to);
  return wrong ? RuntimeError("REASON_UPLOAD_TICKET", *wrong) : grpc::Status::OK;
}

void ShowLinks(const ServiceContext& service, google::protobuf::Message* answer) {
  service.attachments->ShowLinks(NowOf(service), answer);
}

}  // namespace civicmesh
