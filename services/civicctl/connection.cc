#include "services/civicctl/connection.h"

#include <CLI/CLI.hpp>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/time/clock.h"
#include "services/civicctl/domains.h"
#include "services/civicctl/files.h"
#include "services/runtime/journal/kafka_security.h"
#include "services/runtime/objects/s3_object_store.h"

namespace civicmesh::civicctl {

namespace {

// An option that names a file, read into `to` where it is given.
template <typename Content>
CLI::Option* AddFile(CLI::App& app, const char* name, const char* about, Content& to,
                     absl::StatusOr<Content> (*read)(const std::string& path)) {
  return app.add_option_function<std::string>(
      name,
      [&to, read, name](const std::string& path) {
        auto content = read(path);
        if (!content.ok()) throw CLI::ValidationError(name, std::string(content.status().message()));
        to = *std::move(content);
      },
      about);
}

absl::StatusOr<S3Login> ReadS3Login(const std::string& path) {
  auto text = ReadFile(path);
  if (!text.ok()) return text.status();
  auto login = ParseS3Login(std::string(absl::StripTrailingAsciiWhitespace(*text)));
  if (!login.ok()) return absl::InvalidArgumentError(path + ": " + std::string(login.status().message()));
  return login;
}

}  // namespace

void AddBrokers(CLI::App& app, KafkaPlace& place) {
  app.add_option("--kafka", place.brokers, "the brokers, as host:port,host:port")
      ->envname("CIVICMESH_KAFKA")
      ->required();
  AddFile(app, "--kafka-security-file", "user, password and TLS, as sasl.username=… a line", place.security,
          ReadKafkaSecurity)
      ->envname("CIVICMESH_KAFKA_SECURITY_FILE");
}

void AddRedis(CLI::App& app, RedisPlace& place) {
  app.add_option("--redis", place.servers, "as unix:/run/redis.sock or host:port, comma-separated")
      ->envname("CIVICMESH_REDIS")
      ->delimiter(',')
      ->required();
  AddFile(app, "--redis-login-file", "username=… and password=…, a line each", place.login, ReadRedisLogin)
      ->envname("CIVICMESH_REDIS_LOGIN_FILE");
}

void AddKafka(CLI::App& app, KafkaPlace& place) {
  AddBrokers(app, place);
  app.add_option("--shards", place.shards, "the number of shards of the installation")
      ->envname("CIVICMESH_SHARDS")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
}

std::unique_ptr<ObjectStore> ObjectsPlace::Open() const {
  if (place.url.empty()) return nullptr;
  return std::make_unique<S3ObjectStore>(place, login, absl::Now);
}

void AddObjects(CLI::App& app, ObjectsPlace& place) {
  CLI::Option* url = app.add_option("--objects", place.place.url, "the object store, as http://127.0.0.1:8333");
  CLI::Option* login =
      AddFile(app, "--objects-login-file", "of its user media: ACCESSKEY:SECRET", place.login, ReadS3Login);
  url->needs(login)->check([](const std::string& text) {
    const bool known = text.starts_with("http://") || text.starts_with("https://");
    return known && text.find('/', text.find("://") + 3) == std::string::npos ? "" : "write http://HOST:PORT, no path";
  });
  login->needs(url);
  app.add_option("--objects-region", place.place.region, "where the store has one")->needs(url)->capture_default_str();
}

CLI::Option* AddDomain(CLI::App& app, std::string& domain, const std::string& help) {
  std::vector<std::string> names;
  for (const Domain& d : Domains()) names.push_back(d.name);
  return app.add_option("--domain", domain, help)->check(CLI::IsMember(names));
}

}  // namespace civicmesh::civicctl
