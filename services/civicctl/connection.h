// How commands reach the installation: the options that they share.
#pragma once

#include <string>
#include <string_view>

#include "services/runtime/journal/kafka_options.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace civicmesh::civicctl {

struct KafkaPlace {
  std::string brokers;
  int shards = 8;

  KafkaOptions Of(std::string_view domain) const {
    return {.brokers = brokers, .domain = std::string(domain), .shards = shards};
  }
};

// Declares --kafka and --shards; the environment gives them as it does for the services (CIVICMESH_KAFKA,
// CIVICMESH_SHARDS).
void AddKafka(CLI::App& app, KafkaPlace& place);

// Declares --domain, which takes the names of domains.h. It is not required.
CLI::Option* AddDomain(CLI::App& app, std::string& domain, const std::string& help);

}  // namespace civicmesh::civicctl
