#include "tests/bench/closed_cases.h"

#include <algorithm>
#include <iostream>
#include <map>
#include <optional>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "civicmesh/dispatch/v1/dispatch_journal.pb.h"
#include "services/dispatch/domain/dispatch_shard.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/journal/kafka_journal.h"
#include "services/runtime/shard/effective.h"

namespace civicmesh::bench {
namespace {

using log::v1::Record;

constexpr int kShards = 8;
constexpr absl::Duration kPatience = absl::Seconds(60);

absl::StatusOr<Record> Decode(const LogRecord& raw) {
  Record record;
  auto bytes = Unframe(raw.value);
  if (!bytes.ok()) return bytes.status();
  if (!record.ParseFromArray(bytes->data(), static_cast<int>(bytes->size())))
    return absl::DataLossError("a journal record does not parse");
  return record;
}

bool Closes(const Record& record) {
  for (const auto& change : record.accepted().streams())
    for (const auto& bytes : change.events()) {
      dispatch::v1::JournalEvent event;
      if (event.ParseFromString(bytes) && event.has_case_closed()) return true;
    }
  return false;
}

// One journal, read to its end: where the next owner stands, and the records of one closed case.
class Past : public LogSink {
 public:
  EffectiveFold fold;
  std::vector<Record> life;
  absl::Status trouble;
  bool done = false;

  void OnRecord(Partition, LogRecord raw) override {
    auto record = Decode(raw);
    if (!record.ok()) {
      trouble = record.status();
      return;
    }
    if (!fold.Take(*record) || !life.empty()) return;
    for (const auto& change : record->accepted().streams())
      if (change.stream().starts_with("c-")) lives_[change.stream()].push_back(*record);
    if (!Closes(*record)) return;
    for (const auto& change : record->accepted().streams())
      if (change.stream().starts_with("c-")) life = lives_[change.stream()];
    lives_.clear();
  }
  void OnEnd(Partition, int64_t) override { done = true; }
  void OnTrouble(Partition, absl::Status why) override { trouble = std::move(why); }

 private:
  std::map<std::string, std::vector<Record>> lives_;
};

// The case that a record of a life is about.
std::string CaseOf(const Record& record) {
  for (const auto& change : record.accepted().streams())
    if (change.stream().starts_with("c-")) return change.stream();
  return "";
}

// The life without what is the shard's alone (its case numbers) or a command's.
std::vector<Record> Template(std::vector<Record> life) {
  for (Record& record : life) {
    auto* streams = record.mutable_accepted()->mutable_streams();
    for (int i = streams->size() - 1; i >= 0; --i)
      if (!streams->Get(i).stream().starts_with("c-")) streams->DeleteSubrange(i, 1);
    record.clear_body_hash();
    record.clear_traceparent();
    record.set_kind(Record::KIND_TIMER);
    record.clear_timer();
  }
  return life;
}

// What all writers have appended, and what of it has landed where it was expected.
class Tally {
 public:
  void Written() { ++written_; }
  void Landed() {
    absl::MutexLock lock(&mutex_);
    ++landed_;
  }
  // Until more has landed than now. False: nothing did, for as long as is waited.
  bool AwaitMore() {
    absl::MutexLock lock(&mutex_);
    const auto more = [this, before = landed_]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return landed_ > before; };
    return mutex_.AwaitWithTimeout(absl::Condition(&more), kPatience);
  }
  absl::Status AwaitAll() {
    absl::MutexLock lock(&mutex_);
    const auto all = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return landed_ == written_; };
    return mutex_.AwaitWithTimeout(absl::Condition(&all), kPatience)
               ? absl::OkStatus()
               : absl::UnavailableError("records were not acknowledged where they were expected");
  }

 private:
  int64_t written_ = 0;
  absl::Mutex mutex_;
  int64_t landed_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Writes one shard as an owner of a new epoch.
class Writer {
 public:
  Writer(LogAppender& session, Tally& tally, int shard, int64_t end, EffectiveFold fold, std::vector<Record> life)
      : session_(session), tally_(tally), shard_(shard), next_(end), fold_(std::move(fold)), life_(std::move(life)) {
    for (const Record& record : life_) bytes_.push_back(record.SerializeAsString());
    old_id_ = CaseOf(life_[0]);
  }

  absl::Status Begin() {
    Record barrier;
    barrier.set_kind(Record::KIND_BARRIER);
    barrier.set_epoch(fold_.epoch + 1);
    barrier.set_owner(0xbe9c400000000000ull + static_cast<uint64_t>(shard_));
    fold_.Take(barrier);
    return Append(barrier);
  }

  absl::Status WriteCase(int64_t number) {
    const std::string id = MakeId("c", shard_, absl::StrCat("closed/", number));
    int64_t previous = -1;
    for (const std::string& was : bytes_) {
      Record record;
      record.ParseFromString(absl::StrReplaceAll(was, {{old_id_, id}}));
      record.set_epoch(fold_.epoch);
      record.set_owner(fold_.owner);
      record.set_seq(fold_.seq + 1);
      *record.mutable_inbox() = fold_.inbox;
      record.set_now_ms(std::max(record.now_ms(), fold_.now_ms));
      auto& change = *record.mutable_accepted()->mutable_streams(0);
      change.clear_previous();
      if (previous >= 0) change.set_previous_offset(previous);
      previous = next_;
      fold_.Take(record);
      if (auto appended = Append(record); !appended.ok()) return appended;
    }
    return absl::OkStatus();
  }

  // Where the publisher is to go on.
  absl::Status PublishLast() {
    Record record;
    auto bytes = Unframe(last_value_);
    if (!bytes.ok() || !record.ParseFromArray(bytes->data(), static_cast<int>(bytes->size())))
      return absl::InternalError("the last record does not parse");
    const auto& change = record.accepted().streams(0);
    dispatch::DispatchShard machine;
    auto facts =
        machine.Publish({.stream = change.stream(), .version = change.first_version(), .now_ms = record.now_ms()},
                        change.events(change.events_size() - 1));
    if (!facts.ok()) return facts.status();
    const auto& fact = facts->back();
    Headers headers{
        {"ce_specversion", "1.0"},
        {"ce_id", absl::StrCat("dispatch/", shard_, "/", next_ - 1, "/", change.events_size() - 1)},
        {"ce_source", absl::StrCat("civicmesh/dispatch/", shard_)},
        {"ce_type", fact.type},
        {"ce_subject", fact.subject},
        {"ce_time", absl::FormatTime(absl::RFC3339_full, absl::FromUnixMillis(record.now_ms()), absl::UTCTimeZone())},
        {"ce_recordhash", absl::BytesToHexString(Sha256(last_value_).substr(0, 16))},
        {"content-type", "application/protobuf"}};
    tally_.Written();
    return session_.Append({Topic::kEvents, shard_}, fact.bytes, std::move(headers),
                           [this](absl::StatusOr<int64_t> offset) {
                             if (offset.ok()) tally_.Landed();
                           });
  }

 private:
  absl::Status Append(const Record& record) {
    last_value_ = Frame(record.SerializeAsString());
    while (true) {
      const int64_t at = next_;
      absl::Status appended =
          session_.Append({Topic::kJournal, shard_}, last_value_, {}, [this, at](absl::StatusOr<int64_t> offset) {
            // Another offset than the one that later records name: somebody else writes here.
            if (offset.ok() && *offset == at) tally_.Landed();
          });
      if (appended.ok()) break;
      if (!absl::IsResourceExhausted(appended) || !tally_.AwaitMore()) return appended;
    }
    ++next_;
    tally_.Written();
    return absl::OkStatus();
  }

  LogAppender& session_;
  Tally& tally_;
  const int shard_;
  int64_t next_;
  EffectiveFold fold_;
  const std::vector<Record> life_;
  std::vector<std::string> bytes_;
  std::string old_id_;
  std::string last_value_;
};

absl::StatusOr<Past> ReadPast(LogReader& reader, int shard) {
  Past past;
  reader.Start({Topic::kJournal, shard}, 0);
  const absl::Time until = absl::Now() + 10 * kPatience;
  while (!past.done && past.trouble.ok() && absl::Now() < until) reader.Poll(past, 10000, 100);
  reader.Stop({Topic::kJournal, shard});
  if (!past.trouble.ok()) return past.trouble;
  if (!past.done) return absl::UnavailableError("the journal's end was not reached");
  return past;
}

}  // namespace

absl::Status WriteClosedCases(const civicctl::KafkaPlace& kafka, int64_t first, int64_t cases) {
  KafkaOptions options = kafka.Of("dispatch");
  options.shards = kShards;
  KafkaJournal log(options);
  auto reader = log.NewReader();
  std::vector<Past> pasts;
  std::vector<Record> life;
  for (int shard = 0; shard < kShards; ++shard) {
    auto past = ReadPast(*reader, shard);
    if (!past.ok()) return past.status();
    if (life.empty()) life = Template(past->life);
    pasts.push_back(*std::move(past));
  }
  if (life.empty()) return absl::NotFoundError("dispatch has closed no case yet");

  Tally tally;
  auto session = log.NewAppender();
  std::vector<std::unique_ptr<Writer>> writers;
  for (int shard = 0; shard < kShards; ++shard) {
    auto bounds = reader->GetBounds({Topic::kJournal, shard});
    if (!bounds.ok()) return bounds.status();
    writers.push_back(std::make_unique<Writer>(*session, tally, shard, bounds->end, pasts[shard].fold, life));
    if (auto begun = writers.back()->Begin(); !begun.ok()) return begun;
  }
  for (int64_t i = 0; i < cases; ++i) {
    if (auto written = writers[i % kShards]->WriteCase(first + i); !written.ok()) return written;
    if ((i + 1) % 10000 == 0) std::cerr << "\r" << i + 1 << " of " << cases << " cases" << std::flush;
  }
  std::cerr << "\n";
  if (auto landed = tally.AwaitAll(); !landed.ok()) return landed;
  for (auto& writer : writers)
    if (auto published = writer->PublishLast(); !published.ok()) return published;
  return tally.AwaitAll();
}

}  // namespace civicmesh::bench
