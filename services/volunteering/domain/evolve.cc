#include "services/volunteering/domain/evolve.h"

#include <algorithm>
#include <string>

namespace civicmesh::volunteering {
namespace {

using v1::ActivityState;
using v1::JournalEvent;
using v1::Participant;

absl::Status Apply(ActivityState& state, const v1::ActivityPublished& published) {
  v1::Activity& activity = *state.mutable_activity();
  activity.set_name(published.context().activity());
  activity.set_status(v1::ACTIVITY_STATUS_PUBLISHED);
  activity.set_title_zh(published.title_zh());
  activity.set_organiser(published.context().organiser());
  activity.set_place_zh(published.place_zh());
  *activity.mutable_location() = published.location();
  *activity.mutable_published_at() = published.context().occurred_at();
  *activity.mutable_starts_at() = published.context().starts_at();
  *activity.mutable_ends_at() = published.context().ends_at();
  activity.set_capacity(published.context().capacity());
  activity.set_minimum_age(published.minimum_age());
  activity.set_risks_zh(published.risks_zh());
  activity.set_personal_danger(published.personal_danger());
  activity.set_insured(published.insured());
  return absl::OkStatus();
}

void Cancel(Participant& p, const google::protobuf::Timestamp& at, uint64_t version) {
  p.set_status(v1::SERVICE_STATUS_CANCELLED);
  *p.mutable_cancelled_at() = at;
  p.set_version(version);
}

absl::Status Apply(ActivityState& state, const v1::ActivityCancelled& cancelled) {
  state.mutable_activity()->set_status(v1::ACTIVITY_STATUS_CANCELLED);
  state.mutable_activity()->set_signed_up(cancelled.context().signed_up());
  for (auto& p : *state.mutable_participants())
    if (p.status() != v1::SERVICE_STATUS_CANCELLED) Cancel(p, cancelled.context().occurred_at(), state.version());
  return absl::OkStatus();
}

void Remove(ActivityState& state, const std::string& token) {
  auto& all = *state.mutable_participants();
  all.erase(std::remove_if(all.begin(), all.end(), [&](const auto& p) { return p.volunteer_token() == token; }),
            all.end());
}

absl::Status SignUp(ActivityState& state, const JournalEvent& event) {
  const auto& signed_up = event.volunteer_signed_up();
  Remove(state, signed_up.volunteer_token());  // who cancelled earlier
  Participant& p = *state.add_participants();
  p.set_volunteer_token(signed_up.volunteer_token());
  p.set_status(v1::SERVICE_STATUS_SIGNED_UP);
  p.set_version(state.version());
  p.set_age_band(event.age_band());
  p.set_guardian_consent(event.guardian_consent());
  *p.mutable_signed_up_at() = signed_up.context().occurred_at();
  state.mutable_activity()->set_signed_up(signed_up.context().signed_up());
  return absl::OkStatus();
}

// Of more than kCancelledKept the first to cancel is forgotten.
void ForgetCancelled(ActivityState& state) {
  int cancelled = 0;
  const Participant* first = nullptr;
  for (const auto& p : state.participants()) {
    if (p.status() != v1::SERVICE_STATUS_CANCELLED) continue;
    ++cancelled;
    if (!first || p.version() < first->version()) first = &p;
  }
  if (cancelled > kCancelledKept) Remove(state, std::string(first->volunteer_token()));
}

void Apply(ActivityState& state, const v1::SignUpCancelled& cancelled, Participant& p) {
  Cancel(p, cancelled.context().occurred_at(), state.version());
  state.mutable_activity()->set_signed_up(cancelled.context().signed_up());
  ForgetCancelled(state);
}

void Apply(const v1::VolunteerCheckedIn& in, Participant& p) {
  p.set_status(v1::SERVICE_STATUS_CHECKED_IN);
  *p.mutable_checked_in_at() = in.context().occurred_at();
}

void Apply(const v1::VolunteerCheckedOut& out, bool assumed, Participant& p) {
  p.set_status(v1::SERVICE_STATUS_CHECKED_OUT);
  p.set_recorded_minutes(out.minutes());
  p.set_check_out_assumed(assumed);
  *p.mutable_checked_out_at() = assumed ? out.context().ends_at() : out.context().occurred_at();
}

void Apply(const v1::ServiceConfirmed& confirmed, Participant& p) {
  p.set_status(v1::SERVICE_STATUS_CONFIRMED);
  p.set_confirmed_minutes(confirmed.minutes());
  *p.mutable_confirmed_at() = confirmed.context().occurred_at();
}

// The journal holds no step of someone who never signed up.
template <typename Fact, typename Do>
absl::Status OfParticipant(ActivityState& state, const Fact& fact, Do apply) {
  for (auto& p : *state.mutable_participants()) {
    if (p.volunteer_token() != fact.volunteer_token()) continue;
    p.set_version(state.version());
    apply(p);
    return absl::OkStatus();
  }
  return absl::DataLossError("a step of a volunteer who has not signed up");
}

}  // namespace

absl::Status Evolve(ActivityState& state, const EventMeta& meta, const JournalEvent& event) {
  state.set_version(meta.version);
  switch (event.fact_case()) {
    case JournalEvent::kActivityPublished:
      return Apply(state, event.activity_published());
    case JournalEvent::kActivityCancelled:
      return Apply(state, event.activity_cancelled());
    case JournalEvent::kVolunteerSignedUp:
      return SignUp(state, event);
    case JournalEvent::kSignUpCancelled:
      return OfParticipant(state, event.sign_up_cancelled(),
                           [&](Participant& p) { Apply(state, event.sign_up_cancelled(), p); });
    case JournalEvent::kVolunteerCheckedIn:
      return OfParticipant(state, event.volunteer_checked_in(),
                           [&](Participant& p) { Apply(event.volunteer_checked_in(), p); });
    case JournalEvent::kVolunteerCheckedOut:
      return OfParticipant(state, event.volunteer_checked_out(),
                           [&](Participant& p) { Apply(event.volunteer_checked_out(), event.check_out_assumed(), p); });
    case JournalEvent::kServiceConfirmed:
      return OfParticipant(state, event.service_confirmed(),
                           [&](Participant& p) { Apply(event.service_confirmed(), p); });
    case JournalEvent::kVolunteerAbsent:
      return OfParticipant(state, event.volunteer_absent(),
                           [](Participant& p) { p.set_status(v1::SERVICE_STATUS_ABSENT); });
    case JournalEvent::kActivityEnded:
      state.mutable_activity()->set_status(v1::ACTIVITY_STATUS_ENDED);
      return absl::OkStatus();
    case JournalEvent::FACT_NOT_SET:
      break;
  }
  return absl::DataLossError("a journal event that this release does not know");
}

}  // namespace civicmesh::volunteering
