#include "services/runtime/journal/memory_journal.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace civicmesh {

Bounds MemoryLog::bounds(Partition at) {
  const Log& log = partitions_[at];
  return {log.begin, log.begin + static_cast<int64_t>(log.records.size())};
}

int64_t MemoryLog::Store(InFlight append) {
  LogRecord record{.offset = bounds(append.at).end,
                   .time_ms = now_ms_(),
                   .value = std::move(append.value),
                   .headers = std::move(append.headers)};
  partitions_[append.at].records.push_back(record);
  if (on_land) on_land(append.at, record);
  return record.offset;
}

// Callers hold the session: a callback may destroy its appender.
void MemoryLog::End(Session& session) {
  session.dead = true;
  std::vector<LogAppender::Done> unknown;
  for (auto& append : session.queue)
    if (append.done) unknown.push_back(std::exchange(append.done, nullptr));
  for (auto& done : unknown) done(absl::UnavailableError("the session is over"));
}

void MemoryLog::Kill(Session& session) { End(*session.shared_from_this()); }

void MemoryLog::Land(Session& session) {
  InFlight append = std::move(session.queue.front());
  session.queue.pop_front();
  LogAppender::Done done = std::move(append.done);
  const int64_t offset = Store(std::move(append));
  if (done) done(offset);
  Forget();
}

void MemoryLog::Lose(Session& session) {
  const auto kept = session.shared_from_this();
  End(session);
  const Partition at = session.queue.front().at;
  session.queue.pop_front();
  if (at.topic != Topic::kJournal) std::erase_if(session.queue, [&](const auto& append) { return append.at == at; });
  Forget();
}

void MemoryLog::LoseAck(Session& session) {
  const auto kept = session.shared_from_this();
  End(session);
  Land(session);
}

void MemoryLog::Forget() {
  sessions_.remove_if([](const auto& session) { return session->orphan && session->queue.empty(); });
}

void MemoryLog::DeleteBefore(Partition at, int64_t offset) {
  Log& log = partitions_[at];
  while (log.begin < offset && !log.records.empty()) {
    log.records.pop_front();
    ++log.begin;
  }
}

void MemoryLog::Truncate(Partition at, int64_t end) {
  Log& log = partitions_[at];
  while (bounds(at).end > end && !log.records.empty()) log.records.pop_back();
  for (auto& [partition, other] : partitions_) ++other.cuts;
  for (auto& session : std::vector(sessions_.begin(), sessions_.end())) {
    End(*session);
    session->queue.clear();
  }
  Forget();
}

class MemoryAppender : public LogAppender {
 public:
  explicit MemoryAppender(MemoryLog* log) : log_(log), session_(std::make_shared<MemoryLog::Session>()) {
    log_->sessions_.push_back(session_);
  }
  ~MemoryAppender() override {
    session_->orphan = true;
    log_->End(*session_);
    log_->Forget();
  }
  absl::Status Append(Partition at, std::string value, Headers headers) override {
    return Append(at, std::move(value), std::move(headers), nullptr);
  }
  absl::Status Append(Partition at, std::string value, Headers headers, Done done) override {
    if (at.shard < 0 || at.shard >= log_->shards()) return absl::InvalidArgumentError("no such shard");
    if (session_->dead) return absl::UnavailableError("the session is over");
    if (value.size() > MemoryLog::kMaxRecordBytes)
      return absl::InvalidArgumentError("record larger than the log takes");
    session_->queue.push_back({at, std::move(value), std::move(headers), std::move(done)});
    if (!log_->manual) log_->Land(*session_);
    return absl::OkStatus();
  }
  absl::Status Health() override {
    return session_->dead ? absl::UnavailableError("the session is over") : absl::OkStatus();
  }

 private:
  MemoryLog* log_;
  std::shared_ptr<MemoryLog::Session> session_;
};

class MemoryReader : public LogReader {
 public:
  explicit MemoryReader(MemoryLog* log) : log_(log) {}

  void Start(Partition at, int64_t offset) override {
    positions_[at] = {.next = offset, .end_told = -1, .cuts = log_->partitions_[at].cuts, .start = ++starts_};
  }
  void Stop(Partition at) override { positions_.erase(at); }

  int Poll(LogSink& sink, int max, int) override {
    int delivered = 0;
    std::vector<Partition> reading;
    for (const auto& [at, position] : positions_) reading.push_back(at);
    for (Partition at : reading) delivered += PollOne(at, sink, max - delivered);
    return delivered;
  }
  void Wake() override {}

  absl::StatusOr<Bounds> GetBounds(Partition at) override {
    Bounds truth = log_->bounds(at);
    return log_->on_bounds ? log_->on_bounds(at, truth) : truth;
  }
  absl::StatusOr<LogRecord> ReadAt(Partition at, int64_t offset) override {
    Bounds b = log_->bounds(at);
    if (offset < b.begin || offset >= b.end) return absl::NotFoundError(absl::StrCat("no record at ", offset));
    return log_->records(at)[offset - b.begin];
  }

 private:
  struct Position {
    int64_t next = 0;
    int64_t end_told = -1;
    uint64_t cuts = 0;
    uint64_t start = 0;
  };

  int PollOne(Partition at, LogSink& sink, int max) {
    int delivered = 0;
    const auto still = [&](uint64_t start) {  // the sink may have stopped or restarted it
      auto it = positions_.find(at);
      return it != positions_.end() && it->second.start == start;
    };
    auto it = positions_.find(at);
    if (it == positions_.end()) return 0;
    const uint64_t start = it->second.start;
    const Bounds b = log_->bounds(at);
    if (it->second.cuts != log_->partitions_[at].cuts || it->second.next < b.begin || it->second.next > b.end) {
      const bool lost = it->second.cuts != log_->partitions_[at].cuts;
      positions_.erase(it);
      sink.OnTrouble(at,
                     lost ? absl::UnavailableError("the leader was lost") : absl::OutOfRangeError("outside the log"));
      return 0;
    }
    while (delivered < max && still(start)) {
      Position& p = positions_[at];
      if (p.next >= b.end) break;  // what the sink itself appends comes with the next Poll
      LogRecord record = log_->records(at)[p.next - b.begin];
      ++p.next;
      ++delivered;
      sink.OnRecord(at, std::move(record));
    }
    if (still(start) && positions_[at].next == b.end && positions_[at].end_told != b.end) {
      positions_[at].end_told = b.end;
      sink.OnEnd(at, b.end);
    }
    return delivered;
  }

  MemoryLog* log_;
  std::map<Partition, Position> positions_;
  uint64_t starts_ = 0;
};

std::unique_ptr<LogAppender> MemoryJournal::NewAppender() { return std::make_unique<MemoryAppender>(log_); }
std::unique_ptr<LogReader> MemoryJournal::NewReader() { return std::make_unique<MemoryReader>(log_); }

}  // namespace civicmesh
