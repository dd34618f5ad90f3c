// The running service over whatever logs it is given: fold, gate, gRPC server, health, drain. As ServiceProcess for a
// domain without an inbox. One thread starts, ticks and drains it.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/analytics/fold.h"
#include "services/runtime/rpc/service_process.h"
#include "services/runtime/shard/reference_library.h"

namespace civicmesh::analytics {

class AnalyticsProcess {
 public:
  // INVALID_ARGUMENT: the key set, issuer or audience is unusable. UNAVAILABLE: cannot listen. Reads and serves when it
  // returns; healthy only once Tick says so.
  // Of `references`, which outlives the process, only the roster, revocations and quotas are asked for. `once`, which
  // outlives it too: for tokens that are good once; null: none is taken.
  static absl::StatusOr<std::unique_ptr<AnalyticsProcess>> Start(const ProcessOptions& options,
                                                                 std::vector<FoldSource> sources,
                                                                 const ReferenceLibrary* references,
                                                                 Once* once = nullptr);
  ~AnalyticsProcess();

  // To be called several times a second: settles what the health service says: "" = folds and serves. DATA_LOSS or
  // DEADLINE_EXCEEDED: the process should end; started again it reads the topics afresh.
  absl::Status Tick();

  // Unhealthy, no new calls, answers what is in flight, stops reading. Blocks at most about `patience`.
  void Drain(absl::Duration patience);

 private:
  struct Impl;
  explicit AnalyticsProcess(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace civicmesh::analytics
