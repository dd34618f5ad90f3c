#include "services/intake/vault_rpc.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "civicmesh/intake/v1/intake_journal.pb.h"
#include "civicmesh/intake/v1/vault_service.grpc.pb.h"
#include "services/intake/domain/audit.h"
#include "services/intake/domain/sealed_reports.h"
#include "services/intake/intake_views.h"
#include "services/intake/text/masking.h"
#include "services/intake/tracking_code.h"
#include "services/intake/vault/protect.h"
#include "services/intake/vault/vault.h"
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
constexpr size_t kMaxText = 2000;
// A beat closes the segment after at most one lag, and cleaning comes at most another one later.
constexpr int64_t kGoneFromDiskMs = 3 * Vault::kCompactionLagMs;

using Reactor = grpc::ServerUnaryReactor;
using Context = grpc::CallbackServerContext;

grpc::Status Recovering() { return RuntimeError("REASON_RECOVERING", "", "", absl::Seconds(1)); }
grpc::Status NotFound(const char* field) { return RuntimeError("REASON_NOT_FOUND", field); }

// Reasons stand in clear in journal and audit.
grpc::Status CheckReason(const std::string& reason, const char* field) {
  return Mask(reason).found.empty() ? grpc::Status::OK : ErrorOf(Refuse(v1::REASON_PERSONAL_DATA_IN_REFERENCE, field));
}

// Whose data it is must be clear, and only who acts for another gives a reason, which is kept in clear.
grpc::Status CheckErasure(const v1::ErasePersonalDataRequest& req, const ActorView& actor) {
  if (auto wrong = CheckReason(req.reason(), "reason"); !wrong.ok()) return wrong;
  if (LooksPersonal(req.reporter_reference()))
    return ErrorOf(Refuse(v1::REASON_PERSONAL_DATA_IN_REFERENCE, "reporter_reference"));
  const bool for_another = actor.Has("SECURITY_OFFICER");
  if (!req.reason().empty() && !for_another) return ErrorOf(Refuse(v1::REASON_INVALID_ARGUMENT, "reason"));
  if (!req.report().empty() && !(req.reporter_reference().empty() && req.reason().empty()))
    return ErrorOf(Refuse(v1::REASON_INVALID_ARGUMENT, for_another ? "report" : "reporter_reference"));
  return grpc::Status::OK;
}

const char* StatusZh(v1::SealedReportStatus status) {
  if (status == v1::SEALED_REPORT_STATUS_RECEIVED) return "已收到";
  return status == v1::SEALED_REPORT_STATUS_IN_REVIEW ? "核查中" : "已办结";
}
const char* StatusEn(v1::SealedReportStatus status) {
  if (status == v1::SEALED_REPORT_STATUS_RECEIVED) return "Received";
  return status == v1::SEALED_REPORT_STATUS_IN_REVIEW ? "Being looked into" : "Ended";
}

// What everybody may know who may know of it at all.
void ToSealedReport(const v1::SealedReportState& state, v1::SealedReport* report) {
  report->set_name(state.submitted().name());
  report->set_etag(EtagOf(state.version()));
  report->set_status(StatusOf(state));
  report->set_status_zh(StatusZh(report->status()));
  report->set_status_en(StatusEn(report->status()));
  *report->mutable_submitted_at() = state.submitted().submitted_at();
  if (state.answered().has_answered_at()) *report->mutable_answered_at() = state.answered().answered_at();
  report->set_erased(state.erased());
}

// What its reporter wrote. Once erased nobody reads it, also where whoever erased it has not come to its key.
absl::Status OpenContent(const v1::SealedReportState& state, const Vault& vault, v1::SealedReport* report) {
  if (state.erased()) return absl::OkStatus();
  auto content = vault.Open(state.submitted().content());
  if (absl::IsNotFound(content.status())) {
    report->set_erased(true);
    return absl::OkStatus();
  }
  v1::SealedContent opened;
  if (!content.ok()) return content.status();
  if (!opened.ParseFromString(*content)) return absl::DataLossError("a sealed report does not parse");
  report->set_text(opened.text());
  report->set_about(opened.about());
  if (opened.has_contact()) *report->mutable_contact() = opened.contact();
  return absl::OkStatus();
}

// And what it says.
absl::Status OpenSealedReport(const v1::SealedReportState& state, const Vault& vault, v1::SealedReport* report) {
  ToSealedReport(state, report);
  if (auto opened = OpenContent(state, vault, report); !opened.ok()) return opened;
  if (!state.answered().has_answer()) return absl::OkStatus();
  auto answer = vault.Open(state.answered().answer());
  if (!answer.ok()) return absl::IsNotFound(answer.status()) ? absl::OkStatus() : answer.status();
  report->set_answer(*std::move(answer));
  return absl::OkStatus();
}

absl::Status OpenReporter(const v1::ReportState& state, const Vault& vault, v1::RevealedReporter* out) {
  out->set_report(state.context().report());
  auto text = AsWritten(state.text(), vault);
  if (absl::IsNotFound(text.status())) {
    out->set_erased(true);
    return absl::OkStatus();
  }
  auto place = AsWritten(state.place_text(), vault);
  auto contact = OpenContact(state.contact(), vault);
  for (const auto& status : {text.status(), place.status(), contact.status()})
    if (!status.ok()) return status;
  out->set_text(*std::move(text));
  out->set_place_text(*std::move(place));
  if (state.has_contact()) *out->mutable_contact() = *std::move(contact);
  for (const auto& one : state.supplements()) {
    auto supplement = AsWritten(one.text(), vault);
    if (!supplement.ok()) return supplement.status();
    out->add_supplements(*std::move(supplement));
  }
  *out->mutable_voices() = state.voices();
  return absl::OkStatus();
}

class VaultRpc : public v1::VaultService::CallbackService {
 public:
  VaultRpc(const ServiceContext& service, std::shared_ptr<Vault> vault, const CityKey& codes)
      : service_(service), vault_(std::move(vault)), codes_(codes) {}

  Reactor* RequestReveal(Context* ctx, const v1::RequestRevealRequest* req, v1::Reveal* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      if (auto s = CheckReason(req->reason(), "reason"); !s.ok()) return finish(s);
      v1::Command command;
      *command.mutable_request_reveal() = *req;
      SubmitTo("r", "reports/", req->report(), "report", call, *req, command, finish, AnswerReveal(finish, resp));
    });
  }

  Reactor* DecideReveal(Context* ctx, const v1::DecideRevealRequest* req, v1::Reveal* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      if (auto s = CheckReason(req->note(), "note"); !s.ok()) return finish(s);
      v1::Command command;
      *command.mutable_decide_reveal() = *req;
      SubmitTo("rv", "reveals/", req->name(), "name", call, *req, command, finish, AnswerReveal(finish, resp));
    });
  }

  Reactor* ListReveals(Context* ctx, const v1::ListRevealsRequest* req, v1::ListRevealsResponse* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      const bool decides = call.actor.Has("SECURITY_OFFICER");
      ListRows(*service_.reads,
               {.index = decides ? "pending" : "asked",
                .value = decides ? "" : call.actor.subject,
                .descending = !decides,
                .shards = service_.shards,
                .page_size = std::min(req->page_size(), kMaxPage),
                .page_token = req->page_token()},
               [=](ListResult found) {
                 v1::IntakeStream stream;
                 for (const auto& [id, bytes] : found.entries)
                   if (stream.ParseFromString(bytes)) *resp->add_reveals() = stream.reveal().reveal();
                 resp->set_next_page_token(found.next_page_token);
                 finish(found.status);
               });
    });
  }

  Reactor* ReadRevealed(Context* ctx, const v1::ReadRevealedRequest* req, v1::RevealedReporter* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      v1::Command command;
      *command.mutable_read_revealed() = *req;
      SubmitTo("rv", "reveals/", req->name(), "name", call, *req, command, finish,
               AnswerCommand<v1::IntakeStream>(
                   [=](grpc::Status status) {
                     if (!status.ok()) finish(std::move(status));
                   },
                   [=, this](const v1::IntakeStream& revealed) { ShowReporter(revealed.reveal(), resp, finish); }));
    });
  }

  Reactor* CopyPersonalData(Context* ctx, const v1::CopyPersonalDataRequest* req, v1::PersonalData* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      const std::string token = service_.persons->Of(call.actor.subject);
      resp->set_person_token(token);
      const ListQuery query{.index = "reporter",
                            .value = token,
                            .descending = true,
                            .shards = service_.shards,
                            .page_size = std::min(req->page_size(), kMaxPage),
                            .page_token = req->page_token()};
      // Recorded once per copy, not for each page.
      if (!req->page_token().empty()) return ShowOwnReports(query, resp, finish);
      v1::Command command;
      command.mutable_copy_personal_data();
      command.set_caller_token(token);
      Submit(ShardOf(token, service_.shards), token, call, *req, command, [=, this](CommandResult result) {
        if (!result.status.ok()) return finish(std::move(result.status));
        ShowOwnReports(query, resp, finish);
      });
    });
  }

  Reactor* ErasePersonalData(Context* ctx, const v1::ErasePersonalDataRequest* req, v1::Erasure* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      if (!req->understood()) return finish(ErrorOf(Refuse(v1::REASON_NOT_UNDERSTOOD, "understood")));
      if (auto s = CheckErasure(*req, call.actor); !s.ok()) return finish(s);
      const std::string caller = service_.persons->Of(call.actor.subject);
      v1::Command command;
      command.set_caller_token(caller);
      auto& erase = *command.mutable_erase_personal_data();
      erase.set_reason(req->reason());
      if (!req->report().empty()) return EraseReport(*req, call, command, resp, finish);
      if (caller.empty()) return finish(ErrorOf(Refuse(v1::REASON_REPORT_NOT_FOUND, "report")));
      const std::string& of = req->reporter_reference();
      erase.set_person_token(of.empty() ? caller : service_.persons->Of(of));
      const std::string& person = erase.person_token();
      const auto keys = NameKeys(person, erase);
      Submit(ShardOf(person, service_.shards), person, call, *req, command, ThenErase(person, keys, resp, finish));
    });
  }

  Reactor* SubmitSealedReport(Context* ctx, const v1::SubmitSealedReportRequest* req, v1::SealedReport* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& caller, Finish finish) {
      const auto characters = CountCharacters(Trim(req->text()));
      const auto wrong = [&](const char* field) { finish(ErrorOf(Refuse(v1::REASON_INVALID_ARGUMENT, field))); };
      if (characters == 0 || characters > kMaxText) return wrong("text");
      if (CountCharacters(req->about()) > kMaxAboutCharacters) return wrong("about");
      if (!IsContact(req->contact())) return wrong("contact");
      if (!UuidV7Time(req->request_id())) return finish(RuntimeError("REASON_BAD_REQUEST_ID", "request_id"));
      // Whoever sent it is known to nobody from here on.
      Call call = caller;
      call.actor = {};
      const int shard = ShardOf(req->request_id(), service_.shards);
      const std::string id = SealedReportIdOf(shard, CommandId("", call.method, req->request_id(), req->request_id()));
      vault_->KeyOf(id, [=, this](absl::StatusOr<PersonKey> key) {
        if (!key.ok()) return finish(Recovering());
        v1::SealedContent content;
        content.set_text(std::string(Trim(req->text())));
        content.set_about(req->about());
        if (req->has_contact()) *content.mutable_contact() = req->contact();
        const std::string code = MakeTrackingCode(codes_, req->request_id());
        v1::Command command;
        *command.mutable_submit_sealed_report()->mutable_content() = key->Seal(content.SerializeAsString());
        command.mutable_submit_sealed_report()->set_tracking_hash(HashOfTrackingCode(code));
        Submit(shard, req->request_id(), call, *req, command, AnswerSealed(finish, resp, code));
      });
    });
  }

  Reactor* GetSealedReport(Context* ctx, const v1::GetSealedReportRequest* req, v1::SealedReport* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call&, Finish finish) {
      const std::string hash = HashOfTrackingCode(req->tracking_code());
      ReadSealed(req->name(), finish, [=, this](const v1::SealedReportState& report) {
        if (hash.empty() || report.submitted().tracking_hash() != hash) return finish(NotFound("name"));
        const absl::Status opened = OpenSealedReport(report, *vault_, resp);
        finish(opened.ok() ? grpc::Status::OK : ErrorOf(opened));
      });
    });
  }

  Reactor* ListSealedReports(Context* ctx, const v1::ListSealedReportsRequest* req,
                             v1::ListSealedReportsResponse* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call&, Finish finish) {
      ListRows(*service_.reads,
               {.index = "sealed",
                .shards = service_.shards,
                .page_size = std::min(req->page_size(), kMaxPage),
                .page_token = req->page_token()},
               [=](ListResult found) {
                 v1::IntakeStream stream;
                 for (const auto& [id, bytes] : found.entries)
                   if (stream.ParseFromString(bytes))
                     ToSealedReport(stream.sealed_report(), resp->add_sealed_reports());
                 resp->set_next_page_token(found.next_page_token);
                 finish(found.status);
               });
    });
  }

  Reactor* ReadSealedReport(Context* ctx, const v1::ReadSealedReportRequest* req, v1::SealedReport* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      v1::Command command;
      *command.mutable_read_sealed_report() = *req;
      SubmitTo("sr", "sealedReports/", req->name(), "name", call, *req, command, finish, AnswerSealed(finish, resp));
    });
  }

  Reactor* AnswerSealedReport(Context* ctx, const v1::AnswerSealedReportRequest* req, v1::SealedReport* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call& call, Finish finish) {
      if (CountCharacters(req->answer()) > kMaxText)
        return finish(ErrorOf(Refuse(v1::REASON_INVALID_ARGUMENT, "answer")));
      v1::Command command;
      auto& answer = *command.mutable_answer_sealed_report();
      answer.set_name(req->name());
      answer.set_etag(req->etag());
      answer.set_status(req->status());
      const auto submit = [=, this](const v1::Command& whole) {
        SubmitTo("sr", "sealedReports/", req->name(), "name", call, *req, whole, finish, AnswerSealed(finish, resp));
      };
      if (Trim(req->answer()).empty()) return submit(command);
      ReadSealed(req->name(), finish, [=, this](const v1::SealedReportState& report) {
        // Of one that was erased a new key, for what its reporter may still come to read.
        vault_->KeyOf(IdOf("sealedReports/", report.submitted().name()), [=](absl::StatusOr<PersonKey> key) {
          if (!key.ok()) return finish(Recovering());
          v1::Command whole = command;
          *whole.mutable_answer_sealed_report()->mutable_answer() = key->Seal(Trim(req->answer()));
          submit(whole);
        });
      });
    });
  }

  Reactor* ListAuditEntries(Context* ctx, const v1::ListAuditEntriesRequest* req,
                            v1::ListAuditEntriesResponse* resp) override {
    return Serve(service_, ctx, req, [=, this](const Call&, Finish finish) {
      ListRows(*service_.reads,
               {.index = "audit",
                .from_ms = MsOf(req->from()),
                .to_ms = MsOf(req->to()),
                .descending = true,
                .shards = service_.shards,
                .page_size = std::min(req->page_size(), kMaxPage),
                .page_token = req->page_token()},
               [=](ListResult found) {
                 v1::IntakeStream stream;
                 for (const auto& [id, bytes] : found.entries)
                   if (stream.ParseFromString(bytes)) *resp->add_audit_entries() = AuditEntryOf(stream.audit_entry());
                 resp->set_next_page_token(found.next_page_token);
                 finish(found.status);
               });
    });
  }

 private:
  void Submit(int shard, const std::string& routing_key, const Call& call, const google::protobuf::Message& req,
              const v1::Command& command, CommandDoor::Done done) {
    const auto* id = req.GetDescriptor()->FindFieldByName("request_id");
    service_.door->Submit(call,
                          {.shard = shard,
                           .routing_key = routing_key,
                           .request_id = req.GetReflection()->GetString(req, id),
                           .body = &req,
                           .payload = command.SerializeAsString()},
                          std::move(done));
  }

  // A command on what there is already: its id carries the shard.
  void SubmitTo(std::string_view prefix, std::string_view collection, const std::string& name, const char* field,
                const Call& call, const google::protobuf::Message& req, const v1::Command& command,
                const Finish& finish, CommandDoor::Done done) {
    const auto shard = ShardOfId(prefix, IdOf(collection, name));
    if (!shard || *shard >= service_.shards) return finish(NotFound(field));
    Submit(*shard, name, call, req, command, std::move(done));
  }

  static CommandDoor::Done AnswerReveal(Finish finish, v1::Reveal* resp) {
    return AnswerCommand<v1::IntakeStream>(
        std::move(finish), [resp](const v1::IntakeStream& stream) { *resp = stream.reveal().reveal(); });
  }

  CommandDoor::Done AnswerSealed(Finish finish, v1::SealedReport* resp, std::string code = "") {
    return [=, this](CommandResult result) {
      v1::IntakeStream stream;
      if (!result.status.ok()) return finish(std::move(result.status));
      if (!stream.ParseFromString(result.state)) return finish(RuntimeError("REASON_DATA_LOSS"));
      const absl::Status opened = OpenSealedReport(stream.sealed_report(), *vault_, resp);
      resp->set_tracking_code(code);
      finish(opened.ok() ? grpc::Status::OK : ErrorOf(opened));
    };
  }

  void ReadSealed(const std::string& name, const Finish& finish,
                  std::function<void(const v1::SealedReportState&)> then) {
    const std::string id = IdOf("sealedReports/", name);
    const auto shard = ShardOfId("sr", id);
    if (!shard || *shard >= service_.shards) return finish(NotFound("name"));
    ReadStream(*service_.reads, *shard, id, [=](StreamResult result) {
      v1::IntakeStream stream;
      if (!result.status.ok()) return finish(std::move(result.status));
      if (!stream.ParseFromString(result.state)) return finish(RuntimeError("REASON_DATA_LOSS"));
      then(stream.sealed_report());
    });
  }

  void ShowReporter(const v1::RevealState& reveal, v1::RevealedReporter* resp, const Finish& finish) {
    const std::string id = IdOf("reports/", reveal.reveal().report());
    ReadStream(*service_.reads, ShardOfId("r", id).value_or(0), id,
               AnswerRead<v1::IntakeStream>(finish, [=, this](const v1::IntakeStream& stream) {
                 const absl::Status opened = OpenReporter(stream.report(), *vault_, resp);
                 ShowLinks(service_, resp);
                 return opened.ok() ? grpc::Status::OK : ErrorOf(opened);
               }));
  }

  void ShowOwnReports(const ListQuery& query, v1::PersonalData* resp, const Finish& finish) {
    ListRows(*service_.reads, query, [=, this](ListResult found) {
      for (const auto& [id, bytes] : found.entries) {
        v1::IntakeStream stream;
        if (!found.status.ok() || !stream.ParseFromString(bytes)) continue;
        auto* one = resp->add_reports();
        absl::Status shown = ToReport(stream.report(), Reader::kReporter, *vault_, one->mutable_report());
        ShowLinks(service_, one->mutable_report());
        auto contact = OpenContact(stream.report().contact(), *vault_);
        if (contact.ok() && stream.report().has_contact()) *one->mutable_contact() = *contact;
        if (shown.ok() && !absl::IsNotFound(contact.status())) shown = contact.status();
        if (!shown.ok()) found.status = ErrorOf(shown);
      }
      resp->set_next_page_token(found.next_page_token);
      if (!found.status.ok()) return finish(found.status);
      AddReveals(query.value, resp, finish);
    });
  }

  // Who was shown the reports of this page: somewhere among all who were shown any of the person's.
  void AddReveals(const std::string& person_token, v1::PersonalData* resp, const Finish& finish,
                  const std::string& page_token = "") {
    ListRows(*service_.reads,
             {.index = "revealed",
              .value = person_token,
              .descending = true,
              .shards = service_.shards,
              .page_size = kMaxPage,
              .page_token = page_token},
             [=, this](ListResult found) {
               v1::IntakeStream stream;
               for (const auto& [id, bytes] : found.entries) {
                 if (!stream.ParseFromString(bytes)) continue;
                 for (auto& one : *resp->mutable_reports())
                   if (one.report().name() == stream.reveal().reveal().report())
                     *one.add_reveals() = stream.reveal().reveal();
               }
               if (!found.status.ok() || found.next_page_token.empty()) return finish(found.status);
               AddReveals(person_token, resp, finish, found.next_page_token);
             });
  }

  void EraseReport(const v1::ErasePersonalDataRequest& req, const Call& call, v1::Command command, v1::Erasure* resp,
                   const Finish& finish) {
    auto& erase = *command.mutable_erase_personal_data();
    erase.set_report(req.report());
    erase.set_tracking_hash(HashOfTrackingCode(req.tracking_code()));
    const bool sealed = !IdOf("sealedReports/", req.report()).empty();
    const char* collection = sealed ? "sealedReports/" : "reports/";
    const auto keys = NameKeys(IdOf(collection, req.report()), erase);
    // As anonymous as the report is.
    Call nobody = call;
    nobody.actor = {};
    command.clear_caller_token();
    SubmitTo(sealed ? "sr" : "r", collection, req.report(), "report", nobody, req, command, finish,
             ThenErase(IdOf(collection, req.report()), keys, resp, finish));
  }

  std::vector<std::string> NameKeys(const std::string& owner, v1::ErasePersonalData& erase) const {
    auto keys = vault_->KeyIdsOf(owner);
    erase.mutable_key_ids()->Assign(keys.begin(), keys.end());
    return keys;
  }

  // The decision stands; now the keys go. A call that dies between the two is made good by its retry, or by policy
  // see_erasures_through.
  CommandDoor::Done ThenErase(const std::string& owner, const std::vector<std::string>& keys, v1::Erasure* resp,
                              const Finish& finish) {
    return [=, this](CommandResult result) {
      if (!result.status.ok()) return finish(std::move(result.status));
      vault_->Erase(owner, keys, [=, this](absl::StatusOr<int> destroyed) {
        if (!destroyed.ok()) return finish(Recovering());
        const int64_t now_ms = service_.clock->wall_ms();
        resp->set_keys_destroyed(*destroyed);
        *resp->mutable_erased_at() = TimeOf(now_ms);
        *resp->mutable_gone_from_disk_by() = TimeOf(now_ms + kGoneFromDiskMs);
        finish(grpc::Status::OK);
      });
    };
  }

  const ServiceContext& service_;
  const std::shared_ptr<Vault> vault_;
  const CityKey& codes_;
};

}  // namespace

std::shared_ptr<grpc::Service> MakeVaultRpc(const ServiceContext& service, std::shared_ptr<Vault> vault,
                                            const CityKey& codes) {
  return std::make_shared<VaultRpc>(service, std::move(vault), codes);
}

}  // namespace civicmesh::intake
