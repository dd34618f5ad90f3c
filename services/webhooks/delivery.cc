#include "services/webhooks/delivery.h"

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/runtime/base/log.h"
#include "services/runtime/journal/event_id.h"
#include "services/webhooks/cloud_event.h"

namespace civicmesh::webhooks {
namespace {

constexpr int kReadAtOnce = 100;
constexpr int kScanPollMs = 200;
// What nobody wants is not remembered one by one.
constexpr int64_t kRememberEvery = 1000;
constexpr int kOk = 200, kRedirect = 300, kGone = 410;
constexpr char kReplay[] = "replay";

std::string KeyOf(const std::string& domain, int shard) { return absl::StrCat(domain, "/", shard); }

// Finds the first record of a shard that is not before `from`; the end where there is none.
class Scan : public LogSink {
 public:
  explicit Scan(const ReplayFrom& from) : from_(from) {}
  bool done() const { return done_; }
  bool troubled() const { return troubled_; }
  int64_t offset() const { return offset_; }

  void OnRecord(Partition, LogRecord record) override {
    if (done_) return;
    offset_ = record.offset;
    done_ = !Before(record);
  }
  void OnEnd(Partition, int64_t offset) override {
    if (!done_) offset_ = offset;
    done_ = true;
  }
  void OnTrouble(Partition, absl::Status) override { done_ = troubled_ = true; }

 private:
  bool Before(const LogRecord& record) const {
    if (from_.id.empty()) {
      absl::Time time;
      return absl::ParseTime(absl::RFC3339_full, HeaderOf(record, "ce_time"), &time, nullptr) && time < from_.time;
    }
    const auto place = ParseEventId(HeaderOf(record, "ce_id")), from = ParseEventId(from_.id);
    return place && std::pair(place->journal_offset, place->index) < std::pair(from->journal_offset, from->index);
  }

  const ReplayFrom from_;
  int64_t offset_ = 0;
  bool done_ = false, troubled_ = false;
};

}  // namespace

struct Delivery::Impl {
  // The events of one domain as they come in, each shard from its own position.
  struct Source : LogSink {
    std::string domain;
    std::unique_ptr<LogReader> reader;
    std::deque<std::pair<int, LogRecord>> waiting;
    std::map<int, int64_t> next;  // by shard: what is to be read
    std::vector<int> troubled;
    struct Held {
      int64_t offset = 0, until_ms = 0;  // on the wall clock
    };
    std::map<int, Held> held;  // by shard: it is not read meanwhile

    void OnRecord(Partition from, LogRecord record) override {
      next[from.shard] = record.offset + 1;
      waiting.emplace_back(from.shard, std::move(record));
    }
    void OnEnd(Partition, int64_t) override {}
    void OnTrouble(Partition from, absl::Status why) override {
      Log(Severity::kWarning, "reads again",
          {{"domain", domain}, {"shard", from.shard}, {"why", std::string(why.message())}});
      troubled.push_back(from.shard);
    }
  };

  Impl(Subscription s, Progress p, DeliveryParts d)
      : subscription(std::move(s)), progress(std::move(p)), parts(std::move(d)) {
    figures.paused = subscription.paused;
  }

  bool Open();
  absl::StatusOr<int64_t> Position(Journal& journal, LogReader& reader, const std::string& domain, int shard);
  absl::StatusOr<int64_t> OffsetOf(Journal& journal, const ReplayFrom& from, int shard);
  void Read(Source& source, int wait_ms);
  void Hold(Source& source, int64_t until_ms);
  void GoOn(Source& source);
  bool Wanted(const LogRecord& record) const;
  int64_t OldestWaiting() const;
  bool Deliver(Source& source);
  bool Try(const LogRecord& record, const std::string& body);
  void Passed(const std::string& domain, int shard, int64_t offset, bool taken);
  void Remember(const std::string& key, std::string value) {
    parts.remember(key, value);
    progress[key] = std::move(value);
  }
  bool Replays() { return subscription.replay && progress[kReplay] != subscription.replay->name; }

  const Subscription subscription;
  Progress progress;
  const DeliveryParts parts;
  std::vector<std::unique_ptr<Source>> sources;
  Figures figures;
  int64_t wait_ms = 0, due_ms = 0;  // until the next attempt, on the steady clock
  int64_t passed = 0;               // since something was remembered
};

// A replay only ever goes back. Until all of it is remembered its name is not, so a broken-off one is made anew.
bool Delivery::Impl::Open() {
  std::vector<std::unique_ptr<Source>> opened;
  for (const std::string& domain : subscription.domains()) {
    Journal& journal = *parts.domains.at(domain);
    auto& source = *opened.emplace_back(std::make_unique<Source>());
    source.domain = domain;
    source.reader = journal.NewReader();
    for (int shard = 0; shard < journal.shards(); ++shard) {
      auto position = Position(journal, *source.reader, domain, shard);
      if (!position.ok()) return false;
      source.next[shard] = *position;
      Remember(KeyOf(domain, shard), absl::StrCat(*position));
      source.reader->Start({Topic::kEvents, shard}, *position);
    }
  }
  if (Replays()) Remember(kReplay, subscription.replay->name);
  sources = std::move(opened);
  return true;
}

// Who subscribes hears what comes from then on.
absl::StatusOr<int64_t> Delivery::Impl::Position(Journal& journal, LogReader& reader, const std::string& domain,
                                                 int shard) {
  int64_t position = 0;
  if (const auto known = progress.find(KeyOf(domain, shard));
      known == progress.end() || !absl::SimpleAtoi(known->second, &position)) {
    auto bounds = reader.GetBounds({Topic::kEvents, shard});
    if (!bounds.ok()) return bounds.status();
    position = bounds->end;
  }
  if (!Replays()) return position;
  const ReplayFrom& from = subscription.replay->from;
  if (const auto place = ParseEventId(from.id); place && (place->domain != domain || place->shard != shard))
    return position;
  auto first = OffsetOf(journal, from, shard);
  if (!first.ok()) return first.status();
  return std::min(position, *first);
}

absl::StatusOr<int64_t> Delivery::Impl::OffsetOf(Journal& journal, const ReplayFrom& from, int shard) {
  auto reader = journal.NewReader();
  auto bounds = reader->GetBounds({Topic::kEvents, shard});
  if (!bounds.ok()) return bounds.status();
  Scan scan(from);
  reader->Start({Topic::kEvents, shard}, bounds->begin);
  while (!scan.done()) reader->Poll(scan, kReadAtOnce, kScanPollMs);
  if (scan.troubled()) return absl::UnavailableError("the log is away");
  return scan.offset();
}

// The first that waits, and what stands behind it in its shard, is read again when its time has come: a night's events
// are not kept in memory.
void Delivery::Impl::Hold(Source& source, int64_t until_ms) {
  const int shard = source.waiting.front().first;
  source.held[shard] = {.offset = source.waiting.front().second.offset, .until_ms = until_ms};
  source.reader->Stop({Topic::kEvents, shard});
  std::erase_if(source.waiting, [shard](const auto& one) { return one.first == shard; });
  ++figures.held;
}

void Delivery::Impl::GoOn(Source& source) {
  const int64_t now_ms = parts.clock->wall_ms();
  for (auto it = source.held.begin(); it != source.held.end();) {
    const auto [shard, held] = *it;
    if (held.until_ms > now_ms) {
      ++it;
      continue;
    }
    source.reader->Start({Topic::kEvents, shard}, source.next[shard] = held.offset);
    it = source.held.erase(it);
    --figures.held;
  }
}

void Delivery::Impl::Read(Source& source, int wait) {
  GoOn(source);
  for (int shard : std::exchange(source.troubled, {}))
    if (!source.held.contains(shard)) source.reader->Start({Topic::kEvents, shard}, source.next[shard]);
  source.reader->Poll(source, kReadAtOnce, wait);
}

bool Delivery::Impl::Wanted(const LogRecord& record) const {
  return subscription.types.contains(HeaderOf(record, "ce_type")) &&
         (subscription.units.empty() || subscription.units.contains(UnitOf(record)));
}

int64_t Delivery::Impl::OldestWaiting() const {
  int64_t oldest_ms = 0;
  for (const auto& source : sources)
    for (const auto& [shard, record] : source->waiting)
      if (Wanted(record) && (oldest_ms == 0 || record.time_ms < oldest_ms)) oldest_ms = record.time_ms;
  return oldest_ms;
}

void Delivery::Impl::Passed(const std::string& domain, int shard, int64_t offset, bool taken) {
  const std::string key = KeyOf(domain, shard);
  if (taken || ++passed >= kRememberEvery) {
    Remember(key, absl::StrCat(offset + 1));
    passed = 0;
  }
}

// False: the first that waits was not taken.
bool Delivery::Impl::Deliver(Source& source) {
  while (!source.waiting.empty()) {
    const auto& [shard, record] = source.waiting.front();
    const bool wanted = Wanted(record);
    if (const int64_t until_ms = wanted ? NotBeforeMs(record) : 0; until_ms > parts.clock->wall_ms()) {
      Hold(source, until_ms);
      continue;
    }
    if (wanted) {
      auto body = CloudEventJson(record);
      if (!body.ok()) {
        ++figures.unknown;
        Log(Severity::kError, "an event that cannot be told",
            {{"id", HeaderOf(record, "ce_id")}, {"why", std::string(body.status().message())}});
      } else if (!Try(record, *body)) {
        return false;
      }
    }
    Passed(source.domain, shard, record.offset, wanted);
    source.waiting.pop_front();
    // One attempt a turn: a receiver that is slow to answer must not keep the thread from being stopped.
    if (wanted) return true;
  }
  return true;
}

bool Delivery::Impl::Try(const LogRecord& record, const std::string& body) {
  figures.next_id = HeaderOf(record, "ce_id");
  if (parts.clock->steady_ms() < due_ms) return false;
  const int64_t seconds = parts.clock->wall_ms() / 1000;
  const int status = parts.post({.url = subscription.url,
                                 .id = figures.next_id,
                                 .body = body,
                                 .seconds = seconds,
                                 .signature = SignatureOf(parts.secret, figures.next_id, seconds, body)});
  if (status >= kOk && status < kRedirect) {
    ++figures.delivered;
    figures.failing_since_ms = wait_ms = due_ms = 0;
    figures.next_id.clear();
    return true;
  }
  ++figures.failed;
  if (figures.failing_since_ms == 0) {
    figures.failing_since_ms = parts.clock->wall_ms();
    Log(Severity::kWarning, "a webhook is not taken",
        {{"subscription", subscription.id}, {"id", figures.next_id}, {"status", status}});
  }
  figures.gone = status == kGone;
  wait_ms = std::clamp(2 * wait_ms, kFirstWaitMs, kLongestWaitMs);
  due_ms = parts.clock->steady_ms() + wait_ms;
  return false;
}

Delivery::Delivery(Subscription subscription, Progress progress, DeliveryParts parts)
    : impl_(std::make_unique<Impl>(std::move(subscription), std::move(progress), std::move(parts))) {}
Delivery::~Delivery() = default;

bool Delivery::Turn(int wait_ms) {
  if (impl_->subscription.paused || impl_->figures.gone) return false;
  if (impl_->sources.empty() && !impl_->Open()) return false;
  const int64_t before = impl_->figures.delivered;
  for (auto& source : impl_->sources) {
    if (source->waiting.empty()) impl_->Read(*source, wait_ms / static_cast<int>(impl_->sources.size()));
    if (!impl_->Deliver(*source)) break;
  }
  impl_->figures.waiting_since_ms = impl_->OldestWaiting();
  return impl_->figures.delivered > before;
}

const Delivery::Figures& Delivery::figures() const { return impl_->figures; }

}  // namespace civicmesh::webhooks
