// What became of commands, as hot state tells it (R6): an outcome counts only where its record lies below @offset, read
// in the same call.
//
//   ReadOutcomes(*service.reads, shard, {command_id}, [=](OutcomesRead read) { … read.outcomes[0] … });
//
// Returns at once; `done` is called exactly once, on any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "civicmesh/log/v1/log.pb.h"
#include "grpcpp/support/status.h"

namespace civicmesh {

class HotReads;

struct OutcomesRead {
  // False: hot state cannot be read or trusted now, and nothing below says anything.
  bool trusted = false;
  // The highest inbox offset that is certainly decided. A known duplicate has no record of its own, so it may lie
  // above.
  int64_t decided = -1;
  // In the order of the commands asked for; none: not decided yet, or decided so long ago that it was forgotten (R8).
  std::vector<std::optional<log::v1::OutcomeValue>> outcomes;
};

void ReadOutcomes(HotReads& reads, int shard, std::vector<std::string> command_ids,
                  std::function<void(OutcomesRead)> done);

// OK where the command was accepted, else its recorded refusal.
grpc::Status StatusOf(const log::v1::OutcomeValue& outcome);

}  // namespace civicmesh
