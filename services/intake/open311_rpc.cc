#include "services/intake/open311_rpc.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "civicmesh/intake/v1/intake_journal.pb.h"
#include "civicmesh/intake/v1/open311_service.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "services/intake/active_standard.h"
#include "services/intake/domain/reports.h"
#include "services/intake/intake_reference.h"
#include "services/intake/open311/answers.h"
#include "services/intake/open311/settings.h"
#include "services/intake/open311_listing.h"
#include "services/intake/open311_views.h"
#include "services/intake/receipt.h"
#include "services/intake/received.h"
#include "services/intake/report_desk.h"
#include "services/intake/vault/aead.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/base/person_tokens.h"
#include "services/runtime/base/uuid_v7.h"
#include "services/runtime/rpc/serve.h"

namespace civicmesh::intake {
namespace {

using namespace open311;  // NOLINT(google-build-using-namespace): its words are this file's
using Reactor = grpc::ServerUnaryReactor;
using Context = grpc::CallbackServerContext;

// The door makes it the status of HTTP (deploy/envoy/routes.py).
constexpr char kStatusHeader[] = "civicmesh-http-status";
constexpr int kBadRequest = 400, kForbidden = 403, kNotFound = 404, kTooMany = 429, kInternal = 500, kUnavailable = 503;

int HttpStatusOf(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::NOT_FOUND:
      return kNotFound;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return kTooMany;
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return kUnavailable;
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::DATA_LOSS:
    case grpc::StatusCode::UNKNOWN:
      return kInternal;
    default:
      return kBadRequest;
  }
}

// In the words that the reason has for people.
Problem ProblemOf(const grpc::Status& status) {
  Problem problem{.code = HttpStatusOf(status.error_code()), .text = ""};
  google::rpc::Status whole;
  if (!whole.ParseFromString(status.error_details())) whole.Clear();
  google::rpc::LocalizedMessage text;
  for (const auto& detail : whole.details())
    if (detail.UnpackTo(&text)) absl::StrAppend(&problem.text, problem.text.empty() ? "" : " ", text.message());
  if (problem.text.empty()) problem.text = status.error_message();
  return problem;
}

// `ms` is the machine's time: the age of a command is told by the broker's, under the driven clock too.
std::string NewRequestId(int64_t ms) {
  const std::string random = RandomId();
  uint64_t high, low;
  std::memcpy(&high, random.data(), sizeof high);
  std::memcpy(&low, random.data() + sizeof high, sizeof low);
  return UuidV7(ms, high, low);
}

// One call: what it asked for, and the one way in which it ends.
class Exchange {
 public:
  Exchange(Context* context, google::api::HttpBody* body, Finish finish, const std::string& file)
      : context_(context), body_(body), finish_(std::move(finish)) {
    const auto format = SplitFormat(file, &name);
    known_format = format.has_value();
    if (format) this->format = *format;
  }

  void Send(const std::string& document) const {
    body_->set_content_type(ContentType(format));
    body_->set_data(document);
    finish_(grpc::Status::OK);
  }
  void Refuse(const Problems& problems) const {
    const int status = problems.front().code;
    context_->AddInitialMetadata(kStatusHeader, absl::StrCat(status));
    if (status == kTooMany || status == kUnavailable) context_->AddInitialMetadata("retry-after", "1");
    Send(ErrorsDocument(format, problems));
  }
  void Refuse(int code, std::string text) const { Refuse({{code, std::move(text)}}); }
  void Refuse(const grpc::Status& status) const { Refuse({ProblemOf(status)}); }
  void NotFound() const { Refuse(kNotFound, "没有这个请求。There is no such request."); }

  // The last part of what was asked for: "r-…" of "requests/r-….xml".
  std::string Id() const { return name.substr(name.rfind('/') + 1); }

  std::string name;
  Format format = Format::kXml;
  bool known_format = false;

 private:
  Context* const context_;
  google::api::HttpBody* const body_;
  const Finish finish_;
};

using Standard = std::shared_ptr<const IntakeStandard>;

class Open311Rpc : public v1::Open311Service::CallbackService {
 public:
  Open311Rpc(const ServiceContext& service, std::shared_ptr<ReportDesk> desk, const ReceiptKeys& receipts,
             SettingsFile& settings)
      : service_(service),
        desk_(std::move(desk)),
        receipts_(receipts),
        settings_(settings),
        standard_(service),
        received_(service, receipts) {}

  Reactor* Discover(Context* ctx, const v1::DiscoverRequest* req, google::api::HttpBody* resp) override {
    return Answer(ctx, req, resp, [this](const Call& call, const Exchange& exchange) {
      WithStandard(call, exchange, [=, this](const Standard& standard) {
        exchange.Send(DiscoveryDocument(exchange.format, *Settings(), standard->version));
      });
    });
  }

  Reactor* ListServices(Context* ctx, const v1::ListServicesRequest* req, google::api::HttpBody* resp) override {
    return Answer(ctx, req, resp, [this](const Call& call, const Exchange& exchange) {
      WithStandard(call, exchange, [=](const Standard& standard) {
        exchange.Send(ServicesDocument(exchange.format, standard->published));
      });
    });
  }

  Reactor* GetServiceDefinition(Context* ctx, const v1::GetServiceDefinitionRequest* req,
                                google::api::HttpBody* resp) override {
    return Answer(ctx, req, resp, [this](const Call& call, const Exchange& exchange) {
      WithStandard(call, exchange, [=](const Standard& standard) {
        const auto document = DefinitionDocument(exchange.format, standard->published, exchange.Id());
        if (!document) return exchange.Refuse(kNotFound, "没有这个 service_code。service_code was not found.");
        exchange.Send(*document);
      });
    });
  }

  Reactor* PostServiceRequest(Context* ctx, const v1::PostServiceRequestRequest* req,
                              google::api::HttpBody* resp) override {
    return Answer(ctx, req, resp,
                  [=, this](const Call& call, const Exchange& exchange) { Post(call, *req, exchange); });
  }

  Reactor* ListServiceRequests(Context* ctx, const v1::ListServiceRequestsRequest* req,
                               google::api::HttpBody* resp) override {
    return Answer(ctx, req, resp, [=, this](const Call& call, const Exchange& exchange) {
      Asker asker;
      if (!ReadAsker(req->api_key(), exchange, &asker)) return;
      Problems problems;
      const auto filter = ReadFilter(*req, NowMs(call), &problems);
      if (!filter) return exchange.Refuse(problems);
      WithStandard(call, exchange, [=, this](const Standard& standard) {
        if (filter->ids.empty()) return List(*filter, asker, standard, exchange);
        GetAll(filter->ids, asker, standard, exchange);
      });
    });
  }

  Reactor* GetServiceRequest(Context* ctx, const v1::GetServiceRequestRequest* req,
                             google::api::HttpBody* resp) override {
    return Answer(ctx, req, resp, [=, this](const Call& call, const Exchange& exchange) {
      Asker asker{.app = "", .knows_id = true};
      if (!ReadAsker(req->api_key(), exchange, &asker)) return;
      WithStandard(call, exchange, [=, this](const Standard& standard) {
        Get(exchange.Id(), [=](grpc::Status status, const v1::ReportState& report) {
          if (!status.ok() && status.error_code() != grpc::StatusCode::NOT_FOUND) return exchange.Refuse(status);
          const auto shown = status.ok() ? ShownTo(asker, report, *standard) : std::nullopt;
          if (!shown) return exchange.NotFound();
          exchange.Send(RequestsDocument(exchange.format, {*shown}));
        });
      });
    });
  }

  Reactor* GetToken(Context* ctx, const v1::GetTokenRequest* req, google::api::HttpBody* resp) override {
    return Answer(ctx, req, resp, [this](const Call&, const Exchange& exchange) {
      const std::string token = exchange.Id();
      const auto receipt = receipts_.Open(token);
      const ActorView app{.subject = receipt ? AppOf(*receipt) : "", .posts = {}};
      if (app.subject.empty()) return exchange.Refuse(kNotFound, "没有这个 token。token was not found.");
      const std::string id = ReportIdOf(receipt->shard(), receipt->command_id());
      const auto report = std::make_shared<v1::Report>();
      const auto answer = [=](const grpc::Status& status) {
        if (!status.ok()) return exchange.Refuse(status);
        const bool waits = report->status() == v1::REPORT_STATUS_RECEIVED;
        exchange.Send(TokenDocument(exchange.format, waits ? "" : id, token));
      };
      received_.Ask(token, id, app, "", report.get(), answer, [=, this](Finish read) {
        Get(id, [=](grpc::Status status, const v1::ReportState&) { read(std::move(status)); });
      });
    });
  }

 private:
  // Every call: through the gate, in a format that we speak, for this city.
  template <typename Request, typename Handler>
  Reactor* Answer(Context* ctx, const Request* req, google::api::HttpBody* resp, Handler handler) {
    static const google::protobuf::MethodDescriptor* const method = MethodTaking(Request::descriptor());
    return ServeMethod(service_, ctx, method, [=, this](const Call& call, Finish finish) {
      const Exchange exchange(ctx, resp, std::move(finish), req->file());
      if (auto wrong = CheckWellFormed(*req); !wrong.ok()) return exchange.Refuse(wrong);
      if (!exchange.known_format)
        return exchange.Refuse(kBadRequest, "格式只能是 xml 或 json。The format is xml or json.");
      if (!Settings()->IsHere(req->jurisdiction_id()))
        return exchange.Refuse(kNotFound, "没有这个 jurisdiction_id。jurisdiction_id was not found.");
      handler(call, exchange);
    });
  }

  std::shared_ptr<const open311::Settings> Settings() { return settings_.Now(service_.clock->steady_ms()); }

  int64_t NowMs(const Call& call) const {
    return call.driven_time_ms > 0 ? call.driven_time_ms : service_.clock->wall_ms();
  }

  void WithStandard(const Call& call, const Exchange& exchange, std::function<void(const Standard&)> use) {
    standard_.With(0, NowMs(call), [=, use = std::move(use)](const absl::StatusOr<Standard>& standard) {
      if (!standard.ok() || !*standard)
        return exchange.Refuse(RuntimeError("REASON_RECOVERING", "", "", absl::Seconds(1)));
      use(*standard);
    });
  }

  // False, and refused, where a key was sent that is nobody's.
  bool ReadAsker(const std::string& api_key, const Exchange& exchange, Asker* asker) {
    if (api_key.empty()) return true;
    const Client client = Settings()->ClientOf(api_key);
    if (client.subject.empty()) {
      exchange.Refuse(kForbidden, "api_key 无效。Invalid api_key.");
      return false;
    }
    if (client.reads_own) asker->app = absl::StrCat(kAppPrefix, client.subject);
    return true;
  }

  void Post(const Call& call, const v1::PostServiceRequestRequest& req, const Exchange& exchange) {
    const auto form = IsForm(req.body().content_type()) ? DecodeForm(req.body().data()) : std::nullopt;
    if (!form)
      return exchange.Refuse(kBadRequest,
                             "请求体必须是 UTF-8 的 application/x-www-form-urlencoded。"
                             "The body is no application/x-www-form-urlencoded in UTF-8.");
    const auto field = [&](const char* name, const std::string& otherwise) {
      const std::string value = ValueOf(*form, name);
      return value.empty() ? otherwise : value;
    };
    if (!Settings()->IsHere(field("jurisdiction_id", "")))
      return exchange.Refuse(kNotFound, "没有这个 jurisdiction_id。jurisdiction_id was not found.");
    const std::string key = field("api_key", req.api_key());
    if (key.empty()) return exchange.Refuse(kForbidden, "缺少 api_key。api_key was not provided.");
    const Client client = Settings()->ClientOf(key);
    if (client.subject.empty()) return exchange.Refuse(kForbidden, "api_key 无效。Invalid api_key.");
    const std::string request_id = field("request_id", req.request_id());
    Call app = call;
    app.actor = {.subject = absl::StrCat(kAppPrefix, client.subject),
                 .posts = {{.role = "GATEWAY", .unit = "", .area = ""}}};
    WithStandard(call, exchange, [=, this](const Standard& standard) {
      Problems problems;
      auto posted = ReadPost(*form, standard->published, &problems);
      if (!posted) return exchange.Refuse(problems);
      posted->report.set_request_id(request_id.empty() ? NewRequestId(service_.clock->wall_ms()) : request_id);
      Submit(app, *std::move(posted), exchange);
    });
  }

  void Submit(const Call& app, Posted posted, const Exchange& exchange) {
    struct Submission {
      v1::SubmitReportRequest request;
      v1::Report report;
    };
    const auto submission = std::make_shared<Submission>();
    submission->request = std::move(posted.report);
    if (auto wrong = CheckWellFormed(submission->request); !wrong.ok()) return exchange.Refuse(wrong);
    desk_->Submit(app, &submission->request, posted.class_code, &submission->report, [=](const grpc::Status& status) {
      if (status.error_code() == grpc::StatusCode::UNAVAILABLE)
        return exchange.Refuse(
            kUnavailable,
            "结果未知：可能已收到；不带 request_id 再次提交会成为另一条上报。"
            "Unknown: it may have been taken; posted again without its request_id it would be another one.");
      if (!status.ok()) return exchange.Refuse(status);
      const bool waits = submission->report.status() == v1::REPORT_STATUS_RECEIVED;
      const std::string id = IdOf("reports/", submission->report.name());
      exchange.Send(PostedDocument(exchange.format, waits ? "" : id, submission->report.receipt()));
    });
  }

  void List(const Filter& filter, const Asker& asker, const Standard& standard, const Exchange& exchange) {
    ListingQuery query{.lists = {},
                       .from_ms = filter.from_ms,
                       .to_ms = filter.to_ms,
                       .shards = service_.shards,
                       .page_size = filter.page_size};
    const auto passes = [filter](int status) { return IsOpen(status) ? filter.open : filter.closed; };
    if (!asker.app.empty()) {
      query.lists.emplace_back("submitter", asker.app);
    } else {
      for (int status = v1::ReportStatus_MIN; status <= v1::ReportStatus_MAX; ++status)
        if (IsPublic(status) && passes(status))
          query.lists.emplace_back("status", v1::ReportStatus_Name(static_cast<v1::ReportStatus>(status)));
    }
    const auto shown = std::make_shared<std::vector<Request>>();
    ListReports(
        *service_.reads, std::move(query),
        [=](const v1::ReportState& report) {
          auto request = passes(report.context().status()) ? ShownTo(asker, report, *standard) : std::nullopt;
          if (!request || !IsAskedFor(filter, request->service_code)) return false;
          shown->push_back(*std::move(request));
          return true;
        },
        [=](const grpc::Status& status) {
          if (!status.ok()) return exchange.Refuse(status);
          exchange.Send(RequestsDocument(exchange.format, *shown));
        });
  }

  static bool IsAskedFor(const Filter& filter, const std::string& code) {
    const auto& all = filter.services;
    return all.empty() || std::find(all.begin(), all.end(), code.empty() ? kOther : code) != all.end();
  }

  // In the order asked for; those that are not there are left out.
  void GetAll(const std::vector<std::string>& ids, const Asker& asker, const Standard& standard,
              const Exchange& exchange) {
    struct Found {
      absl::Mutex mutex;
      std::vector<std::optional<Request>> requests;
      grpc::Status failed;
      size_t open;
    };
    const auto found = std::make_shared<Found>();
    found->requests.resize(ids.size());
    found->open = ids.size();
    const Asker by_id{.app = asker.app, .knows_id = true};
    for (size_t i = 0; i < ids.size(); ++i)
      Get(ids[i], [=](grpc::Status status, const v1::ReportState& report) {
        {
          absl::MutexLock lock(&found->mutex);
          if (status.ok()) found->requests[i] = ShownTo(by_id, report, *standard);
          if (!status.ok() && status.error_code() != grpc::StatusCode::NOT_FOUND) found->failed = std::move(status);
          if (--found->open > 0) return;
        }
        if (!found->failed.ok()) return exchange.Refuse(found->failed);
        std::vector<Request> shown;
        for (auto& request : found->requests)
          if (request) shown.push_back(*std::move(request));
        exchange.Send(RequestsDocument(exchange.format, shown));
      });
  }

  // NOT_FOUND where there is no such report.
  void Get(const std::string& id, std::function<void(grpc::Status, const v1::ReportState&)> done) const {
    const auto shard = ShardOfId("r", id);
    if (!shard || *shard >= service_.shards) return done(RuntimeError("REASON_NOT_FOUND", "name"), {});
    ReadStream(*service_.reads, *shard, id, [done = std::move(done)](StreamResult result) {
      v1::IntakeStream stream;
      if (result.status.ok() && !stream.ParseFromString(result.state)) result.status = RuntimeError("REASON_DATA_LOSS");
      done(std::move(result.status), stream.report());
    });
  }

  // The app that a receipt was given to; empty for those of other doors.
  std::string AppOf(const v1::Receipt& receipt) {
    for (const auto& [digest, client] : Settings()->clients) {
      std::string app = absl::StrCat(kAppPrefix, client.subject);
      for (const std::string& person : receipt.person_tokens())
        if (person == service_.persons->Of(app)) return app;
    }
    return "";
  }

  const ServiceContext& service_;
  const std::shared_ptr<ReportDesk> desk_;
  const ReceiptKeys& receipts_;
  SettingsFile& settings_;
  ActiveStandard standard_;
  ReceivedReports received_;
};

}  // namespace

std::shared_ptr<grpc::Service> MakeOpen311Rpc(const ServiceContext& service, std::shared_ptr<ReportDesk> desk,
                                              const ReceiptKeys& receipts, open311::SettingsFile& settings) {
  return std::make_shared<Open311Rpc>(service, std::move(desk), receipts, settings);
}

}  // namespace civicmesh::intake
