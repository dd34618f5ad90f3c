// Hot state for handlers, in memory: for tests of whatever reads through HotReads. Answers within the call.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "services/runtime/rpc/hot_reads.h"

namespace civicmesh {

class FakeReads : public HotReads {
 public:
  bool verified = true;
  absl::Status failure;
  std::string point = "0", blob;
  std::map<std::pair<int, HotTable>, std::map<std::string, std::string>> tables;
  std::map<int, std::set<std::string>> rows;
  int reads = 0;

  void Read(int shard, HotTable table, std::vector<std::string> keys, Done done) override {
    ++reads;
    if (!failure.ok()) return done(failure);
    HotRead read = Empty();
    for (const auto& key : keys) {
      auto& values = tables[{shard, table}];
      auto it = values.find(key);
      read.values.push_back(it == values.end() ? std::nullopt : std::optional(it->second));
    }
    done(std::move(read));
  }

  void Range(int shard, std::string from, std::string to, int limit, bool descending, Done done) override {
    if (!failure.ok()) return done(failure);
    HotRead read = Empty();
    std::vector<std::string> found(rows[shard].lower_bound(from), rows[shard].lower_bound(std::max(from, to)));
    if (descending) std::reverse(found.begin(), found.end());
    for (auto& row : found)
      if (static_cast<int>(read.values.size()) < limit) read.values.emplace_back(std::move(row));
    done(std::move(read));
  }

 private:
  HotRead Empty() const { return {.point = {point, blob}, .verified = verified, .values = {}}; }
};

}  // namespace civicmesh
