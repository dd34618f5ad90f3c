#include "services/intake/intake_rpc.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "civicmesh/intake/v1/intake_journal.pb.h"
#include "civicmesh/intake/v1/intake_service.grpc.pb.h"
#include "services/intake/active_standard.h"
#include "services/intake/domain/reports.h"
#include "services/intake/intake_reference.h"
#include "services/intake/intake_views.h"
#include "services/intake/open311_rpc.h"
#include "services/intake/receipt.h"
#include "services/intake/received.h"
#include "services/intake/report_desk.h"
#include "services/intake/text/masking.h"
#include "services/intake/tracking_code.h"
#include "services/intake/vault/protect.h"
#include "services/intake/vault/vault.h"
#include "services/intake/vault_rpc.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/base/names.h"
#include "services/runtime/base/person_tokens.h"
#include "services/runtime/personal/utf8.h"
#include "services/runtime/rpc/attached.h"
#include "services/runtime/rpc/serve.h"

namespace civicmesh::intake {
namespace {

constexpr int kMaxPage = 200;
constexpr size_t kMaxReference = 128;
// A takeover is over by then as a rule, and the caller has its answer well before the door's patience ends.
constexpr int64_t kReceiptWaitMs = 2000;

using Reactor = grpc::ServerUnaryReactor;
using Context = grpc::CallbackServerContext;

// Ids and references stand in the log in clear, so a number of a person's must not even be refused there.
grpc::Status CheckForeignIds(const std::string& source_id, const std::string& reference) {
  const auto personal = [](const char* field) { return ErrorOf(Refuse(v1::REASON_PERSONAL_DATA_IN_REFERENCE, field)); };
  if (LooksPersonal(source_id)) return personal("source_id");
  if (LooksPersonal(reference)) return personal("reporter_reference");
  if (reference.size() > kMaxReference) return ErrorOf(Refuse(v1::REASON_INVALID_ARGUMENT, "reporter_reference"));
  return grpc::Status::OK;
}

grpc::Status Recovering() { return RuntimeError("REASON_RECOVERING", "", "", absl::Seconds(1)); }

// What the reporter says it is comes before what the text seems to say.
void Choose(const std::string& class_code, v1::CategoryProposal* proposal) {
  if (proposal->class_code() != class_code) {
    proposal->set_second_class_code(proposal->class_code());
    proposal->clear_evidence();
  }
  proposal->set_class_code(class_code);
  proposal->set_proposed_by("reporter");
  proposal->set_confidence(100);
}

class IntakeRpc : public v1::IntakeService::CallbackService, public ReportDesk {
 public:
  IntakeRpc(const ServiceContext& service, std::shared_ptr<Vault> vault, const CityKey& codes,
            const ReceiptKeys& receipts)
      : service_(service), vault_(std::move(vault)), codes_(codes), standard_(service), received_(service, receipts) {}

  Reactor* SubmitReport(Context* ctx, const v1::SubmitReportRequest* req, v1::Report* resp) override {
    return Serve(service_, ctx, req,
                 [=, this](const Call& caller, Finish finish) { Submit(caller, req, "", resp, std::move(finish)); });
  }

  void Submit(const Call& caller, const v1::SubmitReportRequest* req, const std::string& class_code, v1::Report* resp,
              Finish finish) override {
    if (auto s = CheckForeignIds(req->source_id(), req->reporter_reference()); !s.ok()) return finish(s);
    // Before a key is made for it.
    if (!UuidV7Time(req->request_id())) return finish(RuntimeError("REASON_BAD_REQUEST_ID", "request_id"));
    if (caller.actor.subject.empty() && !req->anonymous())
      return finish(ErrorOf(Refuse(v1::REASON_LOGIN_OR_ANONYMOUS, "anonymous")));
    if (!IsContact(req->contact())) return finish(ErrorOf(Refuse(v1::REASON_INVALID_ARGUMENT, "contact")));
    v1::SubmitReport attached;
    *attached.mutable_photos() = req->photos();
    *attached.mutable_voices() = req->voices();
    if (auto taken = TakeAttachments(service_, caller, &attached); !taken.ok()) return finish(taken);
    Call call = caller;
    // Nobody learns from the log who reports anonymously; a post or system that hands it in is no secret.
    if (req->anonymous() && !ActsForOthers(call.actor)) call.actor = {};
    const int shard = ShardOf(req->request_id(), service_.shards);
    const int64_t now_ms = service_.driven_clock ? call.driven_time_ms : service_.clock->wall_ms();
    standard_.With(shard, now_ms, [=, this](absl::StatusOr<std::shared_ptr<const IntakeStandard>> standard) {
      if (!standard.ok()) return finish(Recovering());
      vault_->KeyOf(OwnerOf(*req, call, shard), [=, this](absl::StatusOr<PersonKey> key) {
        if (!key.ok()) return finish(Recovering());
        const std::string code = req->anonymous() ? MakeTrackingCode(codes_, req->request_id()) : "";
        v1::Command command;
        *command.mutable_submit_report() = Protected(*req, attached, *key, standard->get(), code);
        if (!class_code.empty()) Choose(class_code, command.mutable_submit_report()->mutable_category());
        command.set_caller_token(service_.persons->Of(call.actor.subject));
        service_.door->Submit(call,
                              {.shard = shard,
                               .routing_key = req->request_id(),
                               .request_id = req->request_id(),
                               .body = req,
                               .payload = command.SerializeAsString(),
                               .receipt_wait_ms = kReceiptWaitMs},
                              AnswerSubmission(shard, command, finish, call.actor, code, resp));
      });
    });
  }

  Reactor* AddToReport(Context* ctx, const v1::AddToReportRequest* req, v1::Report* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      v1::Command command;
      auto& add = *command.mutable_add_to_report();
      add.set_name(req->name());
      add.set_etag(req->etag());
      add.set_tracking_hash(HashOfTrackingCode(req->tracking_code()));
      command.set_caller_token(service_.persons->Of(call.actor.subject));
      *add.mutable_photos() = req->photos();
      if (auto taken = TakeAttachments(service_, call, &add); !taken.ok()) return finish(taken);
      const auto submit = [=, this](const v1::Command& with_text) {
        SubmitTo("r", "reports/", call, *req, with_text, finish,
                 AnswerReport(finish, call.actor, "", resp, with_text.add_to_report().tracking_hash()));
      };
      if (Trim(req->text()).empty()) return submit(command);
      WithKeyOfReport(*req, call.actor, finish, [=](const PersonKey* key) {
        v1::Command with_text = command;
        if (key) *with_text.mutable_add_to_report()->mutable_text() = Protect(req->text(), *key);
        submit(with_text);
      });
    });
  }

  Reactor* WithdrawReport(Context* ctx, const v1::WithdrawReportRequest* req, v1::Report* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      v1::Command command;
      auto& withdraw = *command.mutable_withdraw_report();
      withdraw.set_name(req->name());
      withdraw.set_etag(req->etag());
      withdraw.set_tracking_hash(HashOfTrackingCode(req->tracking_code()));
      command.set_caller_token(service_.persons->Of(call.actor.subject));
      SubmitTo("r", "reports/", call, *req, command, finish,
               AnswerReport(finish, call.actor, "", resp, withdraw.tracking_hash()));
    });
  }

  Reactor* LocateReport(Context* ctx, const v1::LocateReportRequest* req, v1::Report* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      v1::Command command;
      *command.mutable_locate_report() = *req;
      SubmitTo("r", "reports/", call, *req, command, finish, AnswerReport(finish, call.actor, "", resp));
    });
  }

  Reactor* GetReport(Context* ctx, const v1::GetReportRequest* req, v1::Report* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      const std::string id = IdOf("reports/", req->name());
      const auto shard = ShardOfId("r", id);
      if (!shard || *shard >= service_.shards) return finish(RuntimeError("REASON_NOT_FOUND", "name"));
      const std::string hash = HashOfTrackingCode(req->tracking_code());
      const auto read = [=, this, shard = *shard, actor = call.actor](Finish answer) {
        ReadStream(*service_.reads, shard, id,
                   AnswerRead<v1::IntakeStream>(answer, [=, this](const v1::IntakeStream& stream) {
                     const Reader reader = ReaderOf(stream.report(), actor, service_.persons->Of(actor.subject), hash);
                     if (reader == Reader::kNobody) return RuntimeError("REASON_NOT_FOUND", "name");
                     const absl::Status shown = ToReport(stream.report(), reader, *vault_, resp);
                     ShowLinks(service_, resp);
                     return shown.ok() ? grpc::Status::OK : ErrorOf(shown);
                   }));
      };
      if (req->receipt().empty()) return read(finish);
      received_.Ask(req->receipt(), id, call.actor, hash, resp, finish, read);
    });
  }

  Reactor* ListReports(Context* ctx, const v1::ListReportsRequest* req, v1::ListReportsResponse* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      const std::string token = service_.persons->Of(call.actor.subject);
      ListQuery query{.descending = true,
                      .shards = service_.shards,
                      .page_size = std::min(req->page_size(), kMaxPage),
                      .page_token = req->page_token()};
      if (IsStaff(call.actor)) {
        const bool all = req->status() == v1::REPORT_STATUS_UNSPECIFIED;
        query.index = all ? "all" : "status";
        query.value = all ? "" : v1::ReportStatus_Name(req->status());
      } else if (req->status() != v1::REPORT_STATUS_UNSPECIFIED) {
        return finish(ErrorOf(Refuse(v1::REASON_INVALID_ARGUMENT, "status")));
      } else {
        const bool gateway = call.actor.Has("GATEWAY");
        query.index = gateway ? "submitter" : "reporter";
        query.value = gateway ? call.actor.subject : token;
      }
      ListRows(*service_.reads, query, [=, this, actor = call.actor](ListResult found) {
        for (const auto& [id, bytes] : found.entries) {
          v1::IntakeStream stream;
          const bool read = found.status.ok() && stream.ParseFromString(bytes);
          const Reader reader = read ? ReaderOf(stream.report(), actor, token, "") : Reader::kNobody;
          if (reader == Reader::kNobody) continue;
          const absl::Status shown = ToReport(stream.report(), reader, *vault_, resp->add_reports());
          if (!shown.ok()) found.status = ErrorOf(shown);
        }
        resp->set_next_page_token(found.next_page_token);
        finish(found.status);
      });
    });
  }

  Reactor* RaiseAlert(Context* ctx, const v1::RaiseAlertRequest* req, v1::Alert* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      if (auto s = CheckForeignIds(req->source_id(), ""); !s.ok()) return finish(s);
      v1::Command command;
      *command.mutable_raise_alert() = *req;
      if (auto taken = TakeAttachments(service_, call, command.mutable_raise_alert()); !taken.ok())
        return finish(taken);
      service_.door->Submit(call,
                            {.shard = ShardOf(req->request_id(), service_.shards),
                             .routing_key = req->request_id(),
                             .request_id = req->request_id(),
                             .body = req,
                             .payload = command.SerializeAsString()},
                            AnswerAlert(finish, resp));
    });
  }

  Reactor* ReviewAlert(Context* ctx, const v1::ReviewAlertRequest* req, v1::Alert* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      v1::Command command;
      *command.mutable_review_alert() = *req;
      SubmitTo("al", "alerts/", call, *req, command, finish, AnswerAlert(finish, resp));
    });
  }

  Reactor* GetAlert(Context* ctx, const v1::GetAlertRequest* req, v1::Alert* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      const std::string id = IdOf("alerts/", req->name());
      const auto shard = ShardOfId("al", id);
      if (!shard || *shard >= service_.shards) return finish(RuntimeError("REASON_NOT_FOUND", "name"));
      ReadStream(*service_.reads, *shard, id,
                 AnswerRead<v1::IntakeStream>(finish, [=, this, actor = call.actor](const v1::IntakeStream& stream) {
                   const Object alert{.own = stream.alert().raised_by() == actor.subject, .units = {}, .grid = ""};
                   if (!actor.Reaches(alert)) return RuntimeError("REASON_NOT_FOUND", "name");
                   *resp = stream.alert().alert();
                   ShowLinks(service_, resp);
                   return grpc::Status::OK;
                 }));
    });
  }

  Reactor* ListAlerts(Context* ctx, const v1::ListAlertsRequest* req, v1::ListAlertsResponse* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call&, Finish finish) {
      ListRows(*service_.reads,
               {.index = "waiting",
                .shards = service_.shards,
                .page_size = std::min(req->page_size(), kMaxPage),
                .page_token = req->page_token()},
               [=](ListResult found) {
                 v1::IntakeStream stream;
                 for (const auto& [id, bytes] : found.entries)
                   if (stream.ParseFromString(bytes)) *resp->add_alerts() = stream.alert().alert();
                 resp->set_next_page_token(found.next_page_token);
                 finish(found.status);
               });
    });
  }

 private:
  // Whose key seals a new report: the person's, or its own where nobody is known behind it.
  std::string OwnerOf(const v1::SubmitReportRequest& req, const Call& call, int shard) const {
    if (!req.reporter_reference().empty()) return service_.persons->Of(req.reporter_reference());
    if (!req.anonymous() && call.actor.Has("CITIZEN")) return service_.persons->Of(call.actor.subject);
    return ReportIdOf(shard, CommandId(call.actor.subject, call.method, req.request_id(), req.request_id()));
  }

  // What is added to a report stands under the report's own key, whoever adds it. Of one that was erased, or sealed
  // before there were such keys, under a new one of its owner. Null: the caller may add nothing, as the shard will say.
  void WithKeyOfReport(const v1::AddToReportRequest& req, const ActorView& actor, const Finish& finish,
                       std::function<void(const PersonKey*)> then) {
    const std::string id = IdOf("reports/", req.name());
    const auto shard = ShardOfId("r", id);
    if (!shard || *shard >= service_.shards) return finish(RuntimeError("REASON_NOT_FOUND", "name"));
    const std::string hash = HashOfTrackingCode(req.tracking_code());
    ReadStream(*service_.reads, *shard, id, [=, this](StreamResult result) {
      v1::IntakeStream stream;
      if (!result.status.ok() && result.status.error_code() != grpc::StatusCode::NOT_FOUND)
        return finish(std::move(result.status));
      if (!stream.ParseFromString(result.state)) return finish(RuntimeError("REASON_DATA_LOSS"));
      const v1::ReportState& report = stream.report();
      if (!IsReporter(report, actor, service_.persons->Of(actor.subject), hash)) return then(nullptr);
      if (auto key = vault_->KeyNamed(report.text().sealed().key_id()); key.ok()) return then(&*key);
      const std::string& reporter = report.context().reporter_token();
      vault_->KeyOf(reporter.empty() ? id : reporter, [=](absl::StatusOr<PersonKey> key) {
        if (!key.ok()) return finish(Recovering());
        then(&*key);
      });
    });
  }

  // `out` has the attachments already.
  v1::SubmitReport Protected(const v1::SubmitReportRequest& req, v1::SubmitReport out, const PersonKey& key,
                             const IntakeStandard* standard, const std::string& tracking_code) const {
    *out.mutable_text() = Protect(req.text(), key);
    if (req.has_contact()) *out.mutable_contact() = SealContact(req.contact(), key);
    out.set_source(req.source());
    if (req.has_location()) *out.mutable_location() = req.location();
    if (!Trim(req.place_text()).empty()) *out.mutable_place_text() = Protect(req.place_text(), key);
    out.set_source_id(req.source_id());
    if (req.has_reported_at()) *out.mutable_reported_at() = req.reported_at();
    out.set_anonymous(req.anonymous());
    out.set_tracking_hash(HashOfTrackingCode(tracking_code));
    if (!req.reporter_reference().empty()) out.set_reporter_token(service_.persons->Of(req.reporter_reference()));
    if (standard) *out.mutable_category() = standard->classifier.Propose(req.text());
    return out;
  }

  // A command on what there is already: its id carries the shard.
  template <typename Request>
  void SubmitTo(std::string_view prefix, std::string_view collection, const Call& call, const Request& req,
                const v1::Command& command, const Finish& finish, CommandDoor::Done done) {
    const auto shard = ShardOfId(prefix, IdOf(collection, req.name()));
    if (!shard || *shard >= service_.shards) return finish(RuntimeError("REASON_NOT_FOUND", "name"));
    service_.door->Submit(call,
                          {.shard = *shard,
                           .routing_key = req.name(),
                           .request_id = req.request_id(),
                           .body = &req,
                           .payload = command.SerializeAsString()},
                          std::move(done));
  }

  // `new_code` goes out with the answer; with neither code nor hash the actor alone says what may be seen.
  CommandDoor::Done AnswerReport(Finish finish, ActorView actor, std::string new_code, v1::Report* resp,
                                 std::string tracking_hash = "") const {
    if (!new_code.empty()) tracking_hash = HashOfTrackingCode(new_code);
    return [=, this](CommandResult result) {
      v1::IntakeStream stream;
      if (!result.status.ok()) return finish(std::move(result.status));
      if (!stream.ParseFromString(result.state)) return finish(RuntimeError("REASON_DATA_LOSS"));
      // A staff member's command was accepted, so it may see at least what staff see.
      const bool own = IsPerson(stream.report(), service_.persons->Of(actor.subject), tracking_hash);
      const Reader reader = own ? Reader::kReporter : Reader::kStaff;
      const absl::Status shown = ToReport(stream.report(), reader, *vault_, resp);
      resp->set_tracking_code(new_code);
      finish(shown.ok() ? grpc::Status::OK : ErrorOf(shown));
    };
  }

  // As AnswerReport; and where the append was acknowledged and no outcome came, RECEIVED.
  CommandDoor::Done AnswerSubmission(int shard, const v1::Command& command, Finish finish, ActorView actor,
                                     std::string new_code, v1::Report* resp) const {
    const std::vector<std::string> persons{command.submit_report().reporter_token(), command.caller_token()};
    auto outcome = AnswerReport(finish, std::move(actor), new_code, resp);
    return [=, this, hash = command.submit_report().tracking_hash()](CommandResult result) {
      if (!result.received) return outcome(std::move(result));
      received_.Give(shard, *result.received, hash, persons, resp);
      resp->set_tracking_code(new_code);
      finish(grpc::Status::OK);
    };
  }

  static CommandDoor::Done AnswerAlert(Finish finish, v1::Alert* resp) {
    return AnswerCommand<v1::IntakeStream>(std::move(finish),
                                           [resp](const v1::IntakeStream& stream) { *resp = stream.alert().alert(); });
  }

  const ServiceContext& service_;
  const std::shared_ptr<Vault> vault_;
  const CityKey& codes_;
  ActiveStandard standard_;
  ReceivedReports received_;
};

}  // namespace

std::shared_ptr<grpc::Service> MakeIntakeRpc(const ServiceContext& service, std::shared_ptr<Vault> vault,
                                             const CityKey& codes, const ReceiptKeys& receipts) {
  return std::make_shared<IntakeRpc>(service, std::move(vault), codes, receipts);
}

std::vector<std::shared_ptr<grpc::Service>> MakeIntakeServices(const ServiceContext& service,
                                                               std::shared_ptr<Vault> vault, const CityKey& codes,
                                                               const ReceiptKeys& receipts,
                                                               open311::SettingsFile& open311) {
  auto intake = std::make_shared<IntakeRpc>(service, vault, codes, receipts);
  return {intake, MakeOpen311Rpc(service, intake, receipts, open311), MakeVaultRpc(service, vault, codes)};
}

}  // namespace civicmesh::intake
