#include "services/runtime/rpc/rpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/impl/server_builder_plugin.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/support/server_interceptor.h>

#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "services/runtime/base/log.h"
#include "services/runtime/rpc/gate.h"

namespace civicmesh {
namespace {

// A record is at most 1 MB, and a request becomes one.
constexpr int kMaxRequestBytes = 1000 * 1000;
constexpr int kMaxStreams = 4000;
// More than the door lets through with what it adds. gRPC's own 8 KiB would be less: it then closes the connection, and
// with it every call that the door has sent on it.
constexpr int kMaxMetadataBytes = 64 * 1024;

// Linking the reflection library switches it on for every server of the process; this takes it off again.
class WithoutReflection : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    std::erase_if(*plugins, [](const auto& plugin) { return plugin->name() == "proto_server_reflection"; });
  }
};

}  // namespace

RpcServer::~RpcServer() = default;

absl::StatusOr<std::unique_ptr<RpcServer>> RpcServer::Start(const std::string& listen, bool reflection,
                                                            std::vector<std::shared_ptr<grpc::Service>> services,
                                                            Metrics* metrics, const Clock* clock) {
  std::unique_ptr<RpcServer> made(new RpcServer());
  made->services_ = std::move(services);
  grpc::EnableDefaultHealthCheckService(true);
  if (reflection) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  int port = -1;
  if (!listen.empty()) builder.AddListeningPort(listen, grpc::InsecureServerCredentials(), &port);
  if (!reflection) builder.SetOption(std::make_unique<WithoutReflection>());
  builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreams);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  // A message is measured before it is unpacked: half a megabyte would become half a gigabyte.
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  for (auto& service : made->services_) builder.RegisterService(service.get());
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> guards;
  guards.push_back(MakeGuard(metrics, clock));
  builder.experimental().SetInterceptorCreators(std::move(guards));
  made->server_ = builder.BuildAndStart();
  if (!made->server_ || port == 0) return absl::UnavailableError(absl::StrCat("cannot listen on ", listen));
  made->server_->GetHealthCheckService()->SetServingStatus(false);
  return made;
}

void RpcServer::Say(const std::string& name, bool serving) {
  const auto [said, first] = said_.try_emplace(name, serving);
  if (!first && std::exchange(said->second, serving) == serving) return;
  server_->GetHealthCheckService()->SetServingStatus(name, serving);
  Log(Severity::kInfo, "health", {{"name", name}, {"serving", serving}});
}

void RpcServer::Shutdown(absl::Duration patience, const std::function<void()>& when_late) {
  server_->GetHealthCheckService()->SetServingStatus(false);
  absl::Notification closed;
  std::thread closing([&] {
    server_->Shutdown(absl::ToChronoTime(absl::Now() + patience));
    closed.Notify();
  });
  if (!closed.WaitForNotificationWithTimeout(patience) && when_late) when_late();
  closing.join();
}

}  // namespace civicmesh
