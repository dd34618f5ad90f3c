// The gRPC server of a service: every call passes the gate, sizes and streams are bounded, health answers for names,
// and reflection stays off unless asked for.
//
// One thread starts it, says how it is and shuts it down; the services' handlers run on gRPC's threads.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace grpc {
class Server;
class Service;
}  // namespace grpc

namespace civicmesh {

class Clock;
class Metrics;

class RpcServer {
 public:
  // Serves `services` (kept) on `listen`, as "unix:/run/civicmesh/intake.sock"; empty: in-process calls only. Every
  // name is unhealthy until said otherwise. `metrics` and `clock` outlive the server. UNAVAILABLE: cannot listen.
  static absl::StatusOr<std::unique_ptr<RpcServer>> Start(const std::string& listen, bool reflection,
                                                          std::vector<std::shared_ptr<grpc::Service>> services,
                                                          Metrics* metrics, const Clock* clock);
  ~RpcServer();

  // What the health service answers for `name` from now on; a change is logged.
  void Say(const std::string& name, bool serving);

  // Unhealthy, no new calls; returns when those under way have ended, which are cut off after `patience`. `when_late`
  // is called once where some have not ended by then.
  void Shutdown(absl::Duration patience, const std::function<void()>& when_late = nullptr);

  grpc::Server& server() { return *server_; }

 private:
  RpcServer() = default;

  std::vector<std::shared_ptr<grpc::Service>> services_;
  std::unique_ptr<grpc::Server> server_;
  std::map<std::string, bool> said_;
};

}  // namespace civicmesh
