// What Open311 shows of a report, and of whose (docs/adr/0008). Pure functions.
#pragma once

#include <optional>
#include <string>

#include "services/intake/open311/answers.h"

namespace civicmesh::intake {

struct IntakeStandard;
namespace v1 {
class ReportState;
}

// Reports that came through Open311 name their app so, as no token's subject does.
constexpr char kAppPrefix[] = "open311:";

// Whoever asks, from which side.
struct Asker {
  std::string app;        // with its prefix, where it may read back what it handed in
  bool knows_id = false;  // asks by the id, which nobody guesses, and not for a list
};

// Nullopt: for this asker there is no such request.
std::optional<open311::Request> ShownTo(const Asker& asker, const v1::ReportState& report,
                                        const IntakeStandard& standard);

// Whether a status, as REPORT_STATUS_CLOSED, is for everybody to see, and whether it is "open" or "closed".
bool IsPublic(int status);
bool IsOpen(int status);

}  // namespace civicmesh::intake
