#include "services/volunteering/domain/common.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/time_util.h"
#include "services/volunteering/domain/names.h"

namespace civicmesh::volunteering {

using google::protobuf::util::TimeUtil;

int64_t ToMs(const google::protobuf::Timestamp& time) { return TimeUtil::TimestampToMilliseconds(time); }
google::protobuf::Timestamp ToTimestamp(int64_t ms) { return TimeUtil::MillisecondsToTimestamp(ms); }

std::string StreamOf(const v1::ActivityState& state) { return ActivityStream(state.activity().name()); }

const v1::Participant* FindParticipant(const v1::ActivityState& state, std::string_view token) {
  for (const auto& p : state.participants())
    if (p.volunteer_token() == token) return &p;
  return nullptr;
}

bool IsOrganiser(const v1::ActivityState& state, const Context& ctx) {
  return state.activity().organiser() == ctx.actor.subject && ctx.actor.Has("ORGANISER");
}

v1::ActivityContext ContextOf(const v1::ActivityState& state, const Context& ctx, std::string_view actor, int added) {
  const v1::Activity& activity = state.activity();
  v1::ActivityContext context;
  context.set_activity(activity.name());
  *context.mutable_occurred_at() = ToTimestamp(ctx.now_ms);
  context.set_actor(std::string(actor));
  context.set_organiser(activity.organiser());
  *context.mutable_starts_at() = activity.starts_at();
  *context.mutable_ends_at() = activity.ends_at();
  context.set_capacity(activity.capacity());
  context.set_signed_up(activity.signed_up() + added);
  return context;
}

bool EtagHolds(const std::string& etag, uint64_t version) { return etag.empty() || etag == absl::StrCat(version); }

int MinutesWithin(const v1::Activity& activity, int64_t from_ms, int64_t to_ms) {
  const int64_t from = std::max(from_ms, ToMs(activity.starts_at()));
  const int64_t to = std::min(to_ms, ToMs(activity.ends_at()));
  return static_cast<int>(std::max<int64_t>(0, to - from) / kMinuteMs);
}

}  // namespace civicmesh::volunteering
