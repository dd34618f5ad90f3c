// What a domain hands to the runtime to become a service; see RunService and README.md.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "services/runtime/decider/machine.h"
#include "services/runtime/rpc/service_context.h"
#include "services/runtime/shard/policy_runner.h"
#include "services/runtime/shard/reference_library.h"

namespace grpc {
class Service;
}

namespace civicmesh {

struct ServiceSpec {
  std::string domain;  // as "intake"
  // Counts changes of what the fold writes (R12).
  int fold_version = 1;
  MachineFactory machines;
  // The kinds of reference data that decisions read.
  std::map<std::string, ReferenceLibrary::Parser> references;
  // The compacted topic of what the domain must be able to erase (journal/keyed_log.h), with as many partitions as
  // shards; most have none. What was replaced in it is gone from the disks after so long.
  std::string keyed_topic = "";
  int64_t keyed_topic_lag_ms = 0;
  // Environment variables that hold secrets of the domain (base/secrets.h). Without one it makes do with something that
  // protects nothing; in production it refuses to start.
  std::vector<std::string> secrets;
  // The domain's gRPC services. The context outlives them.
  std::function<std::vector<std::shared_ptr<grpc::Service>>(const ServiceContext&)> services;
  // Whether the domain's own parts can serve, asked several times a second; empty: they always can.
  std::function<bool()> ready = {};
  // The domain's policies, for an installation of so many shards; none where it is empty.
  std::function<std::vector<PolicySpec>(int shards)> policies;
};

}  // namespace civicmesh
