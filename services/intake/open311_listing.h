// Reports out of several of intake's lists as if they were one, the newest first: what Open311 calls GET Service
// Requests.
//
//   ListReports(*service.reads, {.lists = {{"status", "REPORT_STATUS_CLOSED"}, …}, …}, wanted, done);
//
// Reads at most kMaxRows reports per question, whatever was asked for, so that nobody makes hot state read on and on by
// asking for what is rare: what lies further back is found by an earlier end. Returns at once.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "grpcpp/support/status.h"

namespace civicmesh {
class HotReads;
}

namespace civicmesh::intake {

namespace v1 {
class ReportState;
}

constexpr int kMaxRows = 1000;

struct ListingQuery {
  std::vector<std::pair<std::string, std::string>> lists;  // index and value
  int64_t from_ms = 0;
  int64_t to_ms = 0;  // no longer belongs to it; 0: no end
  int shards = 1;
  int page_size = 200;
};

// `wanted` is asked for each report until it has taken page_size of them; `done` is called once, on any thread, with
// what went wrong if anything did. A report that changes lists meanwhile may be missing.
void ListReports(HotReads& reads, ListingQuery query, std::function<bool(const v1::ReportState&)> wanted,
                 std::function<void(grpc::Status)> done);

}  // namespace civicmesh::intake
