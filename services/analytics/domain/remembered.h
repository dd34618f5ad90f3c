// What Facts (facts.h) keeps: of each case, report and alert every step with its time, and amounts. Plain values; times
// are milliseconds since 1970.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace civicmesh::analytics {

// ce_id without domain and shard.
struct EventId {
  int64_t offset = -1;
  int32_t index = 0;
  friend auto operator<=>(const EventId&, const EventId&) = default;
};

// An index into Facts::text; 0 is "".
using Text = uint32_t;
// No such report or case.
constexpr uint32_t kNone = UINT32_MAX;

// What happened, where a figure asks for the event itself and not only for what it left.
enum class CaseFact : uint8_t { kOther, kRegistered, kDispatched, kSigned, kReturned, kReworked, kClosed, kRevisited };

enum class Hand : uint8_t { kNone, kRunning, kPaused, kStopped };

// A case as it was after one of its events.
struct CaseStep {
  int64_t at_ms = 0;
  int64_t due_ms = 0;  // of disposal; 0: none
  Text street = 0, major = 0, unit = 0;
  uint8_t status = 0;  // dispatch.v1.CaseStatus
  CaseFact fact = CaseFact::kOther;
  uint8_t rating = 0;           // dispatch.v1.Rating, of kRevisited
  Hand hand : 2 = Hand::kNone;  // of the disposal clock
  bool provisional : 1 = false;
  bool overdue : 1 = false;  // as the disposal clock says
  bool on_time : 1 = false;  // of kClosed
};

struct Case {
  std::string name;
  uint32_t lead_report = kNone;  // an index into reports()
  int64_t reported_ms = 0;
  int64_t opened_ms = 0;
  std::vector<CaseStep> steps;
};

// A case took a report up: it was opened for it, or the report joined it.
struct Taking {
  uint32_t by = kNone;  // an index into cases()
  int64_t at_ms = 0;
  bool merged = false;
};

// A report after one of its events.
struct ReportStep {
  int64_t at_ms = 0;
  uint8_t status = 0;  // intake.v1.ReportStatus
  uint8_t notice = 0;  // intake.v1.NoticeKind, where the event told the reporter something
};

struct Report {
  std::string name;
  // As intake says; no steps: intake has not been heard yet.
  std::vector<ReportStep> steps;
  int64_t reported_ms = 0;
  uint8_t source = 0;  // type.v1.ReportSource
  // As dispatch says. More than one where its case was merged into another: reports go only to cases opened earlier,
  // so the one opened first has it (see Facts::TakenBefore), in whatever order the shards are heard.
  std::vector<Taking> takings;
};

struct Alert {
  std::string name;
  int64_t raised_ms = 0;
  int64_t reviewed_ms = 0;  // 0: not yet
  uint8_t camera_class = 0, true_camera_class = 0;
  bool confirmed = false;
};

// Points or minutes of one event.
enum class AmountKind { kGranted, kRedeemed, kExpired, kReversed, kMinutes };
struct Amount {
  Text of = 0;  // the account or activity
  int64_t at_ms = 0;
  int64_t amount = 0;
  EventId id;
};

}  // namespace civicmesh::analytics
