// Load on a gRPC server: so many calls at any time, for so long, and how long each took.
//
//   Load load = Run({.in_flight = 256, .warm = absl::Seconds(2), .measured = absl::Seconds(5)},
//                   [&](int64_t n, Done done) { …start call n, then done(status)… });
//
// Calls are started on gRPC's own threads; `start` must be thread-safe and must not block.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/time/time.h"
#include "grpcpp/support/status.h"

namespace civicmesh::bench {

using Done = std::function<void(const grpc::Status&)>;
using Start = std::function<void(int64_t n, Done done)>;

struct Plan {
  int in_flight = 1;
  absl::Duration warm;      // not counted
  absl::Duration measured;  // counted
  // Ends the measured time when so many calls have been started; 0: no end but the time's.
  int64_t calls = 0;
};

struct Load {
  double per_second = 0;  // calls that ended well
  double p50_ms = 0, p99_ms = 0;
  int64_t good = 0, started = 0;
  std::map<std::string, int64_t> failed;  // code and reason → calls
};

// Blocks until every call has ended.
Load Run(const Plan& plan, const Start& start);

}  // namespace civicmesh::bench
