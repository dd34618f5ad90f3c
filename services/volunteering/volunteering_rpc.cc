#include "services/volunteering/volunteering_rpc.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "civicmesh/volunteering/v1/volunteering_journal.pb.h"
#include "civicmesh/volunteering/v1/volunteering_service.grpc.pb.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/base/names.h"
#include "services/runtime/base/person_tokens.h"
#include "services/runtime/rpc/serve.h"
#include "services/volunteering/domain/common.h"
#include "services/volunteering/domain/names.h"
#include "services/volunteering/domain/shard.h"
#include "services/volunteering/volunteering_views.h"

namespace civicmesh::volunteering {
namespace {

// An activity's state holds up to 600 people, and every line of a page reads one.
constexpr int kMaxPage = 50;
constexpr char kAllActivities[] = "activities/-";

grpc::Status NoActivity(const char* field = "name") { return ErrorOf(Refuse(v1::REASON_ACTIVITY_NOT_FOUND, field)); }
grpc::Status NoRecord() { return ErrorOf(Refuse(v1::REASON_RECORD_NOT_FOUND, "name")); }

bool IsOrganiserOf(const v1::ActivityState& state, const ActorView& actor) {
  return actor.Has("ORGANISER") && state.activity().organiser() == actor.subject;
}

std::optional<int> PageSize(int asked) {
  if (asked < 0) return std::nullopt;
  return asked == 0 ? kMaxPage : std::min(asked, kMaxPage);
}

// Where a participant stands in the order of signing up.
std::string Position(const v1::Participant& p) {
  return absl::StrFormat("%015d/%s", ToMs(p.signed_up_at()), p.volunteer_token());
}

// A page of everyone in one activity.
grpc::Status PageOf(const v1::ActivityState& state, const v1::ListServiceRecordsRequest& request, int page,
                    v1::ListServiceRecordsResponse* response) {
  std::string after;
  if (!request.page_token().empty() && !DecodePageToken(request.parent(), request.page_token(), &after))
    return RuntimeError("REASON_BAD_PAGE_TOKEN", "page_token");
  std::vector<std::pair<std::string, const v1::Participant*>> left;
  for (const auto& p : state.participants())
    if (std::string at = Position(p); at > after) left.emplace_back(std::move(at), &p);
  std::sort(left.begin(), left.end());
  if (left.size() > static_cast<size_t>(page)) {
    left.resize(page);
    response->set_next_page_token(EncodePageToken(request.parent(), left.back().first));
  }
  for (const auto& [at, p] : left) ToRecord(state, *p, response->add_service_records());
  return grpc::Status::OK;
}

class VolunteeringRpc : public v1::VolunteeringService::CallbackService {
 public:
  explicit VolunteeringRpc(const ServiceContext& service) : service_(service) {}

  // A new activity's shard follows from the request alone.
  grpc::ServerUnaryReactor* PublishActivity(grpc::CallbackServerContext* ctx, const v1::PublishActivityRequest* req,
                                            v1::Activity* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      if (auto wrong = CheckTexts(*req)) return finish(ErrorOf(*wrong));
      v1::Command command;
      *command.mutable_publish_activity() = *req;
      const int shard = ShardOf(req->request_id(), service_.shards);
      Submit(call, shard, req->request_id(), *req, std::move(command), AnswerActivity(std::move(finish), resp));
    });
  }
  grpc::ServerUnaryReactor* CancelActivity(grpc::CallbackServerContext* ctx, const v1::CancelActivityRequest* req,
                                           v1::Activity* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      const std::string stream = ActivityStream(req->name());
      const auto shard = ShardOfActivity(stream);
      if (!shard) return finish(NoActivity());
      v1::Command command;
      *command.mutable_cancel_activity() = *req;
      Submit(call, *shard, stream, *req, std::move(command), AnswerActivity(std::move(finish), resp));
    });
  }
  grpc::ServerUnaryReactor* SignUp(grpc::CallbackServerContext* ctx, const v1::SignUpRequest* req,
                                   v1::ServiceRecord* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      const RecordName own{ActivityStream(req->name()), TokenOf(call)};
      const auto shard = ShardOfActivity(own.stream);
      if (!shard) return finish(NoActivity());
      // An activity's organiser never changes, so what is read before the command holds when it is decided.
      ReadStream(*service_.reads, *shard, own.stream, [=, this](StreamResult found) {
        v1::ActivityState state;
        if (found.status.error_code() == grpc::StatusCode::NOT_FOUND) return finish(NoActivity());
        if (!found.status.ok()) return finish(std::move(found.status));
        if (!state.ParseFromString(found.state)) return finish(RuntimeError("REASON_DATA_LOSS"));
        v1::Command command;
        *command.mutable_sign_up() = *req;
        command.set_caller_organises(state.activity().organiser() == call.actor.subject);
        Submit(call, *shard, own.stream, *req, std::move(command), AnswerRecord(finish, own, resp));
      });
    });
  }
  grpc::ServerUnaryReactor* CancelSignUp(grpc::CallbackServerContext* ctx, const v1::CancelSignUpRequest* req,
                                         v1::ServiceRecord* resp) override {
    return OnRecord(ctx, req, resp, &v1::Command::mutable_cancel_sign_up);
  }
  grpc::ServerUnaryReactor* CheckIn(grpc::CallbackServerContext* ctx, const v1::CheckInRequest* req,
                                    v1::ServiceRecord* resp) override {
    return OnRecord(ctx, req, resp, &v1::Command::mutable_check_in);
  }
  grpc::ServerUnaryReactor* CheckOut(grpc::CallbackServerContext* ctx, const v1::CheckOutRequest* req,
                                     v1::ServiceRecord* resp) override {
    return OnRecord(ctx, req, resp, &v1::Command::mutable_check_out);
  }
  grpc::ServerUnaryReactor* ConfirmService(grpc::CallbackServerContext* ctx, const v1::ConfirmServiceRequest* req,
                                           v1::ServiceRecord* resp) override {
    return OnRecord(ctx, req, resp, &v1::Command::mutable_confirm_service);
  }

  grpc::ServerUnaryReactor* GetActivity(grpc::CallbackServerContext* ctx, const v1::GetActivityRequest* req,
                                        v1::Activity* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call&, Finish finish) {
      Read(ActivityStream(req->name()), std::move(finish), [resp](const v1::ActivityState& state) {
        ToActivity(state, resp);
        return grpc::Status::OK;
      });
    });
  }
  grpc::ServerUnaryReactor* ListActivities(grpc::CallbackServerContext* ctx, const v1::ListActivitiesRequest* req,
                                           v1::ListActivitiesResponse* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call&, Finish finish) {
      const bool open = req->organiser().empty();
      List(open ? kOpenRows : kOrganiserRows, req->organiser(), !open, *req, resp, std::move(finish),
           [resp](const v1::ActivityState& state) { ToActivity(state, resp->add_activities()); });
    });
  }
  grpc::ServerUnaryReactor* GetServiceRecord(grpc::CallbackServerContext* ctx, const v1::GetServiceRecordRequest* req,
                                             v1::ServiceRecord* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      const auto record = ParseRecordName(req->name());
      if (!record) return finish(NoRecord());
      const bool own = record->volunteer_token == TokenOf(call);
      Read(record->stream, std::move(finish), [=, actor = call.actor](const v1::ActivityState& state) {
        // Whoever may not see it is not told that it exists.
        const bool may = own || IsOrganiserOf(state, actor);
        return may && ToRecord(state, record->volunteer_token, resp) ? grpc::Status::OK : NoRecord();
      });
    });
  }
  grpc::ServerUnaryReactor* ListServiceRecords(grpc::CallbackServerContext* ctx,
                                               const v1::ListServiceRecordsRequest* req,
                                               v1::ListServiceRecordsResponse* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      const auto page = PageSize(req->page_size());
      if (!page) return finish(RuntimeError("REASON_INVALID_ARGUMENT", "page_size"));
      const std::string own = TokenOf(call);
      if (req->parent() == kAllActivities)
        return List(kVolunteerRows, own, true, *req, resp, std::move(finish),
                    [=](const v1::ActivityState& state) { ToOwn(state, own, resp); });
      const auto fill = [=, actor = call.actor](const v1::ActivityState& state) {
        if (IsOrganiserOf(state, actor)) return PageOf(state, *req, *page, resp);
        ToOwn(state, own, resp);
        return grpc::Status::OK;
      };
      Read(ActivityStream(req->parent()), std::move(finish), fill, "parent");
    });
  }

 private:
  std::string TokenOf(const Call& call) const { return service_.persons->Of(call.actor.subject); }

  static void ToOwn(const v1::ActivityState& state, const std::string& token, v1::ListServiceRecordsResponse* resp) {
    v1::ServiceRecord record;
    if (ToRecord(state, token, &record)) *resp->add_service_records() = std::move(record);
  }

  std::optional<int> ShardOfActivity(const std::string& stream) const {
    const auto shard = ShardOfId("v", stream);
    return shard && *shard < service_.shards ? shard : std::nullopt;
  }

  template <typename Request>
  void Submit(const Call& call, int shard, std::string key, const Request& request, v1::Command command,
              CommandDoor::Done done) {
    command.set_caller_token(TokenOf(call));
    service_.door->Submit(call,
                          {.shard = shard,
                           .routing_key = std::move(key),
                           .request_id = request.request_id(),
                           .body = &request,
                           .payload = command.SerializeAsString()},
                          std::move(done));
  }

  // A step of one volunteer in one activity; who may do it is decided on the activity's state.
  template <typename Request>
  grpc::ServerUnaryReactor* OnRecord(grpc::CallbackServerContext* ctx, const Request* req, v1::ServiceRecord* resp,
                                     Request* (v1::Command::*field)()) {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      const auto record = ParseRecordName(req->name());
      const auto shard = record ? ShardOfActivity(record->stream) : std::nullopt;
      if (!shard) return finish(NoRecord());
      v1::Command command;
      *(command.*field)() = *req;
      Submit(call, *shard, record->stream, *req, std::move(command), AnswerRecord(std::move(finish), *record, resp));
    });
  }

  static CommandDoor::Done AnswerActivity(Finish finish, v1::Activity* resp) {
    return AnswerCommand<v1::ActivityState>(std::move(finish),
                                            [resp](const v1::ActivityState& state) { ToActivity(state, resp); });
  }
  static CommandDoor::Done AnswerRecord(Finish finish, RecordName of, v1::ServiceRecord* resp) {
    return AnswerCommand<v1::ActivityState>(std::move(finish),
                                            [of = std::move(of), resp](const v1::ActivityState& state) {
                                              if (ToRecord(state, of.volunteer_token, resp)) return;
                                              // A repeated step of a sign-up that was cancelled and forgotten since.
                                              resp->set_name(ServiceRecordName(of));
                                              resp->set_volunteer_token(of.volunteer_token);
                                              resp->set_status(v1::SERVICE_STATUS_CANCELLED);
                                            });
  }

  template <typename Fill>
  void Read(const std::string& stream, Finish finish, Fill fill, const char* field = "name") {
    const auto shard = ShardOfActivity(stream);
    if (!shard) return finish(NoActivity(field));
    ReadStream(*service_.reads, *shard, stream,
               [field, finish = std::move(finish), fill = std::move(fill)](StreamResult found) {
                 if (found.status.error_code() == grpc::StatusCode::NOT_FOUND) return finish(NoActivity(field));
                 AnswerRead<v1::ActivityState>(finish, fill)(std::move(found));
               });
  }

  // By the rows of all shards.
  template <typename Request, typename Response, typename Fill>
  void List(const char* index, const std::string& value, bool latest_first, const Request& request, Response* response,
            Finish finish, Fill fill) {
    const auto page = PageSize(request.page_size());
    if (!page) return finish(RuntimeError("REASON_INVALID_ARGUMENT", "page_size"));
    ListRows(*service_.reads,
             {.index = index,
              .value = value,
              .descending = latest_first,
              .shards = service_.shards,
              .page_size = *page,
              .page_token = request.page_token()},
             [response, finish = std::move(finish), fill = std::move(fill)](ListResult found) {
               v1::ActivityState state;
               for (const auto& [id, bytes] : found.entries) {
                 if (!state.ParseFromString(bytes)) return finish(RuntimeError("REASON_DATA_LOSS"));
                 fill(state);
               }
               response->set_next_page_token(found.next_page_token);
               finish(std::move(found.status));
             });
  }

  const ServiceContext& service_;
};

}  // namespace

std::shared_ptr<grpc::Service> MakeVolunteeringRpc(const ServiceContext& service) {
  return std::make_shared<VolunteeringRpc>(service);
}

}  // namespace civicmesh::volunteering
