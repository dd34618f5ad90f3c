#include "services/civicctl/connection.h"

#include <CLI/CLI.hpp>
#include <vector>

#include "services/civicctl/domains.h"
#include "services/runtime/journal/kafka_security.h"

namespace civicmesh::civicctl {

namespace {

// An option that names a file, read into `to` where it is given.
template <typename Content>
void AddFile(CLI::App& app, const char* name, const char* about, const char* variable, Content& to,
             absl::StatusOr<Content> (*read)(const std::string& path)) {
  app.add_option_function<std::string>(
         name,
         [&to, read, name](const std::string& path) {
           auto content = read(path);
           if (!content.ok()) throw CLI::ValidationError(name, std::string(content.status().message()));
           to = *std::move(content);
         },
         about)
      ->envname(variable);
}

}  // namespace

void AddBrokers(CLI::App& app, KafkaPlace& place) {
  app.add_option("--kafka", place.brokers, "the brokers, as host:port,host:port")
      ->envname("CIVICMESH_KAFKA")
      ->required();
  AddFile(app, "--kafka-security-file", "user, password and TLS, as sasl.username=… a line",
          "CIVICMESH_KAFKA_SECURITY_FILE", place.security, ReadKafkaSecurity);
}

void AddRedis(CLI::App& app, RedisPlace& place) {
  app.add_option("--redis", place.servers, "as unix:/run/redis.sock or host:port, comma-separated")
      ->envname("CIVICMESH_REDIS")
      ->delimiter(',')
      ->required();
  AddFile(app, "--redis-login-file", "username=… and password=…, a line each", "CIVICMESH_REDIS_LOGIN_FILE",
          place.login, ReadRedisLogin);
}

void AddKafka(CLI::App& app, KafkaPlace& place) {
  AddBrokers(app, place);
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
