// How commands reach the installation: the options that they share.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "services/runtime/hotstate/redis_login.h"
#include "services/runtime/journal/kafka_options.h"
#include "services/runtime/objects/object_store.h"
#include "services/runtime/objects/s3_signing.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace civicmesh::civicctl {

struct KafkaPlace {
  std::string brokers;
  std::map<std::string, std::string> security;
  int shards = 8;

  KafkaOptions Of(std::string_view domain) const {
    return {.brokers = brokers, .domain = std::string(domain), .shards = shards, .security = security};
  }
  KafkaOptions Reference() const {
    return {.brokers = brokers, .domain = "reference", .shards = 1, .security = security};
  }
};

struct RedisPlace {
  std::vector<std::string> servers;
  RedisLogin login;
};

struct ObjectsPlace {
  S3Place place;
  S3Login login;

  // None where nobody said where it is.
  std::unique_ptr<ObjectStore> Open() const;
};

// Declares --kafka and --kafka-security-file; the environment gives them as it does for the services (CIVICMESH_KAFKA,
// CIVICMESH_KAFKA_SECURITY_FILE).
void AddBrokers(CLI::App& app, KafkaPlace& place);

// These, and --shards (CIVICMESH_SHARDS).
void AddKafka(CLI::App& app, KafkaPlace& place);

// Declares --redis and --redis-login-file (CIVICMESH_REDIS, CIVICMESH_REDIS_LOGIN_FILE).
void AddRedis(CLI::App& app, RedisPlace& place);

// Declares --objects and --objects-login-file, which go together, and --objects-region. The environment gives none of
// them: who means the objects too says so.
void AddObjects(CLI::App& app, ObjectsPlace& place);

// Declares --domain, which takes the names of domains.h. It is not required.
CLI::Option* AddDomain(CLI::App& app, std::string& domain, const std::string& help);

}  // namespace civicmesh::civicctl
