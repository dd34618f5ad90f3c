// A policy's place in its consumer group on Kafka (group_reader.h says what that is).
//
//   KafkaGroupReader source({.brokers = …, .domain = "intake"}, PolicyGroup("dispatch", "open_case"));
//
// Commits are sent without waiting: a commit that is lost repeats commands, which their target takes once (R8). A
// change of assignment looks up what was committed, which blocks for at most three seconds.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "services/runtime/journal/group_reader.h"
#include "services/runtime/journal/kafka_options.h"

namespace civicmesh {

class KafkaGroupReader : public GroupReader {
 public:
  // Reads the events of `source.domain`. Nothing connects before the first Poll.
  KafkaGroupReader(const KafkaOptions& source, std::string group);
  // Leaves the group; blocks for at most a few seconds.
  ~KafkaGroupReader() override;

  int Poll(LogSink& sink, int max, int wait_ms) override;
  void Commit(int shard, int64_t next) override;
  void Rewind() override;
  std::map<int, int64_t> Held() override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace civicmesh
