// Events for tests, told as stories (case_story_for_tests.h, report_stories_for_tests.h, amount_stories_for_tests.h):
// what happened to one case, report or account, in the order of its partition.
//
//   Teller().TellAll(facts, Together(case_story, report_story));
//
// Times are of 2026 in Asia/Shanghai.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "google/protobuf/timestamp.pb.h"
#include "services/analytics/domain/facts.h"

namespace civicmesh::analytics {

inline int64_t At(const std::string& text) {
  absl::Time time;
  std::string error;
  const bool parsed = absl::ParseTime("%Y-%m-%d %H:%M:%E*S",
                                      "2026-" + text + (text.size() == 11 ? ":00" : ""),  // "10-08 09:00"
                                      absl::FixedTimeZone(8 * 3600), &time, &error);
  return parsed ? absl::ToUnixMillis(time) : -1;
}
inline void Set(google::protobuf::Timestamp* time, int64_t ms) {
  time->set_seconds(ms / 1000);
  time->set_nanos(static_cast<int>(ms % 1000) * 1000000);
}

// One event of one partition.
struct Told {
  std::string domain;
  int shard = 0;
  int64_t at_ms = 0;
  std::shared_ptr<const google::protobuf::Message> event;
};
using Tale = std::vector<Told>;

template <typename... Stories>
Tale Together(const Stories&... stories) {
  Tale all;
  (all.insert(all.end(), stories.tale.begin(), stories.tale.end()), ...);
  return all;
}

// Gives every event the next id of its partition, in the order told.
class Teller {
 public:
  // False: the facts knew it.
  bool Tell(Facts& facts, const Told& told) {
    const EventId id{next_[{told.domain, told.shard}]++, 0};
    return facts.Apply({.domain = told.domain, .shard = told.shard, .id = id}, *told.event);
  }
  void TellAll(Facts& facts, const Tale& tale) {
    for (const Told& told : tale) Tell(facts, told);
  }

 private:
  std::map<std::pair<std::string, int>, int64_t> next_;
};

}  // namespace civicmesh::analytics
