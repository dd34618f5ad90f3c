// ControlService (proto/civicmesh/runtime/v1/control_service.proto): time, rest, metrics, shards, reference data.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace grpc {
class Service;
}

namespace civicmesh {

class LogAppender;
struct ServiceContext;

struct ControlPorts {
  // Outlives the service. Its journal may be null where it has no shards: then time and reference data concern it not,
  // and `waiting_for` alone says whether it rests.
  const ServiceContext* service = nullptr;
  // As CommandDoor's.
  std::function<std::unique_ptr<LogAppender>()> new_appender;
  // What else is under way (policies), in words; empty where all rests. May block for a while. May be empty itself.
  std::function<std::vector<std::string>()> waiting_for;
};

// The handlers return at once; Quiesce and GetMetrics ask the broker on a thread of the service's own, one question at
// a time.
std::unique_ptr<grpc::Service> MakeControlService(ControlPorts ports);

}  // namespace civicmesh
