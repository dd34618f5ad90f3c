// Intake, as far as its public facts go: for tests that feed dispatch on the real Kafka.
#pragma once

#include <memory>
#include <string>

#include "absl/synchronization/mutex.h"
#include "civicmesh/type/v1/type.pb.h"
#include "services/runtime/journal/kafka_journal.h"

namespace civicmesh::dispatch {

// Thread-safe. Fails the test where the broker does not take something.
class ReportFacts {
 public:
  // `domain` stands in intake's place; its topics are made where they are missing.
  ReportFacts(const std::string& broker, const std::string& domain, int shards);

  // A report of rubbish at `place` is forwarded now, from that shard. Returns when the fact has landed.
  void Forward(const std::string& report, const type::v1::GeoPoint& place, int shard);

 private:
  const KafkaOptions options_;
  KafkaJournal journal_;
  const std::unique_ptr<LogAppender> session_;
  absl::Mutex mutex_;
  int64_t facts_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace civicmesh::dispatch
