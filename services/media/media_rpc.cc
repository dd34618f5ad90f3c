#include "services/media/media_rpc.h"

#include <functional>
#include <string>
#include <utility>

#include "civicmesh/media/v1/media_service.grpc.pb.h"
#include "services/media/uploads.h"
#include "services/runtime/rpc/serial_executor.h"
#include "services/runtime/rpc/serve.h"

namespace civicmesh::media {
namespace {

constexpr size_t kLookers = 2, kMaxWaiting = 8;
constexpr absl::Duration kTryAgain = absl::Seconds(2);

grpc::Status Answered(Uploads::Answer answer, v1::Upload* resp) {
  if (auto* refused = std::get_if<Refusal>(&answer))
    return ErrorOf(*refused, refused->code == grpc::StatusCode::UNAVAILABLE ? kTryAgain : absl::ZeroDuration());
  *resp = std::get<v1::Upload>(std::move(answer));
  return grpc::Status::OK;
}

class MediaRpc : public v1::MediaService::CallbackService {
 public:
  MediaRpc(const ServiceContext& service, const Uploads* uploads) : service_(service), uploads_(uploads) {}

  grpc::ServerUnaryReactor* CreateUpload(grpc::CallbackServerContext* ctx, const v1::CreateUploadRequest* req,
                                         v1::Upload* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      finish(Answered(uploads_->Create(call.actor.subject, *req), resp));
    });
  }

  grpc::ServerUnaryReactor* FinishUpload(grpc::CallbackServerContext* ctx, const v1::FinishUploadRequest* req,
                                         v1::Upload* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      // One upload is looked at once at a time: a call that was repeated finds what the first one made.
      auto& looker = lookers_[std::hash<std::string>()(req->name()) % kLookers];
      const bool taken = looker.Post(
          [=, this, subject = call.actor.subject] { finish(Answered(uploads_->Finish(subject, *req), resp)); });
      if (!taken) finish(ErrorOf(Refuse(v1::REASON_TOO_MANY_AT_ONCE), kTryAgain));
    });
  }

 private:
  const ServiceContext& service_;
  const Uploads* const uploads_;
  SerialExecutor lookers_[kLookers]{SerialExecutor(kMaxWaiting), SerialExecutor(kMaxWaiting)};
};

}  // namespace

std::shared_ptr<grpc::Service> MakeMediaRpc(const ServiceContext& service, const Uploads* uploads) {
  return std::make_shared<MediaRpc>(service, uploads);
}

}  // namespace civicmesh::media
