// What may happen to a camera alert (DOMAIN sections 6 and 7): raised, reviewed by a person. Pure functions.
#pragma once

#include "services/intake/domain/rules.h"

namespace civicmesh::intake {

constexpr int kCameraClasses = 12;

// 告警. Only from a camera of the district whose use has a legal basis.
IntakeDecision RaiseAlert(const v1::RaiseAlertRequest& cmd, const Context& ctx);
// 人工复核, once. Confirmed, it becomes a report of source VIDEO in the same shard, of the class that the reviewer
// says.
IntakeDecision ReviewAlert(const v1::AlertState* alert, const v1::ReviewAlertRequest& cmd, const Context& ctx);

// Folds an event of an alert's stream.
void EvolveAlert(v1::AlertState& alert, uint64_t version, const v1::JournalEvent& event);

}  // namespace civicmesh::intake
