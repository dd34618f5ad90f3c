// One report's whole life as a clerk reads it: who did what, when and why, which deadlines ran and how they were
// counted. Made of public facts alone, so anyone can tell it from the log.
//
// Pure functions.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "civicmesh/dispatch/v1/dispatch_service.pb.h"
#include "civicmesh/intake/v1/intake_service.pb.h"
#include "civicmesh/reference/v1/reference.pb.h"
#include "services/runtime/shard/policy_runner.h"
#include "services/runtime/workcalendar/work_calendar.h"

namespace civicmesh::civicctl {

enum class Language { kChinese, kEnglish };

struct Life {
  intake::v1::Report report;
  dispatch::v1::Case answering;  // without a name where there is none yet
  // Of the report, the alert it came from, the case and what its reporters earned by it, in the order of time.
  std::vector<PublicFact> facts;
};

struct LifeBackground {
  const reference::v1::District& district;
  const reference::v1::Roster& roster;
  const WorkCalendar& calendar;
};

std::vector<std::string> TellLife(const Life& life, const LifeBackground& background, Language language);

// How `limit` was counted from `start`, day by day, in English; workcalendar's explain.h says it in Chinese.
std::vector<std::string> CountInEnglish(const WorkCalendar& calendar, absl::Time start, const TimeLimit& limit,
                                        std::span<const WorkCalendar::Pause> pauses);

}  // namespace civicmesh::civicctl
