// Reports as the API shows them: to whoever reported as written, to staff masked; in a clerk's words.
//
// Pure but for opening what is sealed.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "services/runtime/decider/context.h"

namespace civicmesh::intake {

class Sealer;
namespace v1 {
class NoticeState;
class Report;
class ReportState;
}  // namespace v1

enum class Reader { kReporter, kStaff, kNobody };

// Who the caller, a person of that token, is for this report. `tracking_hash` is empty where no code was sent.
Reader ReaderOf(const v1::ReportState& report, const ActorView& actor, const std::string& caller_token,
                const std::string& tracking_hash);
bool IsStaff(const ActorView& actor);

// Fails where what is sealed cannot be opened (Sealer::Open). `reader` is not kNobody.
absl::Status ToReport(const v1::ReportState& state, Reader reader, const Sealer& sealer, v1::Report* report);

// A report of this id ("r-…") that is not decided yet (R13).
void ToReceived(const std::string& id, bool anonymous, const std::string& receipt, v1::Report* report);

// What the reporter is told.
std::string NoticeTextZh(const v1::NoticeState& notice);
std::string NoticeTextEn(const v1::NoticeState& notice);

}  // namespace civicmesh::intake
