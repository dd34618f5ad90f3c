#include "services/analytics/analytics_rpc.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "civicmesh/analytics/v1/analytics_service.grpc.pb.h"
#include "services/analytics/domain/figures.h"
#include "services/analytics/fold.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/rpc/serial_executor.h"
#include "services/runtime/rpc/serve.h"

namespace civicmesh::analytics {
namespace {

constexpr size_t kMaxQuestions = 64;
constexpr size_t kMaxLooks = 8;
constexpr int kDefaultPage = 100;
constexpr int kMaxPage = 1000;
constexpr int kKpisPage = 100;  // by default, and at most
constexpr std::string_view kNames = "kpis/";

int64_t ToMs(const google::protobuf::Timestamp& time) { return time.seconds() * 1000 + time.nanos() / 1000000; }

void FromMs(int64_t ms, google::protobuf::Timestamp* time) {
  time->set_seconds(ms / 1000);
  time->set_nanos(static_cast<int>(ms % 1000) * 1000000);
}

const KpiDefinition* KpiOf(std::string_view name) {
  return name.substr(0, kNames.size()) == kNames ? FindKpi(name.substr(kNames.size())) : nullptr;
}

// Window and point of knowledge of any of the three requests. `pinned_ms`: the point that an earlier page was made at.
template <typename Request>
grpc::Status ToQuestion(const Request& request, const Facts& facts, std::optional<int64_t> pinned_ms, Question& out) {
  out.as_of_ms = pinned_ms ? *pinned_ms : request.has_as_of() ? ToMs(request.as_of()) : facts.latest_ms();
  if (request.has_window()) {
    out.from_ms = ToMs(request.window().start());
    out.to_ms = ToMs(request.window().end());
    if (!request.month().empty())
      return RuntimeError("REASON_INVALID_ARGUMENT", "month", "month and window exclude each other");
    if (out.from_ms >= out.to_ms) return RuntimeError("REASON_INVALID_ARGUMENT", "window", "start must be before end");
    return grpc::Status::OK;
  }
  const auto span = request.month().empty() ? MonthOf(out.as_of_ms) : MonthNamed(request.month());
  if (!span) return RuntimeError("REASON_INVALID_ARGUMENT", "month", "as 2026-10");
  out.from_ms = span->from_ms;
  out.to_ms = span->to_ms;
  return grpc::Status::OK;
}

// What all pages of one list have in common.
template <typename Request>
std::string QuestionId(Request request) {
  request.clear_page_size();
  request.clear_page_token();
  return absl::BytesToHexString(Sha256(request.SerializeAsString()).substr(0, 8));
}

struct Page {
  int64_t as_of_ms = 0;
  MemberQuery::Key after;  // of KPIs: how many came before
};

template <typename Request>
std::string TokenOf(const Request& request, const Page& page) {
  return absl::WebSafeBase64Escape(
      absl::StrCat(QuestionId(request), "|", page.as_of_ms, "|", page.after.ordinal, "|", page.after.name));
}

template <typename Request>
std::optional<Page> PageOf(const Request& request) {
  std::string text;
  if (!absl::WebSafeBase64Unescape(request.page_token(), &text)) return std::nullopt;
  const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits('|', 3));
  Page page;
  if (parts.size() != 4 || parts[0] != QuestionId(request) || !absl::SimpleAtoi(parts[1], &page.as_of_ms) ||
      !absl::SimpleAtoi(parts[2], &page.after.ordinal))
    return std::nullopt;
  page.after.name = parts[3];
  return page;
}

grpc::Status ToQuery(const v1::ListKpiMembersRequest& request, MemberQuery& query) {
  if (request.part() < v1::KPI_PART_NUMERATOR || request.part() > v1::KPI_PART_EXCLUDED)
    return RuntimeError("REASON_INVALID_ARGUMENT", "part");
  if (request.page_size() < 0) return RuntimeError("REASON_INVALID_ARGUMENT", "page_size");
  query.part = request.part();
  query.group_by = request.group_by();
  if (request.has_group()) query.group = request.group();
  if (request.has_series()) query.series = request.series();
  query.size = request.page_size() ? std::min(request.page_size(), kMaxPage) : kDefaultPage;
  return grpc::Status::OK;
}

void Describe(const PartitionProgress& at, v1::SourceProgress* out) {
  out->set_domain(at.domain);
  out->set_shard(at.shard);
  if (at.last.highest.offset >= 0) {
    out->set_last_event(
        absl::StrCat(at.domain, "/", at.shard, "/", at.last.highest.offset, "/", at.last.highest.index));
    FromMs(at.last.last_ms, out->mutable_last_event_at());
  }
  out->set_next_offset(at.next);
  out->set_end_offset(at.end);
  out->set_lag(std::max<int64_t>(0, at.end - at.next));
  out->set_applied(at.applied);
  out->set_repeated_ids(at.repeated);
  out->set_other_types(at.other);
  out->set_unreadable(at.unreadable);
}

class AnalyticsRpc : public v1::AnalyticsService::CallbackService {
 public:
  AnalyticsRpc(const ServiceContext& service, Fold* fold)
      : service_(service), fold_(*fold), questions_(kMaxQuestions), looks_(kMaxLooks) {}

  grpc::ServerUnaryReactor* ListKpis(grpc::CallbackServerContext* context, const v1::ListKpisRequest* request,
                                     v1::ListKpisResponse* response) override {
    return Ask(context, request, [=](const Facts& facts) { return All(facts, *request, *response); });
  }

  grpc::ServerUnaryReactor* GetKpi(grpc::CallbackServerContext* context, const v1::GetKpiRequest* request,
                                   v1::Kpi* response) override {
    return Ask(context, request, [=](const Facts& facts) {
      const KpiDefinition* kpi = KpiOf(request->name());
      if (!kpi) return RuntimeError("REASON_NOT_FOUND", "name");
      Question question;
      if (auto wrong = ToQuestion(*request, facts, {}, question); !wrong.ok()) return wrong;
      *response = ComputeKpi(*kpi, facts, question, request->group_by());
      return grpc::Status::OK;
    });
  }

  grpc::ServerUnaryReactor* ListKpiMembers(grpc::CallbackServerContext* context,
                                           const v1::ListKpiMembersRequest* request,
                                           v1::ListKpiMembersResponse* response) override {
    return Ask(context, request, [=](const Facts& facts) { return Members(facts, *request, *response); });
  }

  grpc::ServerUnaryReactor* GetProgress(grpc::CallbackServerContext* context, const v1::GetProgressRequest* request,
                                        v1::GetProgressResponse* response) override {
    return Serve(service_, context, request, [=, this](const Call&, Finish finish) {
      if (!looks_.Post([=, this] { finish(Look(*response)); })) finish(Overloaded());
    });
  }

 private:
  static grpc::Status Overloaded() { return RuntimeError("REASON_OVERLOADED", "", "", absl::Seconds(1)); }

  // Half a fold is no figure: until everything that stood in the topics at the start is folded there is no answer.
  template <typename Request, typename Answer>
  grpc::ServerUnaryReactor* Ask(grpc::CallbackServerContext* context, const Request* request, Answer answer) {
    return Serve(service_, context, request, [=, this](const Call&, Finish finish) {
      if (!fold_.loaded()) return finish(RuntimeError("REASON_RECOVERING", "", "", absl::Seconds(1)));
      const bool taken = questions_.Post([=, this] {
        grpc::Status status;
        fold_.Read([&](const Facts& facts) { status = answer(facts); });
        finish(std::move(status));
      });
      if (!taken) finish(Overloaded());
    });
  }

  static grpc::Status All(const Facts& facts, const v1::ListKpisRequest& request, v1::ListKpisResponse& response) {
    if (request.page_size() < 0) return RuntimeError("REASON_INVALID_ARGUMENT", "page_size");
    Page page;
    std::optional<int64_t> pinned;
    if (!request.page_token().empty()) {
      auto asked = PageOf(request);
      if (!asked || asked->after.ordinal < 0) return RuntimeError("REASON_BAD_PAGE_TOKEN", "page_token");
      page = *std::move(asked);
      pinned = page.as_of_ms;
    }
    Question question;
    if (auto wrong = ToQuestion(request, facts, pinned, question); !wrong.ok()) return wrong;
    const size_t first = static_cast<size_t>(page.after.ordinal),
                 size = request.page_size() ? std::min(request.page_size(), kKpisPage) : kKpisPage;
    for (size_t i = first; i < std::min(first + size, Kpis().size()); ++i)
      *response.add_kpis() = ComputeKpi(Kpis()[i], facts, question, request.group_by());
    if (first + size >= Kpis().size()) return grpc::Status::OK;
    page = {.as_of_ms = question.as_of_ms, .after = {}};
    page.after.ordinal = static_cast<int64_t>(first + size);
    response.set_next_page_token(TokenOf(request, page));
    return grpc::Status::OK;
  }

  static grpc::Status Members(const Facts& facts, const v1::ListKpiMembersRequest& request,
                              v1::ListKpiMembersResponse& response) {
    const KpiDefinition* kpi = KpiOf(request.parent());
    if (!kpi) return RuntimeError("REASON_NOT_FOUND", "parent");
    MemberQuery query;
    if (auto wrong = ToQuery(request, query); !wrong.ok()) return wrong;
    std::optional<int64_t> pinned;
    if (!request.page_token().empty()) {
      auto page = PageOf(request);
      if (!page) return RuntimeError("REASON_BAD_PAGE_TOKEN", "page_token");
      pinned = page->as_of_ms;
      query.after = std::move(page->after);
    }
    Question question;
    if (auto wrong = ToQuestion(request, facts, pinned, question); !wrong.ok()) return wrong;
    MemberPage page = ListMembers(*kpi, facts, question, query);
    for (auto& member : page.members) *response.add_members() = std::move(member);
    response.set_total_count(page.total_count);
    response.set_total_amount(page.total_amount);
    FromMs(question.as_of_ms, response.mutable_as_of());
    if (page.last) response.set_next_page_token(TokenOf(request, {question.as_of_ms, *std::move(page.last)}));
    return grpc::Status::OK;
  }

  grpc::Status Look(v1::GetProgressResponse& response) {
    auto progress = fold_.Progress();
    if (!progress.ok()) return RuntimeError("REASON_RECOVERING");
    bool complete = true;
    for (const auto& at : *progress) {
      Describe(at, response.add_sources());
      complete = complete && at.next >= at.end;
    }
    response.set_complete(complete);
    fold_.Read([&](const Facts& facts) {
      if (facts.latest_ms() > 0) FromMs(facts.latest_ms(), response.mutable_latest_fact_at());
    });
    return grpc::Status::OK;
  }

  const ServiceContext& service_;
  Fold& fold_;
  // Last, so that they end first.
  SerialExecutor questions_;
  SerialExecutor looks_;
};

}  // namespace

std::shared_ptr<grpc::Service> MakeAnalyticsRpc(const ServiceContext& service, Fold* fold) {
  return std::make_shared<AnalyticsRpc>(service, fold);
}

std::vector<std::string> WaitingFor(Fold& fold) {
  auto progress = fold.Progress();
  if (!progress.ok()) return {"Kafka does not answer"};
  std::vector<std::string> waiting;
  for (const auto& at : *progress)
    if (at.next < at.end)
      waiting.push_back(absl::StrCat(at.domain, ", shard ", at.shard, ": ", at.end - at.next, " events to fold"));
  return waiting;
}

}  // namespace civicmesh::analytics
