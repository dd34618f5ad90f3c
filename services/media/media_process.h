// The running service: gate, gRPC server, health, the keeper's thread, drain. As ServiceProcess for what has no log of
// its own. One thread starts, ticks and drains it.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/media/keeper.h"
#include "services/media/uploads.h"
#include "services/runtime/rpc/service_process.h"
#include "services/runtime/shard/reference_library.h"

namespace civicmesh::media {

class MediaProcess {
 public:
  // INVALID_ARGUMENT: the key set, issuer or audience is unusable. UNAVAILABLE: cannot listen. Serves when it returns;
  // healthy only once Tick has seen that the store answers. Of `references`, which outlives the process as `sources`
  // and what `parts` points to do, only the roster, revocations and quotas are asked for. `once`, which outlives it
  // too: for tokens that are good once; null: none is taken.
  static absl::StatusOr<std::unique_ptr<MediaProcess>> Start(const ProcessOptions& options, UploadParts parts,
                                                             std::vector<Keeper::Source> sources,
                                                             const ReferenceLibrary* references, Once* once = nullptr);
  ~MediaProcess();

  // To be called several times a second: settles what the health service says: "" = the store answers.
  void Tick();

  // Unhealthy, no new calls, answers what is in flight. Blocks at most about `patience`.
  void Drain(absl::Duration patience);

 private:
  struct Impl;
  explicit MediaProcess(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace civicmesh::media
