#include "services/civicctl/connection.h"

#include <CLI/CLI.hpp>

namespace civicmesh::civicctl {

void AddKafka(CLI::App& app, KafkaPlace& place) {
  app.add_option("--kafka", place.brokers, "the brokers, as host:port,host:port")
      ->envname("CIVICMESH_KAFKA")
      ->required();
  app.add_option("--shards", place.shards, "the number of shards of the installation")
      ->envname("CIVICMESH_SHARDS")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
}

}  // namespace civicmesh::civicctl
