#include "services/dispatch/dispatch_rpc.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "civicmesh/dispatch/v1/dispatch_journal.pb.h"
#include "civicmesh/dispatch/v1/dispatch_service.grpc.pb.h"
#include "services/dispatch/dispatch_geometry.h"
#include "services/dispatch/domain/change.h"
#include "services/dispatch/domain/dispatch_shard.h"
#include "services/dispatch/domain/explanations.h"
#include "services/dispatch/domain/validate.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/base/names.h"
#include "services/runtime/rpc/attached.h"
#include "services/runtime/rpc/serve.h"

namespace civicmesh::dispatch {
namespace {

constexpr int kMaxPageSize = 200;

grpc::Status NotFound() { return ErrorOf(Refuse(v1::REASON_CASE_NOT_FOUND, "name")); }

// A disposal unit is not told who reported (12345 rules): not even that two reports are the same person's.
void Show(const ActorView& actor, const v1::Case& c, v1::Case* to) {
  *to = c;
  if (actor.Has("UNIT_WORKER"))
    for (auto& report : *to->mutable_reports()) report.clear_reporter_token();
}

// The row index that holds the fewest cases for the question; what it does not tell is left out afterwards.
ListQuery QueryFor(const v1::ListCasesRequest& request, const std::string& unit) {
  const bool few = request.status() != v1::CASE_STATUS_UNSPECIFIED && request.status() < v1::CASE_STATUS_CLOSED &&
                   request.status() != v1::CASE_STATUS_NOT_REGISTERED;
  if (few) return {.index = "status", .value = absl::StrCat(request.status())};
  if (!unit.empty()) return {.index = "unit", .value = unit};
  if (!request.grid().empty()) return {.index = "grid", .value = request.grid()};
  if (request.status() != v1::CASE_STATUS_UNSPECIFIED)
    return {.index = "status", .value = absl::StrCat(request.status())};
  return {.index = "all", .value = ""};
}

bool OnlyOfUnits(const ActorView& actor) {
  return std::all_of(actor.posts.begin(), actor.posts.end(),
                     [](const Post& post) { return post.scope <= Scope::kUnit; });
}

// Whoever works for one unit alone need not name it.
std::string UnitAsked(const ActorView& actor, const v1::ListCasesRequest& request) {
  if (!request.unit().empty() || !OnlyOfUnits(actor) || actor.posts.empty()) return request.unit();
  const std::string& first = actor.posts[0].unit;
  const bool one =
      std::all_of(actor.posts.begin(), actor.posts.end(), [&first](const Post& post) { return post.unit == first; });
  return one ? first : "";
}

class DispatchRpc : public v1::DispatchService::CallbackService {
 public:
  explicit DispatchRpc(const ServiceContext& service) : service_(service) {}

  // The shard follows from the place, so that reports of the same thing meet (DESIGN section 2).
  grpc::ServerUnaryReactor* OpenCase(grpc::CallbackServerContext* ctx, const v1::OpenCaseRequest* req,
                                     v1::Case* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      v1::Command command;
      *command.mutable_open_case() = *req;
      if (auto taken = TakeAttachments(service_, call, command.mutable_open_case()); !taken.ok()) return finish(taken);
      if (auto wrong = Validate(command)) return finish(ErrorOf(*wrong));
      const std::string cell = HomeCell(req->location().latitude(), req->location().longitude());
      command.set_home_cell(cell);
      for (int near : NearShards(req->location().latitude(), req->location().longitude(), service_.shards))
        command.add_near_shards(near);
      Submit(call, ShardOf(cell, service_.shards), cell, *req, command, resp, std::move(finish));
    });
  }

  grpc::ServerUnaryReactor* AcceptCase(grpc::CallbackServerContext* ctx, const v1::AcceptCaseRequest* req,
                                       v1::Case* resp) override {
    return OnCase(ctx, req, resp, &v1::Command::mutable_accept_case);
  }
  grpc::ServerUnaryReactor* StartVerification(grpc::CallbackServerContext* ctx, const v1::StartVerificationRequest* req,
                                              v1::Case* resp) override {
    return OnCase(ctx, req, resp, &v1::Command::mutable_start_verification);
  }
  grpc::ServerUnaryReactor* RecordVerification(grpc::CallbackServerContext* ctx,
                                               const v1::RecordVerificationRequest* req, v1::Case* resp) override {
    return OnCase(ctx, req, resp, &v1::Command::mutable_record_verification);
  }
  grpc::ServerUnaryReactor* RegisterCase(grpc::CallbackServerContext* ctx, const v1::RegisterCaseRequest* req,
                                         v1::Case* resp) override {
    return OnCase(ctx, req, resp, &v1::Command::mutable_register_case);
  }
  grpc::ServerUnaryReactor* DeclineCase(grpc::CallbackServerContext* ctx, const v1::DeclineCaseRequest* req,
                                        v1::Case* resp) override {
    return OnCase(ctx, req, resp, &v1::Command::mutable_decline_case);
  }
  grpc::ServerUnaryReactor* DispatchCase(grpc::CallbackServerContext* ctx, const v1::DispatchCaseRequest* req,
                                         v1::Case* resp) override {
    return OnCase(ctx, req, resp, &v1::Command::mutable_dispatch_case);
  }
  grpc::ServerUnaryReactor* SignCase(grpc::CallbackServerContext* ctx, const v1::SignCaseRequest* req,
                                     v1::Case* resp) override {
    return OnCase(ctx, req, resp, &v1::Command::mutable_sign_case);
  }
  grpc::ServerUnaryReactor* StartDisposal(grpc::CallbackServerContext* ctx, const v1::StartDisposalRequest* req,
                                          v1::Case* resp) override {
    return OnCase(ctx, req, resp, &v1::Command::mutable_start_disposal);
  }
  grpc::ServerUnaryReactor* SubmitFeedback(grpc::CallbackServerContext* ctx, const v1::SubmitFeedbackRequest* req,
                                           v1::Case* resp) override {
    return OnCase(ctx, req, resp, &v1::Command::mutable_submit_feedback);
  }
  grpc::ServerUnaryReactor* ReturnCase(grpc::CallbackServerContext* ctx, const v1::ReturnCaseRequest* req,
                                       v1::Case* resp) override {
    return OnCase(ctx, req, resp, &v1::Command::mutable_return_case);
  }
  grpc::ServerUnaryReactor* JudgeReturn(grpc::CallbackServerContext* ctx, const v1::JudgeReturnRequest* req,
                                        v1::Case* resp) override {
    return OnCase(ctx, req, resp, &v1::Command::mutable_judge_return);
  }
  grpc::ServerUnaryReactor* InspectCase(grpc::CallbackServerContext* ctx, const v1::InspectCaseRequest* req,
                                        v1::Case* resp) override {
    return OnCase(ctx, req, resp, &v1::Command::mutable_inspect_case);
  }
  grpc::ServerUnaryReactor* RevisitCase(grpc::CallbackServerContext* ctx, const v1::RevisitCaseRequest* req,
                                        v1::Case* resp) override {
    return OnCase(ctx, req, resp, &v1::Command::mutable_revisit_case);
  }
  grpc::ServerUnaryReactor* RequestExtension(grpc::CallbackServerContext* ctx, const v1::RequestExtensionRequest* req,
                                             v1::Case* resp) override {
    return OnCase(ctx, req, resp, &v1::Command::mutable_request_extension);
  }
  grpc::ServerUnaryReactor* DecideExtension(grpc::CallbackServerContext* ctx, const v1::DecideExtensionRequest* req,
                                            v1::Case* resp) override {
    return OnCase(ctx, req, resp, &v1::Command::mutable_decide_extension);
  }
  grpc::ServerUnaryReactor* PostponeCase(grpc::CallbackServerContext* ctx, const v1::PostponeCaseRequest* req,
                                         v1::Case* resp) override {
    return OnCase(ctx, req, resp, &v1::Command::mutable_postpone_case);
  }
  grpc::ServerUnaryReactor* UrgeCase(grpc::CallbackServerContext* ctx, const v1::UrgeCaseRequest* req,
                                     v1::Case* resp) override {
    return OnCase(ctx, req, resp, &v1::Command::mutable_urge_case);
  }

  grpc::ServerUnaryReactor* GetCase(grpc::CallbackServerContext* ctx, const v1::GetCaseRequest* req,
                                    v1::Case* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      Read(call.actor, req->name(), std::move(finish), [this, actor = call.actor, resp](const v1::CaseState& state) {
        Show(actor, state.case_(), resp);
        ShowLinks(service_, resp);
      });
    });
  }

  grpc::ServerUnaryReactor* ExplainCase(grpc::CallbackServerContext* ctx, const v1::ExplainCaseRequest* req,
                                        v1::ExplainCaseResponse* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      Read(call.actor, req->name(), std::move(finish), [resp](const v1::CaseState& state) {
        for (const auto& explained : state.explanations()) {
          auto* told = resp->add_choices();
          told->mutable_explanation()->ParseFromString(explained.explanation());
          told->set_text_zh(TellZh(told->explanation()));
          told->set_text_en(TellEn(told->explanation()));
        }
        std::sort(resp->mutable_choices()->begin(), resp->mutable_choices()->end(),
                  [](const auto& a, const auto& b) { return a.explanation().choice() < b.explanation().choice(); });
      });
    });
  }

  grpc::ServerUnaryReactor* ListCases(grpc::CallbackServerContext* ctx, const v1::ListCasesRequest* req,
                                      v1::ListCasesResponse* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      const std::string unit = UnitAsked(call.actor, *req);
      if (OnlyOfUnits(call.actor) && !call.actor.WorksFor(unit))
        return finish(ErrorOf(Refuse(v1::REASON_NOT_YOUR_UNIT, "unit")));
      ListQuery query = QueryFor(*req, unit);
      query.descending = true;
      query.shards = service_.shards;
      query.page_size = std::min(req->page_size(), kMaxPageSize);
      query.page_token = req->page_token();
      ListRows(*service_.reads, query, [=, actor = call.actor](ListResult found) {
        v1::DispatchStream stream;
        for (const auto& [id, bytes] : found.entries) {
          if (!stream.ParseFromString(bytes)) return finish(RuntimeError("REASON_DATA_LOSS"));
          const v1::Case& c = stream.case_().case_();
          if ((req->status() != v1::CASE_STATUS_UNSPECIFIED && c.status() != req->status()) ||
              (!unit.empty() && c.unit() != unit) || (!req->grid().empty() && c.grid() != req->grid()) ||
              !actor.Reaches(ObjectOf(c)))
            continue;
          Show(actor, c, resp->add_cases());
        }
        resp->set_next_page_token(found.next_page_token);
        finish(std::move(found.status));
      });
    });
  }

 private:
  template <typename Request>
  grpc::ServerUnaryReactor* OnCase(grpc::CallbackServerContext* ctx, const Request* req, v1::Case* resp,
                                   Request* (v1::Command::*field)()) {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      v1::Command command;
      *(command.*field)() = *req;
      if (auto taken = TakeAttachments(service_, call, (command.*field)()); !taken.ok()) return finish(taken);
      const auto shard = ShardOfId("c", CaseStream(req->name()));
      if (!shard || *shard >= service_.shards) return finish(NotFound());
      if (auto wrong = Validate(command)) return finish(ErrorOf(*wrong));
      Submit(call, *shard, req->name(), *req, command, resp, std::move(finish));
    });
  }

  void Submit(const Call& call, int shard, const std::string& routing_key, const auto& request,
              const v1::Command& command, v1::Case* resp, Finish finish) {
    service_.door->Submit(call,
                          {.shard = shard,
                           .routing_key = routing_key,
                           .request_id = request.request_id(),
                           .body = &request,
                           .payload = command.SerializeAsString()},
                          AnswerCommand<v1::DispatchStream>(
                              std::move(finish), [resp, actor = call.actor](const v1::DispatchStream& stream) {
                                Show(actor, stream.case_().case_(), resp);
                              }));
  }

  template <typename Fill>
  void Read(const ActorView& actor, const std::string& name, Finish finish, Fill fill) {
    const std::string stream = CaseStream(name);
    const auto shard = ShardOfId("c", stream);
    if (!shard || *shard >= service_.shards) return finish(NotFound());
    // A case that is not there and one that is not for this caller answer alike.
    Finish alike = [finish = std::move(finish)](grpc::Status status) {
      finish(status.error_code() == grpc::StatusCode::NOT_FOUND ? NotFound() : std::move(status));
    };
    ReadStream(*service_.reads, *shard, stream,
               AnswerRead<v1::DispatchStream>(
                   std::move(alike), [actor, fill = std::move(fill)](const v1::DispatchStream& found) {
                     if (!found.has_case_() || !actor.Reaches(ObjectOf(found.case_().case_()))) return NotFound();
                     fill(found.case_());
                     return grpc::Status::OK;
                   }));
  }

  const ServiceContext& service_;
};

}  // namespace

std::shared_ptr<grpc::Service> MakeDispatchRpc(const ServiceContext& context) {
  return std::make_shared<DispatchRpc>(context);
}

}  // namespace civicmesh::dispatch
