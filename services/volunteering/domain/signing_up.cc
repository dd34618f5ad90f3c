// A citizen joins an activity, or stays away after all.
#include <string>

#include "services/volunteering/domain/common.h"
#include "services/volunteering/domain/names.h"
#include "services/volunteering/domain/rules.h"

namespace civicmesh::volunteering {
namespace {

// The lowest age of a band; -1 for no band.
int LowestAge(v1::AgeBand band) {
  switch (band) {
    case v1::AGE_BAND_UNDER_12:
      return 0;
    case v1::AGE_BAND_FROM_12:
      return 12;
    case v1::AGE_BAND_FROM_14:
      return 14;
    case v1::AGE_BAND_FROM_16:
      return 16;
    case v1::AGE_BAND_ADULT:
      return kAdult;
    default:
      return -1;
  }
}

bool TakesPart(const v1::Participant* p) { return p && p->status() != v1::SERVICE_STATUS_CANCELLED; }

}  // namespace

// 招募: duties fit the volunteer's age (条例§13–16); below 18 a guardian has to agree. Who confirms the service may not
// be among the served minutes. The capacity is exact because one shard decides one activity's sign-ups, one by one.
Decision SignUp(const v1::ActivityState& state, const v1::SignUpRequest& request, const Caller& caller) {
  const v1::Activity& activity = state.activity();
  const int lowest_age = LowestAge(request.age_band());
  if (lowest_age < 0) return Refuse(v1::REASON_INVALID_ARGUMENT, "age_band");
  if (activity.status() == v1::ACTIVITY_STATUS_CANCELLED) return Refuse(v1::REASON_WRONG_STATUS, "name");
  if (caller.ctx.now_ms >= ToMs(activity.starts_at())) return Refuse(v1::REASON_TOO_LATE, "name");
  // The latter in commands of a release that wrote the subjects of citizens down.
  if (caller.organises || activity.organiser() == caller.ctx.actor.subject)
    return Refuse(v1::REASON_OWN_ACTIVITY, "name");
  if (TakesPart(FindParticipant(state, caller.token))) return Refuse(v1::REASON_ALREADY_SIGNED_UP, "name");
  if (lowest_age < activity.minimum_age()) return Refuse(v1::REASON_TOO_YOUNG, "age_band");
  if (lowest_age < kAdult && !request.guardian_consent())
    return Refuse(v1::REASON_GUARDIAN_CONSENT_MISSING, "guardian_consent");
  if (activity.signed_up() >= activity.capacity()) return Refuse(v1::REASON_FULL, "name");

  v1::JournalEvent event;
  auto& signed_up = *event.mutable_volunteer_signed_up();
  *signed_up.mutable_context() = ContextOf(state, caller.ctx, caller.token, 1);
  signed_up.set_volunteer_token(std::string(caller.token));
  event.set_age_band(request.age_band());
  event.set_guardian_consent(lowest_age < kAdult);
  Decided<v1::JournalEvent> decided{.resource = StreamOf(state)};
  decided.Add(decided.resource, std::move(event));
  return decided;
}

Decision CancelSignUp(const v1::ActivityState& state, const v1::CancelSignUpRequest& request, const Caller& caller) {
  const auto name = ParseRecordName(request.name());
  if (!name || name->volunteer_token != caller.token) return Refuse(v1::REASON_RECORD_NOT_FOUND, "name");
  const v1::Participant* own = FindParticipant(state, caller.token);
  if (!own) return Refuse(v1::REASON_RECORD_NOT_FOUND, "name");
  if (!EtagHolds(request.etag(), own->version())) return Refuse(v1::REASON_ETAG_MISMATCH, "etag");
  if (caller.ctx.now_ms >= ToMs(state.activity().starts_at())) return Refuse(v1::REASON_TOO_LATE, "name");
  if (own->status() != v1::SERVICE_STATUS_SIGNED_UP) return Refuse(v1::REASON_WRONG_STATUS, "name");

  v1::JournalEvent event;
  auto& cancelled = *event.mutable_sign_up_cancelled();
  *cancelled.mutable_context() = ContextOf(state, caller.ctx, caller.token, -1);
  cancelled.set_volunteer_token(std::string(caller.token));
  Decided<v1::JournalEvent> decided{.resource = StreamOf(state)};
  decided.Add(decided.resource, std::move(event));
  return decided;
}

}  // namespace civicmesh::volunteering
