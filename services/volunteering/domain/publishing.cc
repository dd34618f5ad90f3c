// An activity is announced with everything a volunteer has to know, or called off.
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "services/volunteering/domain/common.h"
#include "services/volunteering/domain/names.h"
#include "services/volunteering/domain/rules.h"
#include "services/volunteering/domain/text.h"

namespace civicmesh::volunteering {
namespace {

constexpr int kMaxTitle = 100, kMaxPlace = 100, kMaxRisks = 500;

bool IsTime(const google::protobuf::Timestamp& time) {
  constexpr int64_t kYear2100 = 4'102'444'800;
  return time.seconds() > 0 && time.seconds() < kYear2100 && time.nanos() >= 0 && time.nanos() < 1'000'000'000;
}

bool IsPlace(const type::v1::GeoPoint& at) {
  return std::abs(at.latitude()) <= 90 && std::abs(at.longitude()) <= 180 &&
         (at.latitude() != 0 || at.longitude() != 0);
}

// The bounds of the age bands, so that a band tells whether the minimum is reached.
bool IsMinimumAge(int age) { return age == 0 || age == 12 || age == 14 || age == 16 || age == kAdult; }

// The field that is wrong; "" where none is.
std::string WrongField(const v1::PublishActivityRequest& r, int64_t now_ms) {
  if (!HasLength(r.title_zh(), 1, kMaxTitle)) return "title_zh";
  if (!HasLength(r.place_zh(), 1, kMaxPlace)) return "place_zh";
  if (!HasLength(r.risks_zh(), 1, kMaxRisks)) return "risks_zh";
  if (!r.has_location() || !IsPlace(r.location())) return "location";
  if (!IsTime(r.starts_at())) return "starts_at";
  if (!IsTime(r.ends_at())) return "ends_at";
  const int64_t starts = ToMs(r.starts_at()), ends = ToMs(r.ends_at());
  if (starts <= now_ms || starts > now_ms + kMaxAheadMs) return "starts_at";
  if (ends < starts + kMinuteMs || ends > starts + kMaxDurationMs) return "ends_at";
  if (r.capacity() < 1 || r.capacity() > kMaxCapacity) return "capacity";
  if (!IsMinimumAge(r.minimum_age())) return "minimum_age";
  return "";
}

}  // namespace

std::optional<Refusal> CheckTexts(const v1::PublishActivityRequest& request) {
  if (MayNamePerson(request.title_zh())) return Refuse(v1::REASON_PERSONAL_DATA_IN_TEXT, "title_zh");
  if (MayNamePerson(request.place_zh())) return Refuse(v1::REASON_PERSONAL_DATA_IN_TEXT, "place_zh");
  if (MayNamePerson(request.risks_zh())) return Refuse(v1::REASON_PERSONAL_DATA_IN_TEXT, "risks_zh");
  return std::nullopt;
}

Decision PublishActivity(const v1::PublishActivityRequest& request, const Caller& caller) {
  const Context& ctx = caller.ctx;
  if (HasLength(request.risks_zh(), 0, 0)) return Refuse(v1::REASON_RISKS_MISSING, "risks_zh");
  if (std::string field = WrongField(request, ctx.now_ms); !field.empty())
    return Refuse(v1::REASON_INVALID_ARGUMENT, field);
  if (auto refusal = CheckTexts(request)) return *std::move(refusal);
  if (request.personal_danger() && !request.insured()) return Refuse(v1::REASON_INSURANCE_MISSING, "insured");

  const std::string id = ctx.NewId("v");
  v1::JournalEvent event;
  auto& published = *event.mutable_activity_published();
  auto& context = *published.mutable_context();
  context.set_activity(ActivityName(id));
  *context.mutable_occurred_at() = ToTimestamp(ctx.now_ms);
  context.set_actor(ctx.actor.subject);
  context.set_organiser(ctx.actor.subject);
  *context.mutable_starts_at() = request.starts_at();
  *context.mutable_ends_at() = request.ends_at();
  context.set_capacity(request.capacity());
  published.set_title_zh(request.title_zh());
  published.set_place_zh(request.place_zh());
  *published.mutable_location() = request.location();
  published.set_minimum_age(request.minimum_age());
  published.set_risks_zh(request.risks_zh());
  published.set_personal_danger(request.personal_danger());
  published.set_insured(request.insured());
  Decided<v1::JournalEvent> decided{.resource = id};
  decided.Add(id, std::move(event));
  decided.Arm(id, kEndTimer, ToMs(request.ends_at()));
  return decided;
}

Decision CancelActivity(const v1::ActivityState& state, const v1::CancelActivityRequest& request,
                        const Caller& caller) {
  if (!IsOrganiser(state, caller.ctx)) return Refuse(v1::REASON_NOT_YOUR_ACTIVITY, "name");
  if (!EtagHolds(request.etag(), state.version())) return Refuse(v1::REASON_ETAG_MISMATCH, "etag");
  if (state.activity().status() == v1::ACTIVITY_STATUS_CANCELLED) return Refuse(v1::REASON_WRONG_STATUS, "name");
  if (caller.ctx.now_ms >= ToMs(state.activity().starts_at())) return Refuse(v1::REASON_TOO_LATE, "name");
  const std::string id = StreamOf(state);
  v1::JournalEvent event;
  *event.mutable_activity_cancelled()->mutable_context() =
      ContextOf(state, caller.ctx, caller.ctx.actor.subject, -state.activity().signed_up());
  Decided<v1::JournalEvent> decided{.resource = id};
  decided.Add(id, std::move(event));
  decided.Disarm(id, kEndTimer);
  return decided;
}

}  // namespace civicmesh::volunteering
