// What is known about one call once it has been let in (gate.h): who calls, which method, and when it is over.
//
// A value; travels with the work.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/time/time.h"
#include "grpcpp/support/status.h"
#include "services/runtime/decider/context.h"

namespace civicmesh {

struct Call {
  ActorView actor;                 // an empty subject where the method is open to all and no post of the caller's named
  std::string method;              // as "civicmesh.dispatch.v1.DispatchService/RegisterCase"
  std::string traceparent;         // W3C; empty where the caller sent none
  int64_t driven_time_ms = 0;      // the business time sent under the driven clock; 0: none
  int64_t deadline_steady_ms = 0;  // on Clock::steady_ms; INT64_MAX where the caller set none
  // The id of a token that is good once and still has to be used up (Gate::UseUp), and when it ends by itself; most
  // have none.
  std::string one_time_id;
  absl::Time one_time_until = absl::InfinitePast();
};

// Ends a call; must be called exactly once, on any thread.
using Finish = std::function<void(grpc::Status)>;

}  // namespace civicmesh
