// The gate that every call passes before its handler sees it: token, post, business time, trace.
//
// Handlers go through Serve (serve.h), which asks the gate. A handler that forgot to is found out: the server's
// interceptor (MakeGuard) turns every answer of an RPC that did not pass the gate into INTERNAL, and counts every call.
//
// Thread-safe; nothing blocks.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "grpcpp/support/status.h"
#include "grpcpp/support/string_ref.h"
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
class Revocations;
class Roster;
class TokenVerifier;

class Gate {
 public:
  // What holds now; null where none was read yet. No revocations are none.
  struct People {
    std::function<std::shared_ptr<const Roster>()> roster;
    std::function<std::shared_ptr<const Revocations>()> revocations;
  };

  // All outlive the gate. `driven`: CIVICMESH_CLOCK=driven.
  Gate(TokenVerifier* tokens, People people, const Clock* clock, bool driven)
      : tokens_(tokens), people_(std::move(people)), clock_(clock), driven_(driven) {}

  // Lets the call in and says who makes it with which of their posts, or why not: UNAUTHENTICATED, PERMISSION_DENIED
  // (also where `method` is null), UNAVAILABLE (no roster was read yet, so nobody knows what a token's subject may),
  // FAILED_PRECONDITION (civicmesh-time was sent under the real clock), INVALID_ARGUMENT (it is not RFC 3339).
  // Must be called once per call, before the handler does anything.
  grpc::Status Enter(grpc::ServerContextBase& context, const google::protobuf::MethodDescriptor* method,
                     Call* call) const;

 private:
  // The business time sent under the driven clock.
  grpc::Status ReadTime(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata, int64_t* ms) const;
  grpc::Status Identify(const std::string& authorization, int64_t at_ms, ActorView* actor) const;

  TokenVerifier* const tokens_;
  const People people_;
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
