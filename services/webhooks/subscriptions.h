// Who is told what over HTTP: the file of subscriptions, which the operator writes (README.md shows one).
//
//   auto all = ParseSubscriptions(text);
//   for (const Subscription& one : *all) …
//
// Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace civicmesh::webhooks {

// Where a replay begins: at one event of one shard, or at a time in all of them.
struct ReplayFrom {
  std::string id;  // a CloudEvents id of ours, "<domain>/<shard>/<offset>/<index>"; empty where a time is meant
  absl::Time time = absl::InfinitePast();
};

struct Replay {
  std::string name;  // each name is carried out once
  ReplayFrom from;
};

struct Subscription {
  std::string id;               // a-z 0-9 -, at most 40
  std::string url;              // https; http only to loopback
  std::string secret_file;      // holds the key that signs, at least 24 bytes
  std::set<std::string> types;  // full names of events, at least one; their domains follow
  std::set<std::string> units;  // only events whose context names one of these; empty: all
  bool paused = false;
  std::optional<Replay> replay;

  // The domains that its types are of, as "dispatch".
  std::set<std::string> domains() const;
};

// INVALID_ARGUMENT: names the subscription and the field.
absl::StatusOr<std::vector<Subscription>> ParseSubscriptions(const std::string& json);

}  // namespace civicmesh::webhooks
