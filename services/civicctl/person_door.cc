#include "services/civicctl/person_door.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "civicmesh/intake/v1/vault_service.grpc.pb.h"
#include "civicmesh/points/v1/points_service.grpc.pb.h"
#include "civicmesh/volunteering/v1/volunteering_service.grpc.pb.h"
#include "services/civicctl/door_channel.h"
#include "services/runtime/base/http.h"

namespace civicmesh::civicctl {
namespace {

constexpr std::chrono::seconds kPatience{30};
// By gRPC itself, with the same request_id.
constexpr char kRepeats[] =
    R"({"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 5, "initialBackoff": "0.2s", "maxBackoff": "10s",
        "backoffMultiplier": 4, "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"]}}]})";
constexpr int kFetches = 5;
constexpr absl::Duration kPutOff = absl::Seconds(1);  // as the door says with a 429

absl::Status InWords(const grpc::Status& status, const std::string& url, const char* service) {
  const std::string said = absl::StrCat(" (", status.error_message(), ")");
  switch (status.error_code()) {
    case grpc::StatusCode::OK:
      return absl::OkStatus();
    case grpc::StatusCode::UNAUTHENTICATED:
      return absl::UnauthenticatedError(absl::StrCat(
          url, " does not take the token: it must be unexpired, not revoked, and good for more than one call", said));
    case grpc::StatusCode::PERMISSION_DENIED:
      return absl::PermissionDeniedError(
          absl::StrCat(service, " gives this to citizens alone, and the token is another one's", said));
    case grpc::StatusCode::UNIMPLEMENTED:
    case grpc::StatusCode::NOT_FOUND:
      return absl::NotFoundError(absl::StrCat(url, " has no ", service, said));
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return absl::UnavailableError(absl::StrCat(service, " at ", url, " does not answer: try again later", said));
    default:
      return absl::FailedPreconditionError(absl::StrCat(service, " refuses", said));
  }
}

}  // namespace

struct PersonDoor::Impl {
  std::string url;
  std::string token;
  std::unique_ptr<intake::v1::VaultService::Stub> intake;
  std::unique_ptr<points::v1::PointsService::Stub> points;
  std::unique_ptr<volunteering::v1::VolunteeringService::Stub> volunteering;
  Http http;

  template <typename Stub, typename Request, typename Answer>
  absl::Status Ask(const char* service, Stub& stub,
                   grpc::Status (Stub::*rpc)(grpc::ClientContext*, const Request&, Answer*), const Request& request,
                   Answer* answer) const {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    context.AddMetadata("authorization", "Bearer " + token);
    return InWords((stub.*rpc)(&context, request, answer), url, service);
  }
};

PersonDoor::PersonDoor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PersonDoor::~PersonDoor() = default;

absl::StatusOr<std::unique_ptr<PersonDoor>> PersonDoor::Open(const std::string& url, std::string token) {
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(kRepeats);
  auto channel = ChannelTo(url, arguments);
  if (!channel.ok()) return channel.status();
  auto impl = std::make_unique<Impl>();
  impl->url = url;
  impl->token = std::move(token);
  impl->intake = intake::v1::VaultService::NewStub(*channel);
  impl->points = points::v1::PointsService::NewStub(*channel);
  impl->volunteering = volunteering::v1::VolunteeringService::NewStub(*channel);
  return std::unique_ptr<PersonDoor>(new PersonDoor(std::move(impl)));
}

absl::Status PersonDoor::Ask(const intake::v1::CopyPersonalDataRequest& request, intake::v1::PersonalData* answer) {
  using Stub = intake::v1::VaultService::Stub;
  return impl_->Ask("intake", *impl_->intake, &Stub::CopyPersonalData, request, answer);
}
absl::Status PersonDoor::Ask(const points::v1::GetAccountRequest& request, points::v1::Account* answer) {
  return impl_->Ask("points", *impl_->points, &points::v1::PointsService::Stub::GetAccount, request, answer);
}
absl::Status PersonDoor::Ask(const points::v1::ListTransactionsRequest& request,
                             points::v1::ListTransactionsResponse* answer) {
  return impl_->Ask("points", *impl_->points, &points::v1::PointsService::Stub::ListTransactions, request, answer);
}
absl::Status PersonDoor::Ask(const points::v1::ListRedemptionsRequest& request,
                             points::v1::ListRedemptionsResponse* answer) {
  return impl_->Ask("points", *impl_->points, &points::v1::PointsService::Stub::ListRedemptions, request, answer);
}
absl::Status PersonDoor::Ask(const volunteering::v1::ListServiceRecordsRequest& request,
                             volunteering::v1::ListServiceRecordsResponse* answer) {
  using Stub = volunteering::v1::VolunteeringService::Stub;
  return impl_->Ask("volunteering", *impl_->volunteering, &Stub::ListServiceRecords, request, answer);
}

absl::Status PersonDoor::Fetch(const std::string& link,
                               const std::function<absl::Status(std::string_view piece)>& take) {
  for (int left = kFetches; left > 0; --left) {
    auto answer = impl_->http.Send({.method = "GET", .url = link, .take = take});
    if (!answer.ok()) return answer.status();
    if (answer->status == 200) return absl::OkStatus();
    if (answer->status == 404) return absl::NotFoundError("the store has it no more");
    if (answer->status != 429 && answer->status != 503)
      return absl::UnavailableError(absl::StrCat("the store answers with status ", answer->status));
    absl::SleepFor(kPutOff);
  }
  return absl::UnavailableError("the door has put it off too often: try again later");
}

}  // namespace civicmesh::civicctl
