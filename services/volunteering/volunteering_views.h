// Activities and service records as the API shows them, made from an activity's state. Pure functions.
#pragma once

#include <string_view>

#include "civicmesh/volunteering/v1/volunteering_journal.pb.h"

namespace civicmesh::volunteering {

void ToActivity(const v1::ActivityState& state, v1::Activity* to);

// False, and nothing is written, where `token` has no record in it.
bool ToRecord(const v1::ActivityState& state, std::string_view token, v1::ServiceRecord* to);

void ToRecord(const v1::ActivityState& state, const v1::Participant& participant, v1::ServiceRecord* to);

}  // namespace civicmesh::volunteering
