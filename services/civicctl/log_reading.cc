#include "services/civicctl/log_reading.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/runtime/base/clock.h"

namespace civicmesh::civicctl {
namespace {

constexpr int kBatch = 10000;
constexpr int kPollMs = 200;
constexpr int64_t kPatienceMs = 20000;  // without a single record

struct Taking : LogSink {
  const std::function<bool(const LogRecord&)>& take;
  int64_t end = 0;
  int64_t next = 0;
  bool done = false;
  absl::Status trouble;

  explicit Taking(const std::function<bool(const LogRecord&)>& t) : take(t) {}
  void OnRecord(Partition, LogRecord record) override {
    if (done || record.offset >= end) {
      done = true;
      return;
    }
    next = record.offset + 1;
    done = !take(record) || next >= end;
  }
  void OnEnd(Partition, int64_t offset) override { done = done || offset >= end; }
  void OnTrouble(Partition, absl::Status why) override { trouble = std::move(why); }
};

absl::Status Unanswered(const absl::Status& why) {
  return absl::Status(
      why.code(), absl::StrCat("Kafka: ", why.message(),
                               ": is it running, is --kafka right, does it want a password (--kafka-security-file)?"));
}

}  // namespace

absl::StatusOr<int64_t> ReadLog(Journal& journal, Partition at, Stretch stretch,
                                const std::function<bool(const LogRecord&)>& take) {
  auto reader = journal.NewReader();
  auto bounds = reader->GetBounds(at);
  if (!bounds.ok()) return Unanswered(bounds.status());
  Taking taking(take);
  taking.end = std::min(bounds->end, stretch.to);
  taking.next = std::max(bounds->begin, stretch.from < 0 ? bounds->end + stretch.from : stretch.from);
  if (taking.next >= taking.end) return bounds->end;
  reader->Start(at, taking.next);
  const Clock* clock = Clock::Real();
  int64_t last_ms = clock->steady_ms();
  while (!taking.done) {
    if (reader->Poll(taking, kBatch, kPollMs) > 0) last_ms = clock->steady_ms();
    if (taking.trouble.code() == absl::StatusCode::kDataLoss) return taking.trouble;
    // A leader that moved: go on where we are.
    if (!taking.trouble.ok()) reader->Start(at, taking.next);
    taking.trouble = absl::OkStatus();
    if (clock->steady_ms() - last_ms > kPatienceMs) return Unanswered(absl::UnavailableError("nothing comes any more"));
  }
  return bounds->end;
}

}  // namespace civicmesh::civicctl
