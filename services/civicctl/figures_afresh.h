// The figures of analytics, made anew from what the journals say and compared with what the service answers (I6): the
// service folds the events topics, here the facts come from the journals themselves.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "civicmesh/analytics/v1/analytics_service.pb.h"
#include "services/analytics/domain/facts.h"
#include "services/runtime/decider/machine.h"

namespace civicmesh::civicctl {

class FiguresAfresh {
 public:
  // A shard's facts come in their order; shards in any. DATA_LOSS: one that figures need does not parse.
  absl::Status Take(const std::string& domain, int shard, int64_t offset, int index, const PublicEvent& fact);

  struct Verdict {
    int compared = 0;  // KPIs, each by every breakdown
    std::vector<std::string> differences;
  };
  using Ask = std::function<absl::StatusOr<analytics::v1::ListKpisResponse>(const analytics::v1::ListKpisRequest&)>;
  // Asks for every KPI over all time as of the latest fact. Errors are those of `ask`.
  absl::StatusOr<Verdict> Compare(const Ask& ask) const;

 private:
  analytics::Facts facts_;
  analytics::EventParser parser_;
};

}  // namespace civicmesh::civicctl
