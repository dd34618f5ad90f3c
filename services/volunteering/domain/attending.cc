// What was truly done: who came, when, how long, and the organiser's word for it (考勤; 条例§19).
#include <string>
#include <utility>
#include <variant>

#include "services/volunteering/domain/common.h"
#include "services/volunteering/domain/names.h"
#include "services/volunteering/domain/rules.h"

namespace civicmesh::volunteering {
namespace {

// Whose record it is, and in whose name the step is made; or why it may not be made.
struct Attendance {
  const v1::Participant* of = nullptr;
  std::string actor;
};

template <typename Request>
std::variant<Attendance, Refusal> Attend(const v1::ActivityState& state, const Request& request, const Caller& caller) {
  const auto name = ParseRecordName(request.name());
  const bool own = name && name->volunteer_token == caller.token;
  if (!name || (!own && !IsOrganiser(state, caller.ctx))) return Refuse(v1::REASON_RECORD_NOT_FOUND, "name");
  const v1::Participant* of = FindParticipant(state, name->volunteer_token);
  if (!of) return Refuse(v1::REASON_RECORD_NOT_FOUND, "name");
  if (!EtagHolds(request.etag(), of->version())) return Refuse(v1::REASON_ETAG_MISMATCH, "etag");
  return Attendance{of, own ? std::string(caller.token) : caller.ctx.actor.subject};
}

v1::JournalEvent CheckedOut(const v1::ActivityState& state, const v1::Participant& of, int64_t at_ms,
                            const Context& ctx, const std::string& actor) {
  v1::JournalEvent event;
  auto& out = *event.mutable_volunteer_checked_out();
  *out.mutable_context() = ContextOf(state, ctx, actor);
  out.set_volunteer_token(of.volunteer_token());
  out.set_minutes(MinutesWithin(state.activity(), ToMs(of.checked_in_at()), at_ms));
  return event;
}

Decided<v1::JournalEvent> One(const v1::ActivityState& state, v1::JournalEvent event) {
  Decided<v1::JournalEvent> decided{.resource = StreamOf(state)};
  decided.Add(decided.resource, std::move(event));
  return decided;
}

}  // namespace

Decision CheckIn(const v1::ActivityState& state, const v1::CheckInRequest& request, const Caller& caller) {
  auto attend = Attend(state, request, caller);
  if (auto* refusal = std::get_if<Refusal>(&attend)) return std::move(*refusal);
  const auto& [of, actor] = std::get<Attendance>(attend);
  const int64_t now = caller.ctx.now_ms;
  if (of->status() == v1::SERVICE_STATUS_CANCELLED) return Refuse(v1::REASON_WRONG_STATUS, "name");
  if (now < ToMs(state.activity().starts_at()) - kCheckInAheadMs) return Refuse(v1::REASON_TOO_EARLY, "name");
  if (now >= ToMs(state.activity().ends_at())) return Refuse(v1::REASON_TOO_LATE, "name");
  if (of->status() != v1::SERVICE_STATUS_SIGNED_UP) return Refuse(v1::REASON_WRONG_STATUS, "name");

  v1::JournalEvent event;
  auto& in = *event.mutable_volunteer_checked_in();
  *in.mutable_context() = ContextOf(state, caller.ctx, actor);
  in.set_volunteer_token(of->volunteer_token());
  return One(state, std::move(event));
}

Decision CheckOut(const v1::ActivityState& state, const v1::CheckOutRequest& request, const Caller& caller) {
  auto attend = Attend(state, request, caller);
  if (auto* refusal = std::get_if<Refusal>(&attend)) return std::move(*refusal);
  const auto& [of, actor] = std::get<Attendance>(attend);
  if (of->status() != v1::SERVICE_STATUS_CHECKED_IN) return Refuse(v1::REASON_WRONG_STATUS, "name");
  return One(state, CheckedOut(state, *of, caller.ctx.now_ms, caller.ctx, actor));
}

Decision ConfirmService(const v1::ActivityState& state, const v1::ConfirmServiceRequest& request,
                        const Caller& caller) {
  if (!IsOrganiser(state, caller.ctx)) return Refuse(v1::REASON_RECORD_NOT_FOUND, "name");
  auto attend = Attend(state, request, caller);
  if (auto* refusal = std::get_if<Refusal>(&attend)) return std::move(*refusal);
  const auto& [of, actor] = std::get<Attendance>(attend);
  if (of->status() == v1::SERVICE_STATUS_CONFIRMED) return Refuse(v1::REASON_ALREADY_CONFIRMED, "name");
  if (of->status() != v1::SERVICE_STATUS_CHECKED_OUT) return Refuse(v1::REASON_WRONG_STATUS, "name");
  if (request.minutes() < 1 || request.minutes() > of->recorded_minutes())
    return Refuse(v1::REASON_MORE_THAN_RECORDED, "minutes");

  v1::JournalEvent event;
  auto& confirmed = *event.mutable_service_confirmed();
  *confirmed.mutable_context() = ContextOf(state, caller.ctx, actor);
  confirmed.set_volunteer_token(of->volunteer_token());
  confirmed.set_minutes(request.minutes());
  *confirmed.mutable_checked_in_at() = of->checked_in_at();
  *confirmed.mutable_checked_out_at() = of->checked_out_at();
  return One(state, std::move(event));
}

Decision EndActivity(const v1::ActivityState& state, const Context& ctx) {
  const std::string id = StreamOf(state);
  Decided<v1::JournalEvent> decided{.resource = id};
  bool someone_inside = false;
  for (const auto& p : state.participants()) {
    someone_inside |= p.status() == v1::SERVICE_STATUS_CHECKED_IN;
    if (p.status() != v1::SERVICE_STATUS_SIGNED_UP) continue;
    v1::JournalEvent event;
    *event.mutable_volunteer_absent()->mutable_context() = ContextOf(state, ctx, ctx.actor.subject);
    event.mutable_volunteer_absent()->set_volunteer_token(p.volunteer_token());
    decided.Add(id, std::move(event));
  }
  v1::JournalEvent ended;
  ended.mutable_activity_ended();
  decided.Add(id, std::move(ended));
  if (someone_inside) decided.Arm(id, kCheckOutTimer, ToMs(state.activity().ends_at()) + kCheckOutAfterMs);
  return decided;
}

Decision CloseCheckOut(const v1::ActivityState& state, const Context& ctx) {
  const std::string id = StreamOf(state);
  Decided<v1::JournalEvent> decided{.resource = id};
  for (const auto& p : state.participants()) {
    if (p.status() != v1::SERVICE_STATUS_CHECKED_IN) continue;
    v1::JournalEvent event = CheckedOut(state, p, ToMs(state.activity().ends_at()), ctx, ctx.actor.subject);
    event.set_check_out_assumed(true);
    decided.Add(id, std::move(event));
  }
  return decided;
}

}  // namespace civicmesh::volunteering
