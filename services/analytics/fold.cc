#include "services/analytics/fold.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/base/log.h"

namespace civicmesh::analytics {
namespace {

constexpr int kTurn = 2000;
constexpr int kWaitMs = 100;
constexpr int64_t kTryAgainMs = 500;
constexpr int64_t kStuckMs = 90'000;

// What the fold needs of an event's headers (R14). `type` is null where they are not those of an event of that shard.
struct Label {
  const std::string* type = nullptr;
  EventId id;
};

Label LabelOf(const LogRecord& record, const std::string& domain, int shard) {
  Label label;
  const std::string *id = nullptr, *type = nullptr;
  for (const auto& [key, value] : record.headers) {
    if (key == "ce_id") id = &value;
    if (key == "ce_type") type = &value;
  }
  if (!id || !type) return label;
  const std::vector<absl::string_view> parts = absl::StrSplit(*id, absl::MaxSplits('/', 3));
  int said = -1;
  if (parts.size() == 4 && parts[0] == domain && absl::SimpleAtoi(parts[1], &said) && said == shard &&
      absl::SimpleAtoi(parts[2], &label.id.offset) && absl::SimpleAtoi(parts[3], &label.id.index))
    label.type = type;
  return label;
}

}  // namespace

// One source, as its thread sees it.
struct Fold::Source : LogSink {
  Fold& fold;
  const std::string domain;
  const Clock* const clock;
  std::unique_ptr<LogReader> reader;
  std::unique_ptr<LogReader> ends;  // guarded by asking_
  std::thread thread;
  std::atomic<int64_t> last_turn_ms;

  EventParser parser;
  std::vector<PartitionProgress> partitions;
  std::vector<int64_t> start_at_ms;  // by shard: when to (re)start reading, by the steady clock; INT64_MAX: it is read
  absl::Status lost;
  bool changed = false;

  Source(Fold& f, const FoldSource& source, const Clock* c)
      : fold(f),
        domain(source.domain),
        clock(c),
        reader(source.journal->NewReader()),
        ends(source.journal->NewReader()),
        last_turn_ms(c->steady_ms()),
        start_at_ms(source.journal->shards(), 0) {
    for (int shard = 0; shard < source.journal->shards(); ++shard)
      partitions.push_back({.domain = domain, .shard = shard});
  }

  void StartWhatIsDue() {
    const int64_t now = clock->steady_ms();
    for (size_t shard = 0; shard < partitions.size(); ++shard) {
      if (start_at_ms[shard] > now) continue;
      start_at_ms[shard] = INT64_MAX;
      reader->Start({Topic::kEvents, static_cast<int>(shard)}, partitions[shard].next);
    }
  }

  void OnRecord(Partition from, LogRecord record) override {
    PartitionProgress& at = partitions[from.shard];
    at.next = record.offset + 1;
    at.away = false;
    changed = true;
    const Label label = LabelOf(record, domain, from.shard);
    if (!label.type) return Unreadable(at, record.offset);
    if (!IsFolded(*label.type)) {
      ++at.other;
      return;
    }
    const auto* event = parser.Parse(*label.type, record.value);
    if (!event) return Unreadable(at, record.offset);
    absl::MutexLock lock(&fold.mutex_);
    ++(fold.facts_.Apply({.domain = domain, .shard = from.shard, .id = label.id}, *event) ? at.applied : at.repeated);
  }

  // It cannot be applied and must not hold up what follows; the count says that figures may lack it.
  void Unreadable(PartitionProgress& at, int64_t offset) {
    ++at.unreadable;
    Log(Severity::kError, "an event cannot be read", {{"domain", domain}, {"shard", at.shard}, {"offset", offset}});
  }

  void OnEnd(Partition from, int64_t) override {
    PartitionProgress& at = partitions[from.shard];
    if (at.loaded && !at.away) return;
    at.loaded = true;
    at.away = false;
    changed = true;
  }

  void OnTrouble(Partition from, absl::Status why) override {
    PartitionProgress& at = partitions[from.shard];
    changed = true;
    if (absl::IsOutOfRange(why) || absl::IsDataLoss(why)) {
      lost = absl::DataLossError(absl::StrCat(domain, ", shard ", from.shard, ": events are gone at offset ", at.next,
                                              " (", std::string(why.message()), ")"));
      return;
    }
    if (std::none_of(partitions.begin(), partitions.end(), [](const auto& p) { return p.away; }))
      Log(Severity::kWarning, "a source is away", {{"domain", domain}, {"why", std::string(why.message())}});
    at.away = true;
    start_at_ms[from.shard] = clock->steady_ms() + kTryAgainMs;
  }
};

Fold::Fold(std::vector<FoldSource> sources, const Clock* clock) : clock_(clock) {
  absl::MutexLock lock(&mutex_);
  for (const FoldSource& source : sources) {
    sources_.push_back(std::make_unique<Source>(*this, source, clock));
    progress_.push_back(sources_.back()->partitions);
  }
}

Fold::~Fold() { Stop(); }

void Fold::Start() {
  for (size_t i = 0; i < sources_.size(); ++i)
    sources_[i]->thread = std::thread([this, i] {
      while (!stop_) Turn(i, kTurn, kWaitMs);
    });
}

void Fold::Stop() {
  stop_ = true;
  for (auto& source : sources_) {
    source->reader->Wake();
    if (source->thread.joinable()) source->thread.join();
  }
}

void Fold::Turn(size_t index, int max, int wait_ms) {
  Source& source = *sources_[index];
  source.last_turn_ms = clock_->steady_ms();
  source.StartWhatIsDue();
  source.reader->Poll(source, max, wait_ms);
  if (!std::exchange(source.changed, false)) return;
  absl::MutexLock lock(&mutex_);
  const auto known = facts_.sources().find(source.domain);
  for (auto& at : source.partitions) {
    if (known != facts_.sources().end() && static_cast<size_t>(at.shard) < known->second.size())
      at.last = known->second[at.shard];
    at.end = progress_[index][at.shard].end;
  }
  progress_[index] = source.partitions;
  if (!source.lost.ok()) lost_ = source.lost;
}

absl::Status Fold::Health() const {
  for (const auto& source : sources_)
    if (clock_->steady_ms() - source->last_turn_ms > kStuckMs)
      return absl::DeadlineExceededError(absl::StrCat("the thread that reads ", source->domain, " is stuck"));
  absl::ReaderMutexLock lock(&mutex_);
  if (!lost_.ok()) return lost_;
  for (const auto& source : progress_)
    for (const auto& at : source)
      if (!at.loaded || at.away)
        return absl::UnavailableError(
            absl::StrCat(at.domain, ", shard ", at.shard, at.loaded ? " is away" : " is being read from its start"));
  return absl::OkStatus();
}

bool Fold::loaded() const {
  absl::ReaderMutexLock lock(&mutex_);
  for (const auto& source : progress_)
    for (const auto& at : source)
      if (!at.loaded) return false;
  return true;
}

void Fold::Read(const std::function<void(const Facts&)>& read) const {
  absl::ReaderMutexLock lock(&mutex_);
  read(facts_);
}

std::vector<PartitionProgress> Fold::Lags() const {
  absl::ReaderMutexLock lock(&mutex_);
  std::vector<PartitionProgress> all;
  for (const auto& source : progress_) all.insert(all.end(), source.begin(), source.end());
  return all;
}

absl::StatusOr<std::vector<PartitionProgress>> Fold::Progress() {
  absl::MutexLock asking(&asking_);
  for (size_t i = 0; i < sources_.size(); ++i) {
    for (size_t shard = 0; shard < sources_[i]->start_at_ms.size(); ++shard) {
      const auto bounds = sources_[i]->ends->GetBounds({Topic::kEvents, static_cast<int>(shard)});
      if (!bounds.ok()) return bounds.status();
      absl::MutexLock lock(&mutex_);
      progress_[i][shard].end = bounds->end;
    }
  }
  return Lags();
}

}  // namespace civicmesh::analytics
