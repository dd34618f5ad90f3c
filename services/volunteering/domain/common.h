// What several rules share. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "civicmesh/volunteering/v1/volunteering_journal.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "services/volunteering/domain/rules.h"

namespace civicmesh::volunteering {

int64_t ToMs(const google::protobuf::Timestamp& time);
google::protobuf::Timestamp ToTimestamp(int64_t ms);

// The stream of an activity.
std::string StreamOf(const v1::ActivityState& state);

// Null where `token` has not signed up.
const v1::Participant* FindParticipant(const v1::ActivityState& state, std::string_view token);

// Published it, and still is an organiser.
bool IsOrganiser(const v1::ActivityState& state, const Context& ctx);

// What an event of this activity says of it, `added` sign-ups later.
v1::ActivityContext ContextOf(const v1::ActivityState& state, const Context& ctx, std::string_view actor,
                              int added = 0);

// True where `etag` is empty or that of `version`.
bool EtagHolds(const std::string& etag, uint64_t version);

// The activity's hours that lie between the two times, in full minutes: travel and waiting do not count.
int MinutesWithin(const v1::Activity& activity, int64_t from_ms, int64_t to_ms);

}  // namespace civicmesh::volunteering
