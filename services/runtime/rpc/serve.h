// The one way in which a handler answers: through the gate, then its own few lines. README.md shows whole handlers.
//
//   grpc::ServerUnaryReactor* GetCase(grpc::CallbackServerContext* ctx, const GetCaseRequest* req, Case* resp) override
//   {
//     return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) { … finish(status); });
//   }
//
// Handlers run on gRPC's threads and must not block; `finish` may be called later, once, on any thread. Request and
// response live until then.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "services/runtime/rpc/call.h"
#include "services/runtime/rpc/command_door.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/gate.h"
#include "services/runtime/rpc/reads.h"
#include "services/runtime/rpc/service_context.h"
#include "services/runtime/rpc/well_formed.h"

namespace civicmesh {

// Without a look at the request, for what says in its own way what is wrong with it, and where the request's type does
// not tell the method (google.api.HttpBody): as MethodNamed("civicmesh.intake.v1.Open311Service/PostRequest").
template <typename Handler>
grpc::ServerUnaryReactor* ServeMethod(const ServiceContext& service, grpc::CallbackServerContext* context,
                                      const google::protobuf::MethodDescriptor* method, Handler handler) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const Finish finish = [reactor](grpc::Status status) { reactor->Finish(std::move(status)); };
  Call call;
  if (grpc::Status refused = service.gate->Enter(*context, method, &call, Gate::OneTime::kWillBeUsedUp);
      !refused.ok()) {
    finish(std::move(refused));
    return reactor;
  }
  if (call.one_time_id.empty()) {
    handler(static_cast<const Call&>(call), finish);
    return reactor;
  }
  service.gate->UseUp(call, [call, handler = std::move(handler), finish](grpc::Status used) mutable {
    if (!used.ok()) return finish(std::move(used));
    handler(static_cast<const Call&>(call), finish);
  });
  return reactor;
}

// The method follows from the request's type: each RPC has a request message of its own, in the file of its service.
// A call whose method cannot be told is refused, and so is a request that is not well formed (well_formed.h).
template <typename Request, typename Handler>
grpc::ServerUnaryReactor* Serve(const ServiceContext& service, grpc::CallbackServerContext* context,
                                const Request* request, Handler handler) {
  static const google::protobuf::MethodDescriptor* const method = MethodTaking(Request::descriptor());
  return ServeMethod(service, context, method,
                     [request, handler = std::move(handler)](const Call& call, Finish finish) {
                       if (grpc::Status wrong = CheckWellFormed(*request); !wrong.ok()) return finish(std::move(wrong));
                       handler(call, std::move(finish));
                     });
}

// For CommandDoor::Submit: on success fill(state) with the domain's state message, then finish.
template <typename State, typename Fill>
CommandDoor::Done AnswerCommand(Finish finish, Fill fill) {
  return [finish = std::move(finish), fill = std::move(fill)](CommandResult result) {
    State state;
    if (result.status.ok() && !state.ParseFromString(result.state)) result.status = RuntimeError("REASON_DATA_LOSS");
    if (result.status.ok()) fill(static_cast<const State&>(state));
    finish(std::move(result.status));
  };
}

// For ReadStream: the same, where fill answers OK or why the caller may not see it.
template <typename State, typename Fill>
std::function<void(StreamResult)> AnswerRead(Finish finish, Fill fill) {
  return [finish = std::move(finish), fill = std::move(fill)](StreamResult result) {
    State state;
    if (result.status.ok() && !state.ParseFromString(result.state)) result.status = RuntimeError("REASON_DATA_LOSS");
    finish(result.status.ok() ? fill(static_cast<const State&>(state)) : std::move(result.status));
  };
}

}  // namespace civicmesh
