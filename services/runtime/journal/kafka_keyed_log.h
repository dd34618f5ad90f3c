// A compacted topic in Kafka. KafkaTopicSpec with `compaction_lag_ms` makes and checks it (kafka_topics.h).
//
// Put is answered within `put_timeout`; what failed alone fails, and the log survives brokers that go and come. The
// destructor answers what is left with UNAVAILABLE and waits at most a few seconds for librdkafka's handles.
#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "services/runtime/journal/kafka_options.h"
#include "services/runtime/journal/keyed_log.h"

namespace civicmesh {

class KafkaKeyedLog : public KeyedLog {
 public:
  // `options` says how to reach Kafka and how many partitions (shards) the topic has.
  KafkaKeyedLog(const KafkaOptions& options, std::string topic, absl::Duration put_timeout = absl::Seconds(3));
  ~KafkaKeyedLog() override;
  void Put(int partition, std::string key, std::optional<std::string> value, Done done) override;
  void Poll(KeyedSink& sink, int wait_ms) override;
  int partitions() const override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace civicmesh
