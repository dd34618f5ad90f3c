// The gate that every call passes before its handler sees it: token, post, business time, trace.
//
// Handlers go through Serve (serve.h), which asks the gate. A handler that forgot to is found out: the server's
// interceptor (MakeGuard) turns every answer of an RPC that did not pass the gate into INTERNAL, and counts every call.
//
// An agency, which its token's audience tells, has a quota (quota_meter.h), whatever it asks for. A token that is good
// once is used up only by a call that everything else lets in.
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

class AgencyQuotas;
class Clock;
class Metrics;
class OneTimeTokens;
class QuotaMeter;
class Revocations;
class Roster;
class TokenVerifier;
struct TokenHolder;

class Gate {
 public:
  // What holds now; null where none was read yet. No revocations are none.
  struct People {
    std::function<std::shared_ptr<const Roster>()> roster;
    std::function<std::shared_ptr<const Revocations>()> revocations;
    std::function<std::shared_ptr<const AgencyQuotas>()> quotas = {};
  };
  // What calls are counted by; null: they are not, and no token that is good once is taken.
  struct Counters {
    OneTimeTokens* one_time = nullptr;
    QuotaMeter* quotas = nullptr;
    int agency_per_minute = 0;  // of an agency that People::quotas does not name
  };
  // Whether whoever asks the gate also asks it to use up the token.
  enum class OneTime { kRefused, kWillBeUsedUp };

  // All outlive the gate. `driven`: CIVICMESH_CLOCK=driven.
  Gate(TokenVerifier* tokens, People people, const Clock* clock, bool driven)
      : Gate(tokens, std::move(people), clock, driven, Counters()) {}
  Gate(TokenVerifier* tokens, People people, const Clock* clock, bool driven, Counters counters)
      : tokens_(tokens), people_(std::move(people)), clock_(clock), driven_(driven), counters_(counters) {}

  // Lets the call in and says who makes it with which of their posts, or why not: UNAUTHENTICATED, PERMISSION_DENIED
  // (also where `method` is null), UNAVAILABLE (no roster was read yet, so nobody knows what a token's subject may; or
  // tokens cannot be checked), RESOURCE_EXHAUSTED (an agency's quota), FAILED_PRECONDITION (civicmesh-time was sent
  // under the real clock), INVALID_ARGUMENT (it is not RFC 3339).
  // Must be called once per call, before the handler does anything.
  grpc::Status Enter(grpc::ServerContextBase& context, const google::protobuf::MethodDescriptor* method, Call* call,
                     OneTime one_time = OneTime::kRefused) const;

  // Where Enter left a one_time_id in `call`: uses it up, before the handler does anything. UNAUTHENTICATED: it was
  // used before; UNAVAILABLE: nobody can say. `done` is called once, on any thread.
  void UseUp(const Call& call, Finish done) const;

 private:
  grpc::Status Meter(grpc::ServerContextBase& context, const std::string& agency) const;
  // The business time sent under the driven clock.
  grpc::Status ReadTime(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata, int64_t* ms) const;
  grpc::Status Identify(grpc::ServerContextBase& context, const std::string& authorization, int64_t at_ms,
                        OneTime one_time, Call* call) const;
  grpc::Status FindPosts(TokenHolder holder, int64_t at_ms, ActorView* actor) const;

  TokenVerifier* const tokens_;
  const People people_;
  const Clock* const clock_;
  const bool driven_;
  const Counters counters_;
};

// The one method, of the services in the file that defines `request`, which takes it; null where none or several do.
const google::protobuf::MethodDescriptor* MethodTaking(const google::protobuf::Descriptor* request);

// As "civicmesh.dispatch.v1.DispatchService/GetCase"; null where it is not linked in.
const google::protobuf::MethodDescriptor* MethodNamed(std::string_view name);

// To be given to the server's builder. Health and reflection, which carry no access option, are let through.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeGuard(Metrics* metrics, const Clock* clock);

}  // namespace civicmesh
