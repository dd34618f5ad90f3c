// The gate that every call passes before its handler sees it: token, post, business time, trace.
//
// Handlers go through Serve (serve.h), which asks the gate. A handler that forgot to is found out: the server's
// interceptor (MakeGuard) turns every answer of an RPC that did not pass the gate into INTERNAL, and counts every call.
//
// Thread-safe; nothing blocks.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "grpcpp/support/status.h"
#include "services/runtime/rpc/call.h"

namespace google::protobuf {
class Descriptor;
class MethodDescriptor;
}  // namespace google::protobuf

namespace grpc {
class ServerContextBase;
namespace experimental {
class ServerInterceptorFactoryInterface;
}
}  // namespace grpc

namespace civicmesh {

class Clock;
class Metrics;
class TokenVerifier;

class Gate {
 public:
  // All outlive the gate. `driven`: CIVICMESH_CLOCK=driven.
  Gate(TokenVerifier* tokens, const Clock* clock, bool driven) : tokens_(tokens), clock_(clock), driven_(driven) {}

  // Lets the call in and says who makes it, or why not: UNAUTHENTICATED, PERMISSION_DENIED (also where `method` is
  // null), FAILED_PRECONDITION (civicmesh-time was sent under the real clock), INVALID_ARGUMENT (it is not RFC 3339).
  // Must be called once per call, before the handler does anything.
  grpc::Status Enter(grpc::ServerContextBase& context, const google::protobuf::MethodDescriptor* method,
                     Call* call) const;

 private:
  TokenVerifier* const tokens_;
  const Clock* const clock_;
  const bool driven_;
};

// The one method, of the services in the file that defines `request`, which takes it; null where none or several do.
const google::protobuf::MethodDescriptor* MethodTaking(const google::protobuf::Descriptor* request);

// As "civicmesh.dispatch.v1.DispatchService/GetCase"; null where it is not linked in.
const google::protobuf::MethodDescriptor* MethodNamed(std::string_view name);

// To be given to the server's builder. Health and reflection, which carry no access option, are let through.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeGuard(Metrics* metrics, const Clock* clock);

}  // namespace civicmesh
