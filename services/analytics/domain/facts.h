// What analytics remembers of the public events: per case, report and alert every fact with its time, so that any
// figure can be asked as of any past moment.
//
//   Facts facts;
//   EventParser parser;
//   if (const auto* event = parser.Parse("civicmesh.dispatch.v1.CaseClosed", bytes))
//     facts.Apply({.domain = "dispatch", .shard = 3, .id = {1234, 0}}, *event);
//
// Deterministic: what it holds follows from each partition's events in their order, however the partitions interleave.
// A case's steps come from one partition of dispatch alone, a report's from one of intake; where a figure needs both,
// they meet when it is asked. One thread applies; const methods are safe together.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "services/analytics/domain/remembered.h"

namespace google::protobuf {
class Arena;
class Message;
}  // namespace google::protobuf

namespace civicmesh::analytics {

struct Origin {
  std::string_view domain;  // as "dispatch"
  int shard = 0;
  EventId id;
};

// How far one partition is applied.
struct SourcePoint {
  EventId highest;
  int64_t last_ms = 0;  // the time of that event
};

class Facts {
 public:
  Facts() = default;
  Facts(Facts&&) = default;

  // False: the id is not above the highest one of that partition, and nothing changed. `event` is of a type that
  // IsFolded.
  bool Apply(const Origin& origin, const google::protobuf::Message& event);

  const std::deque<Case>& cases() const { return cases_; }
  const std::deque<Report>& reports() const { return reports_; }
  const std::deque<Alert>& alerts() const { return alerts_; }
  const std::deque<Amount>& amounts(AmountKind kind) const { return amounts_[static_cast<int>(kind)]; }
  const std::string& text(Text text) const { return texts_[text]; }
  // By domain, then shard; only those that were heard of.
  using Sources = std::map<std::string, std::vector<SourcePoint>, std::less<>>;
  const Sources& sources() const { return sources_; }
  // The time of the latest fact; 0 before the first.
  int64_t latest_ms() const { return latest_ms_; }
  // Who has the report by what happened before `before_ms`; null where nobody has.
  const Taking* TakenBefore(const Report& report, int64_t before_ms) const;

 private:
  friend class Folder;

  Text Intern(std::string_view text);
  uint32_t CaseNamed(std::string_view name);
  uint32_t ReportNamed(std::string_view name);
  uint32_t AlertNamed(std::string_view name);

  // Elements stay where they are, so the indexes may point to their names.
  std::deque<Case> cases_;
  std::deque<Report> reports_;
  std::deque<Alert> alerts_;
  std::deque<Amount> amounts_[5];
  std::deque<std::string> texts_{""};
  absl::flat_hash_map<std::string_view, uint32_t> case_index_, report_index_, alert_index_, text_index_{{"", 0}};
  Sources sources_;
  int64_t latest_ms_ = 0;
};

// True where a figure needs events of that type (ce_type).
bool IsFolded(std::string_view type);

// Reads one event after the other, all into the same memory: making room for each anew costs more than the fold. One
// thread.
class EventParser {
 public:
  EventParser();
  ~EventParser();

  // The event of a type that IsFolded, until the next one; null where the bytes are not one.
  const google::protobuf::Message* Parse(std::string_view type, std::string_view bytes);

 private:
  std::vector<char> room_;
  std::unique_ptr<google::protobuf::Arena> arena_;
};

}  // namespace civicmesh::analytics
