// The independent judge of the protocol simulation: a strict fold of one shard, fed with each journal append as it
// lands, and asked about every answer, read and published event. It shares no code with the owner.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "civicmesh/log/v1/log.pb.h"
#include "services/runtime/journal/memory_journal.h"

namespace civicmesh::simulation {

// Collects the first broken invariant of a schedule.
struct Verdict {
  std::string violation;  // "I4: …"; empty: none so far
  void Broken(const std::string& what) {
    if (violation.empty()) violation = what;
  }
  bool ok() const { return violation.empty(); }
};

class Oracle {
 public:
  // `wall_ms` is the true time, which outlives the oracle; `driven`: the clock is driven by the commands.
  Oracle(int shard, MemoryLog* log, const int64_t* wall_ms, bool driven, Verdict* verdict)
      : shard_(shard), log_(log), wall_ms_(wall_ms), driven_(driven), verdict_(verdict) {}

  void Land(const LogRecord& raw);
  void LandInbox(const LogRecord& raw);
  // From now on an operator may have clamped a time, so that now may lie below what the inbox says (R7).
  void MayBeClamped() { clamped_ = true; }
  // The inbox ends at `end` now: nobody may go on who would never see what is decided no longer (R9).
  void InboxCut(int64_t end);
  // The last event on the topic repeats an older one, which hides from R9 that its follower was told (ADR 2).
  bool repeating() const { return repeating_; }
  // Starts again from what a power cut left.
  void Replay();

  struct Effect {
    std::string body_hash;
    std::string reason;  // "" accepted, else the refusal's
    std::string stream;
    uint64_t version = 0;
    int64_t broker_now_ms = 0;
    int64_t offset = 0;  // in the journal
  };
  struct Account {
    int64_t balance = 0;
    int taken = 0;
    std::map<std::string, int64_t> holds;
    uint64_t version = 0;
    // As a release of this fold version saves it.
    std::string Text(int fold_version) const;
  };
  // What all accounts must sum up to, holds included: what was credited and neither debited nor captured (I1).
  int64_t credited() const { return credited_; }

  void CheckAnswer(const std::string& command_id, const std::string& body_hash, const std::string& reason);
  void CheckEvent(const LogRecord& event);

  // Every decision ever recorded for a command, and those within the window.
  std::map<std::string, std::vector<Effect>> ever;
  std::map<std::string, Effect> window;
  std::map<std::string, Account> accounts;
  std::set<std::string> armed, fired;          // "stream/kind/due"
  std::vector<std::pair<int64_t, int>> facts;  // ids of all public events
  std::set<std::pair<int64_t, int>> sources;   // policy events taken
  std::map<int64_t, std::string> parked;       // journal offset → the original bytes
  size_t facts_seen = 0;
  int64_t now_ms = 0;
  int64_t decided = -1;

 private:
  void Effective(int64_t offset, const log::v1::Record& record);
  void CheckInbox(const log::v1::Record& record);
  void CheckTime(const log::v1::Record& record);
  void CheckOnce(const log::v1::Record& record);
  void CheckPrevious(int64_t offset, const log::v1::Record& record);
  void CheckParked(int64_t offset, const log::v1::Record& record, const log::v1::Command& command);
  int64_t BusinessTime(const LogRecord& raw, const log::v1::Command& command) const;
  void Decide(int64_t offset, const log::v1::Record& record, const std::string& payload);
  std::string Refusal(const std::vector<std::string>& words, int64_t now_ms);
  std::string TariffAt(int64_t now_ms) const;
  void CheckReferences(const log::v1::Record& record, const std::vector<std::string>& words,
                       const std::string& version);
  void Apply(int64_t offset, const log::v1::Record& record, const std::vector<std::string>& words);
  void Resolve(Account& account, const std::string& hold);
  void Expire();
  const LogRecord* RawInboxAt(int64_t offset) const;
  log::v1::Command InboxAt(int64_t offset) const;
  bool Known(const log::v1::Command& command) const;

  int shard_;
  MemoryLog* log_;
  const int64_t* wall_ms_;
  bool driven_;
  Verdict* verdict_;
  uint64_t epoch_ = 0, owner_ = 0, seq_ = 0;
  int taken_ = 0;
  int64_t credited_ = 0;
  std::set<std::string> resolved_;  // holds
  int64_t broker_now_ms_ = 0;       // the highest broker time up to `decided`
  int64_t business_now_ms_ = 0;     // what the clock says up to there: the same, or the driven time
  int64_t expired_at_ms_ = 0;       // by which outcomes have left the window
  int64_t latest_ms_ = 0;           // the highest business time that ever stood in the inbox
  std::vector<log::v1::Activation> activations_;
  bool clamped_ = false;
  std::optional<uint64_t> cut_epoch_;  // the epoch in which the inbox lost what was decided
  struct LastEvents {
    int64_t offset;
    uint64_t epoch, seq;
  };
  std::map<std::string, LastEvents> last_events_;               // by stream
  std::map<std::pair<std::string, std::string>, int64_t> due_;  // armed timers: (stream, kind) → due
  std::pair<int64_t, int> highest_{0, 0};
  std::pair<int64_t, int> last_seen_{-1, -1};
  bool repeating_ = false;
};

}  // namespace civicmesh::simulation
