// Attachments in handlers: the tickets of a request are taken before a command is made of it, and whoever is shown one
// thing may fetch its pictures (objects/attachments.h).
//
//   if (auto taken = TakeAttachments(service_, call, command.mutable_open_case()); !taken.ok()) return finish(taken);
//   ShowLinks(service_, resp);
//
// Nothing blocks.
#pragma once

#include "grpcpp/support/status.h"
#include "services/runtime/rpc/call.h"
#include "services/runtime/rpc/service_context.h"

namespace google::protobuf {
class Message;
}

namespace civicmesh {

// INVALID_ARGUMENT, naming the field: an upload without a good ticket (Attachments::Take). `to` holds a copy of the
// request's attachments, in fields of the same names.
grpc::Status TakeAttachments(const ServiceContext& service, const Call& call, google::protobuf::Message* to);

void ShowLinks(const ServiceContext& service, google::protobuf::Message* answer);

}  // namespace civicmesh
