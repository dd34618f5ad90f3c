#include "services/runtime/journal/memory_keyed_log.h"

#include <map>
#include <utility>

#include "absl/time/time.h"

namespace civicmesh {

void MemoryKeyedTopic::Compact() {
  absl::MutexLock lock(&mutex_);
  for (auto& records : records_) {
    std::map<std::string, int64_t> last;
    for (const Record& record : records) last[record.key] = record.offset;
    std::erase_if(records, [&](const Record& r) { return last[r.key] != r.offset || !r.value; });
  }
}

std::string MemoryKeyedTopic::AllBytes() const {
  absl::MutexLock lock(&mutex_);
  std::string bytes;
  for (const auto& records : records_)
    for (const Record& record : records) bytes += record.key + record.value.value_or("");
  return bytes;
}

void MemoryKeyedTopic::SetAway(bool away) {
  absl::MutexLock lock(&mutex_);
  away_ = away;
}

MemoryKeyedLog::MemoryKeyedLog(MemoryKeyedTopic* topic) : topic_(topic) {
  absl::MutexLock lock(&topic_->mutex_);
  positions_.resize(topic_->records_.size(), 0);
  told_.resize(topic_->records_.size(), false);
}

void MemoryKeyedLog::Put(int partition, std::string key, std::optional<std::string> value, Done done) {
  absl::Status landed = absl::UnavailableError("the topic is away");
  {
    absl::MutexLock lock(&topic_->mutex_);
    if (!topic_->away_) {
      topic_->records_[partition].push_back({topic_->next_++, std::move(key), std::move(value)});
      landed = absl::OkStatus();
    }
  }
  done(landed);
}

std::vector<MemoryKeyedTopic::Record> MemoryKeyedLog::Take(int partition) {
  std::vector<MemoryKeyedTopic::Record> taken;
  absl::MutexLock lock(&topic_->mutex_);
  for (const auto& record : topic_->records_[partition])
    if (record.offset >= positions_[partition]) taken.push_back(record);
  if (!taken.empty()) positions_[partition] = taken.back().offset + 1;
  return taken;
}

void MemoryKeyedLog::Poll(KeyedSink& sink, int wait_ms) {
  {
    absl::MutexLock lock(&topic_->mutex_);
    const auto arrived = [this]() ABSL_SHARED_LOCKS_REQUIRED(topic_->mutex_) {
      for (size_t i = 0; i < positions_.size(); ++i) {
        const auto& records = topic_->records_[i];
        if (!told_[i] || (!records.empty() && records.back().offset >= positions_[i])) return true;
      }
      return false;
    };
    topic_->mutex_.AwaitWithTimeout(absl::Condition(&arrived), absl::Milliseconds(wait_ms));
  }
  for (int partition = 0; partition < partitions(); ++partition) {
    auto records = Take(partition);
    if (records.empty() && told_[partition]) continue;
    for (auto& record : records) sink.OnRecord(partition, std::move(record.key), std::move(record.value));
    sink.OnCurrent(partition);
    told_[partition] = true;
  }
}

}  // namespace civicmesh
