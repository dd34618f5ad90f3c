// A process that owns all shards of a toy domain on the real Kafka and Redis, to be killed by worker_kill_test.
//
//   toy_worker BROKER REDIS DOMAIN SHARDS
#include <unistd.h>

#include <cstdlib>

#include "civicmesh/log/v1/log.pb.h"
#include "services/runtime/hotstate/redis_hot_state.h"
#include "services/runtime/journal/kafka_journal.h"
#include "services/runtime/shard/reference_library.h"
#include "services/runtime/shard/worker.h"
#include "tests/simulation/toy_machine.h"

int main(int argc, char** argv) {
  using namespace civicmesh;
  if (argc != 5) return 2;
  const int shards = std::atoi(argv[4]);
  KafkaJournal journal({.brokers = argv[1], .domain = argv[3], .shards = shards});
  RedisHotState hot({.servers = {argv[2]}, .domain = argv[3]});
  ReferenceLibrary references({});
  Worker worker(
      {.domain = argv[3], .shards = shards}, &journal, &hot, &references,
      [](int) { return std::make_unique<simulation::ToyMachine>(); },
      [](int, const std::string&, const log::v1::Reply&) {});
  worker.Start();
  std::set<int> all;
  for (int shard = 0; shard < shards; ++shard) all.insert(shard);
  worker.SetAssigned(all);
  while (true) pause();
}
