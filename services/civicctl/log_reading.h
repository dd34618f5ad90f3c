// Reads a stretch of one partition, from an offset up to where it ended when the reading began.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/runtime/journal/journal.h"

namespace civicmesh::civicctl {

struct Stretch {
  int64_t from = 0;  // the partition's first record where that is later; counted from its end where negative
  int64_t to = std::numeric_limits<int64_t>::max();
};

// Calls `take` with each record in order until it answers false. Returns one past the last offset that was there.
// UNAVAILABLE: Kafka does not answer; DATA_LOSS: a hole. Blocks.
absl::StatusOr<int64_t> ReadLog(Journal& journal, Partition at, Stretch stretch,
                                const std::function<bool(const LogRecord&)>& take);

}  // namespace civicmesh::civicctl
