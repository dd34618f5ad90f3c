#include "services/civicctl/connection.h"

#include <CLI/CLI.hpp>
#include <vector>

#include "services/civicctl/domains.h"

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

CLI::Option* AddDomain(CLI::App& app, std::string& domain, const std::string& help) {
  std::vector<std::string> names;
  for (const Domain& d : Domains()) names.push_back(d.name);
  return app.add_option("--domain", domain, help)->check(CLI::IsMember(names));
}

}  // namespace civicmesh::civicctl
