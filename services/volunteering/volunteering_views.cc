#include "services/volunteering/volunteering_views.h"

#include "absl/strings/str_cat.h"
#include "services/volunteering/domain/common.h"
#include "services/volunteering/domain/names.h"

namespace civicmesh::volunteering {

void ToActivity(const v1::ActivityState& state, v1::Activity* to) {
  *to = state.activity();
  to->set_etag(absl::StrCat(state.version()));
}

bool ToRecord(const v1::ActivityState& state, std::string_view token, v1::ServiceRecord* to) {
  const v1::Participant* participant = FindParticipant(state, token);
  if (participant) ToRecord(state, *participant, to);
  return participant != nullptr;
}

void ToRecord(const v1::ActivityState& state, const v1::Participant& p, v1::ServiceRecord* to) {
  to->set_name(ServiceRecordName({StreamOf(state), p.volunteer_token()}));
  to->set_etag(absl::StrCat(p.version()));
  to->set_status(p.status());
  to->set_volunteer_token(p.volunteer_token());
  to->set_age_band(p.age_band());
  to->set_guardian_consent(p.guardian_consent());
  *to->mutable_signed_up_at() = p.signed_up_at();
  if (p.has_cancelled_at()) *to->mutable_cancelled_at() = p.cancelled_at();
  if (p.has_checked_in_at()) *to->mutable_checked_in_at() = p.checked_in_at();
  if (p.has_checked_out_at()) *to->mutable_checked_out_at() = p.checked_out_at();
  to->set_check_out_assumed(p.check_out_assumed());
  if (p.has_confirmed_at()) *to->mutable_confirmed_at() = p.confirmed_at();
  to->set_recorded_minutes(p.recorded_minutes());
  to->set_confirmed_minutes(p.confirmed_minutes());
  to->set_title_zh(state.activity().title_zh());
  *to->mutable_starts_at() = state.activity().starts_at();
  *to->mutable_ends_at() = state.activity().ends_at();
}

}  // namespace civicmesh::volunteering
