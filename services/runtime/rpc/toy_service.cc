// A service without a domain of its own, for run_service_test.
#include <grpcpp/impl/service_type.h>

#include "services/runtime/rpc/run_service.h"

namespace civicmesh {
namespace {

class Nothing : public Machine {
 public:
  absl::StatusOr<Decision<Bytes>> Decide(std::string_view, const Context&) const override {
    return absl::InvalidArgumentError("nothing to decide");
  }
  absl::StatusOr<Decision<Bytes>> Fire(const FiredTimer&, const Context&) const override {
    return absl::InvalidArgumentError("nothing to fire");
  }
  absl::Status Evolve(const EventMeta&, std::string_view) override { return absl::OkStatus(); }
  Bytes Save(std::string_view) const override { return ""; }
  absl::Status Load(std::string_view, std::string_view) override { return absl::OkStatus(); }
  std::vector<std::string> Rows(std::string_view) const override { return {}; }
  absl::StatusOr<std::vector<PublicEvent>> Publish(const EventMeta&, std::string_view) const override {
    return std::vector<PublicEvent>();
  }
};

}  // namespace
}  // namespace civicmesh

int main(int argc, char** argv) {
  const char* domain = getenv("TOY_DOMAIN");
  return civicmesh::RunService(
      argc, argv,
      {.domain = domain ? domain : "",
       .machines = [](int) { return std::make_unique<civicmesh::Nothing>(); },
       .secrets = {"TOY_SECRET"},
       .services = [](const civicmesh::ServiceContext&) { return std::vector<std::shared_ptr<grpc::Service>>(); }});
}
