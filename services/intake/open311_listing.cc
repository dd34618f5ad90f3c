#include "services/intake/open311_listing.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>

#include "absl/container/flat_hash_set.h"
#include "civicmesh/intake/v1/intake_journal.pb.h"
#include "services/intake/domain/rules.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/reads.h"

namespace civicmesh::intake {
namespace {

constexpr int kLeast = 50;  // rows at once

class Merge : public std::enable_shared_from_this<Merge> {
 public:
  Merge(HotReads& reads, ListingQuery query, std::function<bool(const v1::ReportState&)> wanted,
        std::function<void(grpc::Status)> done)
      : reads_(reads), query_(std::move(query)), wanted_(std::move(wanted)), done_(std::move(done)) {
    for (const auto& list : query_.lists) cursors_.push_back({.list = list, .ahead = {}, .next = ""});
  }

  // Takes the newest of what has been read until some list has to be read further.
  void Go() {
    for (;;) {
      for (Cursor& cursor : cursors_)
        if (cursor.ahead.empty() && !cursor.ended) return ReadOn(cursor);
      Cursor* newest = nullptr;
      for (Cursor& cursor : cursors_)
        if (!cursor.ahead.empty() && (!newest || cursor.ahead.front().key > newest->ahead.front().key))
          newest = &cursor;
      if (!newest || taken_ == query_.page_size) return done_(grpc::Status::OK);
      const Row row = std::move(newest->ahead.front());
      newest->ahead.pop_front();
      if (seen_.insert(row.key.second).second && wanted_(row.report)) ++taken_;
    }
  }

 private:
  struct Row {
    std::pair<int64_t, std::string> key;  // as lists are sorted
    v1::ReportState report;
  };
  struct Cursor {
    std::pair<std::string, std::string> list;
    std::deque<Row> ahead;
    std::string next;
    bool ended = false;
  };

  void ReadOn(Cursor& cursor) {
    // What the others have ahead may be older than what this one would bring, so nothing more can be told.
    if (read_ >= kMaxRows) return done_(grpc::Status::OK);
    const int most = std::min(std::max(query_.page_size, kLeast), kMaxRows - read_);
    ListRows(reads_,
             {.index = cursor.list.first,
              .value = cursor.list.second,
              .from_ms = query_.from_ms,
              .to_ms = query_.to_ms,
              .descending = true,
              .shards = query_.shards,
              .page_size = most,
              .page_token = cursor.next},
             [self = shared_from_this(), &cursor](ListResult found) { self->Take(cursor, std::move(found)); });
  }

  void Take(Cursor& cursor, ListResult found) {
    if (!found.status.ok()) return done_(std::move(found.status));
    for (auto& [id, bytes] : found.entries) {
      v1::IntakeStream stream;
      if (!stream.ParseFromString(bytes)) return done_(RuntimeError("REASON_DATA_LOSS"));
      const int64_t at = MsOf(stream.report().context().reported_at());
      cursor.ahead.push_back({{at, id}, std::move(*stream.mutable_report())});
    }
    read_ += std::max(static_cast<int>(found.entries.size()), 1);
    cursor.next = std::move(found.next_page_token);
    cursor.ended = cursor.next.empty();
    Go();
  }

  HotReads& reads_;
  const ListingQuery query_;
  const std::function<bool(const v1::ReportState&)> wanted_;
  const std::function<void(grpc::Status)> done_;
  std::vector<Cursor> cursors_;
  absl::flat_hash_set<std::string> seen_;
  int read_ = 0, taken_ = 0;
};

}  // namespace

void ListReports(HotReads& reads, ListingQuery query, std::function<bool(const v1::ReportState&)> wanted,
                 std::function<void(grpc::Status)> done) {
  std::make_shared<Merge>(reads, std::move(query), std::move(wanted), std::move(done))->Go();
}

}  // namespace civicmesh::intake
