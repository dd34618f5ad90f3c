#include "tests/bench/raw_loop.h"

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/runtime/journal/kafka_journal.h"
#include "services/runtime/journal/kafka_topics.h"

namespace civicmesh::bench {
namespace {

constexpr int kShards = 8;
constexpr size_t kRecordBytes = 200;
constexpr absl::Duration kWarm = absl::Seconds(2);

class Loop : public LogSink {
 public:
  Loop(Journal& log, absl::Duration measured)
      : session_(log.NewAppender()), from_(absl::Now() + kWarm), until_(from_ + measured) {}

  void Begin() {
    const int64_t now = absl::ToUnixMicros(absl::Now());
    std::string value = absl::StrCat(now, " ");
    value.resize(kRecordBytes, 'x');
    Append({Topic::kInbox, static_cast<int>(next_++ % kShards)}, std::move(value));
  }
  void OnRecord(Partition from, LogRecord record) override {
    if (from.topic == Topic::kInbox) return Append({Topic::kJournal, from.shard}, std::move(record.value));
    int64_t began = 0;
    (void)absl::SimpleAtoi(record.value.substr(0, record.value.find(' ')), &began);
    const absl::Time now = absl::Now();
    if (now >= from_ && now < until_) millis_.push_back(absl::ToDoubleMilliseconds(now - absl::FromUnixMicros(began)));
    if (now < until_) Begin();
  }
  void OnEnd(Partition, int64_t) override {}
  void OnTrouble(Partition, absl::Status why) override { trouble_ = std::move(why); }

  absl::StatusOr<Load> Run(LogReader& reader) {
    while (absl::Now() < until_ && trouble_.ok()) reader.Poll(*this, 1000, 50);
    if (!trouble_.ok()) return trouble_;
    if (millis_.empty()) return absl::UnavailableError("nothing came back");
    std::sort(millis_.begin(), millis_.end());
    return Load{.per_second = static_cast<double>(millis_.size()) / absl::ToDoubleSeconds(until_ - from_),
                .p50_ms = millis_[millis_.size() / 2],
                .p99_ms = millis_[millis_.size() * 99 / 100],
                .good = static_cast<int64_t>(millis_.size())};
  }

 private:
  void Append(Partition at, std::string value) {
    if (auto status = session_->Append(at, std::move(value), {}); !status.ok()) trouble_ = status;
  }

  std::unique_ptr<LogAppender> session_;
  const absl::Time from_, until_;
  int64_t next_ = 0;
  absl::Status trouble_;
  std::vector<double> millis_;
};

}  // namespace

absl::StatusOr<Load> RawLoop(const civicctl::KafkaPlace& kafka, int in_flight, absl::Duration measured) {
  KafkaOptions options = kafka.Of("bench");
  options.shards = kShards;
  if (auto made = CreateTopics(options, {}); !made.ok()) return made;
  KafkaJournal log(options);
  auto reader = log.NewReader();
  for (Topic topic : {Topic::kInbox, Topic::kJournal})
    for (int shard = 0; shard < kShards; ++shard) {
      auto bounds = reader->GetBounds({topic, shard});
      if (!bounds.ok()) return bounds.status();
      reader->Start({topic, shard}, bounds->end);
    }
  Loop loop(log, measured);
  for (int i = 0; i < in_flight; ++i) loop.Begin();
  return loop.Run(*reader);
}

}  // namespace civicmesh::bench
