#include "services/runtime/rpc/gate.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "google/protobuf/descriptor.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_interceptor.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/base/log.h"
#include "services/runtime/people/agency_quotas.h"
#include "services/runtime/people/revocations.h"
#include "services/runtime/people/roster.h"
#include "services/runtime/rpc/auth.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/metrics.h"
#include "services/runtime/rpc/one_time_tokens.h"
#include "services/runtime/rpc/quota_meter.h"

namespace civicmesh {
namespace {

// Set by Enter, taken off again by the guard: it never leaves the process.
constexpr char kPassed[] = "civicmesh-passed";
constexpr std::string_view kBearer = "bearer ";
constexpr absl::Duration kAgain = absl::Seconds(1), kLater = absl::Seconds(5);

std::string_view View(grpc::string_ref text) { return {text.data(), text.size()}; }

// The only value of that name; empty where there is none. Two of them would let doors in front of us and us disagree.
bool OnlyValue(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata, const char* name,
               std::string* value) {
  auto [first, last] = metadata.equal_range(name);
  if (first == last) return true;
  *value = std::string(View(first->second));
  return std::next(first) == last;
}

bool IsTraceparent(const std::string& text) {
  if (text.size() != 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string NameOf(const google::protobuf::MethodDescriptor& method) {
  return absl::StrCat(method.service()->full_name(), "/", method.name());
}

grpc::Status Refuse(const absl::Status& why) {
  if (absl::IsUnavailable(why)) return RuntimeError("REASON_ISSUER_AWAY", "", std::string(why.message()), kLater);
  const bool who = absl::IsUnauthenticated(why);
  return RuntimeError(who ? "REASON_UNAUTHENTICATED" : "REASON_PERMISSION_DENIED", "", std::string(why.message()));
}

}  // namespace

grpc::Status Gate::Meter(grpc::ServerContextBase& context, const std::string& agency) const {
  if (!counters_.quotas) return grpc::Status::OK;
  const auto list = people_.quotas ? people_.quotas() : nullptr;
  const int quota = list ? list->PerMinute(agency, counters_.agency_per_minute) : counters_.agency_per_minute;
  const absl::Duration wait = counters_.quotas->Take(agency, quota, clock_->steady_ms());
  if (wait == absl::ZeroDuration()) return grpc::Status::OK;
  // For clients over HTTP, whose libraries know this header.
  context.AddTrailingMetadata("retry-after", absl::StrCat(absl::ToInt64Seconds(absl::Ceil(wait, absl::Seconds(1)))));
  return RuntimeError("REASON_QUOTA_EXHAUSTED", "", absl::StrCat(quota, " calls a minute"), wait);
}

grpc::Status Gate::Identify(grpc::ServerContextBase& context, const std::string& authorization, int64_t at_ms,
                            OneTime one_time, Call* call) const {
  // The scheme is case-insensitive (RFC 7235).
  if (!absl::StartsWithIgnoreCase(authorization, std::string(kBearer)))
    return Refuse(absl::UnauthenticatedError("not a bearer token"));
  auto holder = tokens_->Verify(std::string_view(authorization).substr(kBearer.size()), clock_->wall());
  if (!holder.ok()) return Refuse(holder.status());
  if (auto list = people_.revocations(); list && list->Revoked(holder->subject, holder->token_id, holder->issued_ms))
    return Refuse(absl::UnauthenticatedError("revoked"));
  if (holder->one_time && (one_time == OneTime::kRefused || !counters_.one_time))
    return Refuse(absl::UnauthenticatedError("good once, which this call does not take"));
  if (holder->client == ClientKind::kAgency)
    if (auto over = Meter(context, holder->subject); !over.ok()) return over;
  if (holder->one_time) {
    call->one_time_id = holder->token_id;
    call->one_time_until = holder->good_until;
  }
  return FindPosts(*std::move(holder), at_ms, &call->actor);
}

grpc::Status Gate::FindPosts(TokenHolder holder, int64_t at_ms, ActorView* actor) const {
  actor->subject = std::move(holder.subject);
  // Whoever holds it, and whatever it says.
  if (holder.client == ClientKind::kCitizen) {
    actor->posts.push_back({.role = "CITIZEN", .unit = "", .area = ""});
    return grpc::Status::OK;
  }
  actor->posts = std::move(holder.claimed);
  if (!actor->posts.empty()) return grpc::Status::OK;
  const auto roster = people_.roster();
  if (!roster) return RuntimeError("REASON_RECOVERING", "", "no roster has been published yet", absl::Seconds(1));
  actor->roster = roster->version();
  const bool for_city =
      roster->Knows(actor->subject) || holder.client == ClientKind::kStaff || holder.client == ClientKind::kAgency;
  if (for_city)
    actor->posts = roster->PostsAt(actor->subject, at_ms);
  else
    actor->posts.push_back({.role = "CITIZEN", .unit = "", .area = ""});
  return grpc::Status::OK;
}

void Gate::UseUp(const Call& call, Finish done) const {
  counters_.one_time->Use(call.one_time_id, clock_->wall(), call.one_time_until,
                          [done = std::move(done)](absl::Status s) {
                            if (absl::IsUnavailable(s))
                              return done(RuntimeError("REASON_RECOVERING", "", std::string(s.message()), kAgain));
                            done(s.ok() ? grpc::Status::OK : Refuse(s));
                          });
}

grpc::Status Gate::ReadTime(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata, int64_t* ms) const {
  std::string time;
  if (!OnlyValue(metadata, "civicmesh-time", &time)) return RuntimeError("REASON_INVALID_ARGUMENT", "civicmesh-time");
  if (time.empty()) return grpc::Status::OK;
  if (!driven_) return RuntimeError("REASON_CLOCK_NOT_DRIVEN", "civicmesh-time");
  absl::Time at;
  if (!absl::ParseTime(absl::RFC3339_full, time, &at, nullptr) || absl::ToUnixMillis(at) <= 0)
    return RuntimeError("REASON_INVALID_ARGUMENT", "civicmesh-time");
  *ms = absl::ToUnixMillis(at);
  return grpc::Status::OK;
}

grpc::Status Gate::Enter(grpc::ServerContextBase& context, const google::protobuf::MethodDescriptor* method, Call* call,
                         OneTime one_time) const {
  context.AddTrailingMetadata(kPassed, "1");
  const auto& metadata = context.client_metadata();
  std::string authorization, trace;
  if (!OnlyValue(metadata, "authorization", &authorization)) return Refuse(absl::UnauthenticatedError("two tokens"));
  if (auto wrong = ReadTime(metadata, &call->driven_time_ms); !wrong.ok()) return wrong;
  const int64_t at_ms = call->driven_time_ms > 0 ? call->driven_time_ms : clock_->wall_ms();
  if (!authorization.empty())
    if (auto refused = Identify(context, authorization, at_ms, one_time, call); !refused.ok()) return refused;
  auto rights = RightsOf(method, authorization.empty() ? nullptr : &call->actor.posts);
  if (!rights.ok()) return Refuse(rights.status());
  call->actor.posts = *std::move(rights);
  // An RPC that is open to all and names none of the caller's posts is called as by nobody (docs/adr/0006).
  if (call->actor.posts.empty()) call->actor = {};
  call->method = NameOf(*method);
  if (OnlyValue(metadata, "traceparent", &trace) && IsTraceparent(trace)) call->traceparent = trace;

  using std::chrono::system_clock;
  const auto deadline = context.deadline();
  call->deadline_steady_ms = std::numeric_limits<int64_t>::max();
  if (deadline != system_clock::time_point::max()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - system_clock::now()).count();
    call->deadline_steady_ms = clock_->steady_ms() + left;
  }
  return grpc::Status::OK;
}

const google::protobuf::MethodDescriptor* MethodTaking(const google::protobuf::Descriptor* request) {
  const google::protobuf::MethodDescriptor* found = nullptr;
  for (int s = 0; s < request->file()->service_count(); ++s) {
    const auto* service = request->file()->service(s);
    for (int m = 0; m < service->method_count(); ++m) {
      if (service->method(m)->input_type() != request) continue;
      if (found) return nullptr;
      found = service->method(m);
    }
  }
  return found;
}

const google::protobuf::MethodDescriptor* MethodNamed(std::string_view name) {
  return google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(
      absl::StrReplaceAll(std::string(name), {{"/", "."}}));
}

namespace {

const char* CodeName(grpc::StatusCode code) {
  static constexpr const char* kNames[] = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  return code >= 0 && code <= 16 ? kNames[code] : "UNKNOWN";
}

class Guard : public grpc::experimental::Interceptor {
 public:
  Guard(const char* method, Metrics* metrics, const Clock* clock)
      : method_(method), metrics_(metrics), clock_(clock), started_ms_(clock->steady_ms()) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* batch) override {
    if (batch->QueryInterceptionHookPoint(grpc::experimental::InterceptionHookPoints::PRE_SEND_STATUS)) AtEnd(*batch);
    batch->Proceed();
  }

 private:
  void AtEnd(grpc::experimental::InterceptorBatchMethods& batch) {
    grpc::Status status = batch.GetSendStatus();
    const bool passed = batch.GetSendTrailingMetadata()->erase(kPassed) > 0;
    if (!passed && status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
      // How gRPC answers to bytes that are no such message, as text that is no UTF-8.
      status = RuntimeError("REASON_INVALID_ARGUMENT");
      batch.ModifySendStatus(status);
    } else if (!passed && status.ok()) {
      Log(Severity::kError, "a handler answers without having passed the gate", {{"method", method_}});
      status = RuntimeError("REASON_INTERNAL");
      batch.ModifySendStatus(status);
    }
    metrics_->CallEnded(method_, CodeName(status.error_code()),
                        static_cast<double>(clock_->steady_ms() - started_ms_) / 1000.0);
  }

  const std::string method_;
  Metrics* const metrics_;
  const Clock* const clock_;
  const int64_t started_ms_;
};

class GuardFactory : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  GuardFactory(Metrics* metrics, const Clock* clock) : metrics_(metrics), clock_(clock) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo* info) override {
    // Null for the generic services (health), which bring no name.
    const char* method = info->method();
    if (!method) return nullptr;
    if (*method == '/') ++method;
    if (absl::StartsWith(method, "grpc.health.") || absl::StartsWith(method, "grpc.reflection.")) return nullptr;
    return new Guard(method, metrics_, clock_);
  }

 private:
  Metrics* const metrics_;
  const Clock* const clock_;
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeGuard(Metrics* metrics, const Clock* clock) {
  return std::make_unique<GuardFactory>(metrics, clock);
}

}  // namespace civicmesh
