// A shard's whole state at one journal offset, from two sources that must agree (I6): its journal folded afresh, and
// what the services published in Redis.
//
//   auto published = ReadPublishedImage(hot, shard);                               // says at which offset it stands
//   auto folded = FoldJournal(journal, shard, machines, published->point.offset(), …);
//   for (const std::string& line : Differences(*folded, *published, stream)) …
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "civicmesh/log/v1/log.pb.h"
#include "services/runtime/decider/machine.h"
#include "services/runtime/hotstate/hot_state.h"
#include "services/runtime/journal/journal.h"

namespace google::protobuf {
class Descriptor;
}

namespace civicmesh::civicctl {

struct ShardImage {
  std::map<std::string, std::string> streams;   // id → log.v1.StreamValue
  std::map<std::string, std::string> outcomes;  // command id → log.v1.OutcomeValue
  std::map<std::string, std::string> policies;  // "policy/domain/shard" → log.v1.PolicyValue
  std::set<std::string> rows;
  log::v1::HotPoint point;
};

struct FoldedShard {
  ShardImage image;
  int64_t effective = 0, barriers = 0, voided = 0;  // records
  // ce_id (its offset and index) → FactHash (canonical.h), for every public event that the journal says.
  std::map<std::pair<int64_t, int>, std::string> facts;
};

// Hears of a fold as it goes.
struct FoldWatch {
  std::function<void()> record = [] {};
  // A public event that the journal says; an error ends the fold with it.
  std::function<absl::Status(int64_t offset, int index, const PublicEvent& fact)> fact =
      [](int64_t, int, const PublicEvent&) { return absl::OkStatus(); };
};

// Folds the shard's journal from its start up to `until`, with the runtime's own fold and the domain's machine.
// DATA_LOSS: a record does not decode or does not fold, says which; UNAVAILABLE: the log does not answer. Blocks.
absl::StatusOr<FoldedShard> FoldJournal(Journal& journal, int shard, const MachineFactory& machines, int64_t until,
                                        const FoldWatch& watch = {});

// UNAVAILABLE: Redis does not answer, or the shard moved while it was read. FAILED_PRECONDITION: it holds no published
// state of this shard (never written, or being repaired). Blocks.
absl::StatusOr<ShardImage> ReadPublishedImage(HotState& hot, int shard);

// What differs, a line each, empty where nothing does; at most `kMaxDifferences` lines and one that counts the rest.
// `stream` is the domain's message of a stream's state: the same state may be written in different bytes.
inline constexpr int kMaxDifferences = 10;
std::vector<std::string> Differences(const ShardImage& folded, const ShardImage& published,
                                     const google::protobuf::Descriptor* stream);

// SHA-256 over streams, outcomes, policies and rows, each message in its canonical bytes; 16 hexadecimal digits.
std::string Digest(const ShardImage& image, const google::protobuf::Descriptor* stream);

}  // namespace civicmesh::civicctl
