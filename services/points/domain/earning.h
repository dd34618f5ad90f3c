// 积分获取: what a rule of the rule set gives or takes (DOMAIN section 5), once per (rule, owner, source).
#pragma once

#include <cstdint>

#include "civicmesh/points/v1/points_journal.pb.h"
#include "civicmesh/reference/v1/reference.pb.h"
#include "services/runtime/decider/context.h"
#include "services/runtime/decider/decision.h"

namespace civicmesh::points {

// The kind of reference data, as it is given to Context: a reference.v1.PointsRules.
constexpr char kRulesKind[] = "points_rules";

// The rules that follow from other domains' facts; a gateway cannot record them.
constexpr char kReportRegistered[] = "report_registered";
constexpr char kReportRegisteredHazard[] = "report_registered_hazard";
constexpr char kReportMerged[] = "report_merged";
constexpr char kVolunteering[] = "volunteering";
constexpr char kFalseReport[] = "false_report";

// A rule set cannot look further back for false reports.
constexpr int64_t kFalseReportsKeptMs = 366LL * 24 * 60 * 60 * 1000;

// `account` is null where it has no event yet; `counted` says whether this (rule, owner, source) was seen before. A
// gateway is refused what cannot be counted. A policy's fact is true whatever the rules say: what it cannot be given
// for is recorded as denied, so that nothing is lost silently.
Decision<v1::JournalEvent> DecideEarning(const v1::AccountState* account, bool counted, const v1::Earning& earning,
                                         bool by_policy, const Context& ctx);

}  // namespace civicmesh::points
