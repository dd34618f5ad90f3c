// One shard of one domain, from taking it over to losing it (DESIGN section 2, R1 to R9 and R14).
//
// A state machine without threads, clocks or connections of its own: whoever drives it (the Worker in production, a
// seeded schedule in the simulation) hands in what was read and calls the steps; everything outside is behind a port.
//
//   idle → looking → scanning → replaying → claiming → serving ⇄ repairing,   and stopped after DATA_LOSS
//
// Leaving "serving" drops the memory whole. One thread; nothing blocks, except that Become asks the leader for the ends
// of the log.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "services/runtime/decider/parse_room.h"
#include "services/runtime/hotstate/hot_state.h"
#include "services/runtime/journal/journal.h"
#include "services/runtime/shard/effective.h"
#include "services/runtime/shard/reference_library.h"
#include "services/runtime/shard/rules.h"
#include "services/runtime/shard/shard_memory.h"
#include "services/runtime/shard/worker.h"

namespace civicmesh {

struct OwnerPorts {
  LogReader* reader = nullptr;
  HotState* hot = nullptr;
  ReferenceLibrary* references = nullptr;
  // The session for a new epoch; may be shared by the shards of a process.
  std::function<std::shared_ptr<LogAppender>()> appender;
  std::function<int64_t()> wall_ms;
  std::function<int64_t()> steady_ms;
  std::function<uint64_t()> random;
  Worker::ReplySink reply;
  MachineFactory machines;
};

class ShardOwner {
 public:
  static constexpr int kMaxInFlight = 4000;           // records appended and not folded
  static constexpr size_t kMaxInbox = 8000;           // inbox records read and not decided
  static constexpr size_t kMaxTail = 10000;           // records that a takeover folds; beyond, it refills hot state
  static constexpr int64_t kSessionTimeoutMs = 6000;  // of the membership (R15)
  static constexpr int64_t kWatchMs = 3000;           // how often an idle shard looks at hot state (R6)
  static constexpr int kRollback = 4;                 // fold versions by which a release may be taken back (R12)
  static constexpr int64_t kCheckpointMs = 12 * 3600 * 1000LL;
  static constexpr int64_t kAheadMs = 5 * 60 * 1000;       // R7
  static constexpr int64_t kStaleMs = 24 * 3600 * 1000LL;  // R8

  ShardOwner(int shard, WorkerOptions options, OwnerPorts ports, Rules rules = {});

  // Membership (R4). A revoked owner stops deciding; re-assigned while it still holds the latest epoch it goes on.
  void Assign();
  void Revoke();

  // From the reader.
  void OnRecord(Topic topic, LogRecord record);
  void OnEnd(Topic topic, int64_t offset);
  void OnTrouble(Topic topic, const absl::Status& why);

  // Steps. Each does what it can now, at most `max` units, and answers whether it did anything.
  bool Advance();        // takeover, repair, retries, the session's health
  bool Decide(int max);  // inbox records → journal appends
  bool Fold();           // starts one fold call if there is something to fold
  bool Publish(int max);
  bool Tick();  // appends a tick when a timer is due by the owner's own clock

  // R7: an operator's decision to take the record that stopped the shard as if it had come now.
  bool ClampTime();
  // Records progress past duplicates and ticks, where there is any.
  void Checkpoint();
  // Nothing in flight, unfolded, unanswered or unpublished.
  bool AtRest() const;
  ShardStatus Status() const;
  const ShardMemory* memory() const { return memory_.get(); }
  const EffectiveFold& effective() const { return fold_; }
  bool serving() const { return phase_ == Phase::kServing && !repair_; }

 private:
  enum class Phase { kIdle, kLooking, kScanning, kReplaying, kClaiming, kServing, kStopped };
  struct Pending {  // appended, not read back
    log::v1::Record record;
    std::string bytes;
    Delta delta;
    std::string reply_to;
  };
  struct Unfolded {  // read back, not in hot state
    HotChanges changes;
    HotPointValue point;
  };
  struct Answer {
    int64_t offset;
    std::string reply_to;
    log::v1::Reply reply;
  };
  struct Fact {
    int64_t offset;
    std::string value;
    Headers headers;
    Topic topic;
  };
  struct Repair {
    enum class Step { kClear, kClearing, kReadback, kFill, kFilling } step = Step::kClear;
    std::string why;
    std::string id;
    uint64_t checkpoint_seq = 0;
    std::optional<ShardMemory::Dump> dump;
    HotPointValue finish;
    int64_t finish_offset = 0;
  };

  // shard_owner.cc
  void End(const std::string& why, int64_t retry_after_ms);
  void Lost(absl::Status why);
  void TakeRecord(int64_t offset, LogRecord record);
  static log::v1::Reply ReplyOf(const Delta& delta);
  void TakeEffective(int64_t offset, const log::v1::Record& record, const std::string& bytes);
  // takeover.cc
  void StartTakeover();
  void TakeSnapshot(absl::StatusOr<HotPiece> piece);
  void ScanNext();
  void TakePiece(absl::StatusOr<HotPiece> piece);
  void StartReplay(bool usable);
  bool FindPublished();
  void Claim();
  void Become();
  absl::Status CheckResume();
  void Unverify();
  // Another fold version may still be read as ours (R12).
  bool Unverifying() const { return rules_.unverify_first && !unverify_.empty(); }
  // deciding.cc
  bool DecideOne();
  bool ContentsReady();
  bool DecideCommand(const LogRecord& in, const log::v1::Command& command, const log::v1::InboxPoint& point,
                     int64_t now_ms);
  bool AnswerDuplicate(const log::v1::Command& command);
  bool DecideActivation(const log::v1::Command& command, log::v1::Record& record);
  void FireTimer(const log::v1::TimerId& timer);
  std::optional<log::v1::Refused> TooOld(const log::v1::Command& command, const log::v1::InboxPoint& point) const;
  void FillOutcome(log::v1::Record& record, absl::StatusOr<Decision<std::string>> decision,
                   const std::string& original);
  void FillPrevious(log::v1::Record& record);
  bool Append(log::v1::Record record, std::string reply_to);
  void Decided(const log::v1::InboxPoint& at, int64_t now_ms);
  // `taken_ms`: the broker's time, or what an operator clamped it to.
  log::v1::InboxPoint PointOf(const LogRecord& in, const std::string& command_id, int64_t taken_ms) const;
  // folding.cc
  void FoldDone(HotResult result, int64_t offset);
  void FoldedTo(int64_t offset);
  void Reconnect(int64_t after_ms);
  void Reconnected(absl::StatusOr<HotPiece> piece);
  void Watch();
  void Watched(const absl::StatusOr<HotPiece>& piece);
  void StartRepair(const std::string& why);
  void AdvanceRepair();
  void RepairDone(HotResult result, Repair::Step next);
  void FlushAnswers();
  // publishing.cc
  void QueueFacts(int64_t offset, const log::v1::Record& record, const std::string& hash);

  HotPointValue PointAt(int64_t next_offset, const std::string& last_hash) const;
  // A callback that does nothing once this epoch attempt is over.
  template <typename F>
  auto InThisLife(F f) {
    return [this, life = life_, f = std::move(f)](auto&&... args) {
      if (life == life_) f(std::forward<decltype(args)>(args)...);
    };
  }

  const int shard_;
  const WorkerOptions options_;
  const OwnerPorts ports_;
  const Rules rules_;

  bool assigned_ = false;
  bool paused_ = false;
  Phase phase_ = Phase::kIdle;
  absl::Status stopped_;
  uint64_t life_ = 0;  // counts takeovers: stale callbacks are told apart by it
  int64_t retry_at_ms_ = 0;
  int64_t takeover_started_ms_ = 0;

  std::unique_ptr<ShardMemory> memory_;
  std::shared_ptr<LogAppender> appender_;
  EffectiveFold fold_;
  uint64_t owner_id_ = 0;
  uint64_t seq_ = 0;                            // of the last record appended
  int64_t position_ = 0;                        // the next journal offset to read
  std::string last_hash_;                       // of the record before position_
  std::vector<log::v1::Activation> activated_;  // by effective records; memory_ runs ahead of them
  ParseRoom<log::v1::Record> room_;             // for the record just read

  // takeover
  HotPiece snapshot_;
  bool loaded_ = false;  // the memory began with a snapshot: what its values hold already is passed over
  bool refill_ = true;   // hot state is filled anew, so the changes of each record on the way are not wanted
  bool end_doubted_ = false;
  std::optional<EffectiveFold> catch_up_;  // judges records that are read again for the publisher
  HotTable scan_table_ = HotTable::kStreams;
  uint64_t scan_cursor_ = 0;
  int64_t scanned_from_ = 0;   // @offset before the scan
  bool distrusted_ = false;    // the next takeover reads the journal from its start
  std::vector<int> unverify_;  // fold versions still to be told
  bool unverifying_ = false;

  // deciding
  std::deque<LogRecord> inbox_;
  bool inbox_reading_ = false;
  int64_t inbox_next_ = 0;
  log::v1::InboxPoint decided_;  // the highest decided, ticks and duplicates included
  int64_t recorded_inbox_ = -1;  // what an effective or in-flight record names
  int64_t now_ms_ = 0;
  bool contents_ready_ = false;  // everything activated is in the library
  bool clock_ahead_ = false;
  bool clamp_next_ = false;
  int64_t last_append_ms_ = 0;
  int64_t last_tick_ms_ = 0;
  std::deque<Pending> pending_;
  std::deque<int64_t> landed_;  // offsets of this epoch's records, by seq - landed_first_
  uint64_t landed_first_ = 1;

  // folding
  std::deque<Unfolded> unfolded_;
  bool folding_ = false;
  bool watching_ = false, watch_failed_ = false;
  int64_t watched_ms_ = 0;
  std::string sent_token_;
  int64_t folded_ = 0;         // @offset as far as known
  bool reconnecting_ = false;  // the connection broke; waits for a look at what is there
  bool looking_ = false;
  int64_t reconnect_at_ms_ = 0;
  std::optional<Repair> repair_;
  std::deque<Answer> answers_;

  // publishing
  int64_t publish_from_ = 0;
  std::deque<Fact> facts_;
  std::shared_ptr<std::atomic<bool>> parking_;  // whether the last parked record has landed

  ShardStatus counts_;
};

}  // namespace civicmesh
