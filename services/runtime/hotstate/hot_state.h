// Hot state: the published view of a domain's shards in Redis, and the snapshot from which the next owner starts.
//
// It can be thrown away at any moment; the journal is the truth. Only the owner of a shard writes, and every write is
// fenced by its epoch (R5, R6). Per shard there are
//
//   streams   stream id → log.v1.StreamValue        outcomes  command id → log.v1.OutcomeValue
//   policies  "policy/domain/shard" → PolicyValue   rows      one sorted set of strings, for lists (lexical order)
//   point     @offset: a token compared as a string, and a blob (log.v1.HotPoint)
//   verified  @verified = {server run id, repair id}
//
//   hot->Fold(3, epoch, "41", {"57", blob}, changes, [](HotResult r) { … });
//
// Calls are queued and run in order per shard; results arrive from within Poll. One thread uses an instance.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace civicmesh {

enum class HotTable { kStreams, kOutcomes, kPolicies };

// What one call writes. Values are absolute: running a call twice is the same as once. nullopt deletes.
struct HotChanges {
  struct Write {
    HotTable table;
    std::string key;
    std::optional<std::string> value;
  };
  std::vector<Write> writes;
  std::vector<std::string> rows_removed;  // before rows_added
  std::vector<std::string> rows_added;
  size_t arguments() const { return 3 * writes.size() + rows_removed.size() + rows_added.size(); }
};

// @offset. An empty token means: none.
struct HotPointValue {
  std::string token;
  std::string blob;
  friend bool operator==(const HotPointValue&, const HotPointValue&) = default;
};

struct HotVerified {
  std::string run_id;
  std::string repair_id;
  friend bool operator==(const HotVerified&, const HotVerified&) = default;
};

enum class HotResult {
  kOk,
  kFenced,   // a higher epoch was here: ends the epoch
  kMoved,    // @offset is not the expected one, or the repair id is another: repair
  kUnknown,  // connection or time ran out; it may have run, or run later on the old connection: reconnect, look
};

// What one piece of a scan, or a look at the point alone, brings. `verified` comes with every piece (R4).
struct HotPiece {
  HotPointValue point;
  std::optional<HotVerified> verified;
  uint64_t fence = 0;
  std::string server_run_id;  // of the connection that answered; compare with verified->run_id
  std::vector<std::pair<std::string, std::string>> entries;
  uint64_t next_cursor = 0;  // 0 when the scan is complete
};

// One read: values in the order of the keys asked, with point and verified of the same instant.
struct HotRead {
  HotPointValue point;
  bool verified = false;  // run id of the server = that of @verified
  std::vector<std::optional<std::string>> values;
};

class HotState {
 public:
  // At most so many arguments (HotChanges::arguments) in one call; callers cut at record boundaries.
  static constexpr size_t kMaxArguments = 3800;

  virtual ~HotState() = default;
  using Done = std::function<void(HotResult)>;

  // Writes `changes` and the new point together if the fence is not above `epoch` and the point's token is
  // `expected`; raises the fence to `epoch`.
  virtual void Fold(int shard, uint64_t epoch, std::string expected, HotPointValue next, HotChanges changes,
                    Done done) = 0;
  // Empties the shard, writes the repair id, raises the fence. Refused (kFenced) under a higher fence.
  virtual void Clear(int shard, uint64_t epoch, std::string repair_id, Done done) = 0;
  // Adds `part`; with `finish` also sets the point and @verified = {server's run id, repair_id}. kMoved when the
  // repair id is another.
  virtual void Refill(int shard, uint64_t epoch, std::string repair_id, HotChanges part,
                      std::optional<HotPointValue> finish, Done done) = 0;
  // Under another fold version's prefix: raises the fence, drops @verified and the repair id (R12).
  virtual void Unverify(int shard, uint64_t epoch, int other_fold_version, Done done) = 0;

  // Reads, for owners at takeover and for handlers.
  virtual void Look(int shard, std::function<void(absl::StatusOr<HotPiece>)> done) = 0;
  virtual void Scan(int shard, HotTable table, uint64_t cursor, std::function<void(absl::StatusOr<HotPiece>)> done) = 0;
  virtual void Read(int shard, HotTable table, std::vector<std::string> keys,
                    std::function<void(absl::StatusOr<HotRead>)> done) = 0;
  // Rows in [from, to), at most `limit`; `values` are the rows themselves. `descending` starts at the upper end.
  virtual void Range(int shard, std::string from, std::string to, int limit, bool descending,
                     std::function<void(absl::StatusOr<HotRead>)> done) = 0;

  // Drops the shard's connection after kUnknown; the next call uses a new one. Calls of the old one that were not
  // answered are answered kUnknown (or UNAVAILABLE) now.
  virtual void Reconnect(int shard) = 0;

  // Runs what is due and delivers results. Waits up to `wait_ms` for the first. Returns how many were delivered.
  virtual int Poll(int wait_ms) = 0;
  // A descriptor that becomes readable or writable when Poll has work, for a common event loop; -1: none.
  virtual std::vector<std::pair<int, short>> PollDescriptors() = 0;
};

}  // namespace civicmesh
