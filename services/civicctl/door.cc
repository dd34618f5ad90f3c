#include "services/civicctl/door.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "civicmesh/analytics/v1/analytics_service.grpc.pb.h"
#include "civicmesh/runtime/v1/control_service.grpc.pb.h"
#include "services/civicctl/door_channel.h"

namespace civicmesh::civicctl {
namespace {

constexpr std::chrono::seconds kPatience{10};
// By which the door knows whose ControlService is meant.
constexpr char kServiceHeader[] = "x-civicmesh-service";

absl::Status InWords(const grpc::Status& status, const std::string& url, const std::string& service) {
  const std::string said = absl::StrCat(" (", status.error_message(), ")");
  switch (status.error_code()) {
    case grpc::StatusCode::OK:
      return absl::OkStatus();
    case grpc::StatusCode::UNAUTHENTICATED:
      return absl::UnauthenticatedError(
          absl::StrCat(url, " does not take the token: is --keys the folder whose jwks.json the services read?", said));
    case grpc::StatusCode::PERMISSION_DENIED:
      return absl::PermissionDeniedError(absl::StrCat(service, " does not let an OPERATOR do this", said));
    case grpc::StatusCode::UNIMPLEMENTED:
    case grpc::StatusCode::NOT_FOUND:
      return absl::NotFoundError(absl::StrCat(url, " has no service ", service));
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return absl::UnavailableError(
          absl::StrCat(service, " at ", url, " does not answer: is it running? The same command again is safe", said));
    default:
      return absl::FailedPreconditionError(absl::StrCat(service, " refuses", said));
  }
}

}  // namespace

struct Door::Impl {
  std::string url;
  std::string token;
  std::unique_ptr<runtime::v1::ControlService::Stub> control;
  std::unique_ptr<analytics::v1::AnalyticsService::Stub> analytics;

  void Prepare(grpc::ClientContext& context, const std::string& service) const {
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    context.AddMetadata("authorization", "Bearer " + token);
    context.AddMetadata(kServiceHeader, service);
  }
};

Door::Door(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Door::~Door() = default;

absl::StatusOr<std::unique_ptr<Door>> Door::Open(const std::string& url, std::string token) {
  auto channel = ChannelTo(url);
  if (!channel.ok()) return channel.status();
  auto impl = std::make_unique<Impl>();
  impl->url = url;
  impl->token = std::move(token);
  impl->control = runtime::v1::ControlService::NewStub(*channel);
  impl->analytics = analytics::v1::AnalyticsService::NewStub(*channel);
  return std::unique_ptr<Door>(new Door(std::move(impl)));
}

absl::StatusOr<runtime::v1::GetShardsResponse> Door::Shards(const std::string& service) {
  grpc::ClientContext context;
  impl_->Prepare(context, service);
  runtime::v1::GetShardsRequest request;
  request.set_service(service);
  runtime::v1::GetShardsResponse response;
  const grpc::Status status = impl_->control->GetShards(&context, request, &response);
  if (!status.ok()) return InWords(status, impl_->url, service);
  return response;
}

absl::Status Door::Activate(const runtime::v1::ActivateReferenceRequest& request) {
  grpc::ClientContext context;
  impl_->Prepare(context, request.service());
  runtime::v1::ActivateReferenceResponse response;
  return InWords(impl_->control->ActivateReference(&context, request, &response), impl_->url, request.service());
}

absl::StatusOr<analytics::v1::ListKpisResponse> Door::Kpis(const analytics::v1::ListKpisRequest& request) {
  grpc::ClientContext context;
  impl_->Prepare(context, "analytics");
  analytics::v1::ListKpisResponse response;
  const grpc::Status status = impl_->analytics->ListKpis(&context, request, &response);
  if (!status.ok()) return InWords(status, impl_->url, "analytics");
  return response;
}

}  // namespace civicmesh::civicctl
