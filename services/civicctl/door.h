// Operators' calls through the door (Envoy): to a service's ControlService, and to analytics.
//
// Each call waits at most some seconds. Errors say what to do: UNAUTHENTICATED and PERMISSION_DENIED (the token),
// NOT_FOUND (the door has no such service), UNAVAILABLE (nobody answers, ask again). Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "civicmesh/analytics/v1/analytics_service.pb.h"
#include "civicmesh/runtime/v1/control_service.pb.h"

namespace civicmesh::civicctl {

class Door {
 public:
  // `url` is http://HOST:PORT or https://HOST:PORT; `token` an operator's. INVALID_ARGUMENT: another url.
  static absl::StatusOr<std::unique_ptr<Door>> Open(const std::string& url, std::string token);
  ~Door();

  absl::StatusOr<runtime::v1::GetShardsResponse> Shards(const std::string& service);
  // `request` names the service.
  absl::Status Activate(const runtime::v1::ActivateReferenceRequest& request);
  absl::StatusOr<analytics::v1::ListKpisResponse> Kpis(const analytics::v1::ListKpisRequest& request);

 private:
  struct Impl;
  explicit Door(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace civicmesh::civicctl
