// Reports as the API shows them: to the person who reported as written, to whoever handed it in and to staff masked; in
// a clerk's words.
//
// Pure but for opening what is sealed.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/intake/domain/notice_words.h"
#include "services/runtime/decider/context.h"

namespace civicmesh::intake {

class Vault;
namespace v1 {
class NoticeState;
class PersonalText;
class Report;
class ReportState;
}  // namespace v1

// kReporter: the person, or who has the tracking code. kStaff: also who handed it in.
enum class Reader { kReporter, kStaff, kNobody };

// Who the caller, a person of that token, is for this report. `tracking_hash` is empty where no code was sent.
Reader ReaderOf(const v1::ReportState& report, const ActorView& actor, const std::string& caller_token,
                const std::string& tracking_hash);
bool IsStaff(const ActorView& actor);

// Fails where what is sealed cannot be opened (Vault::Open), but for what was erased, which is shown masked. `reader`
// is not kNobody.
absl::Status ToReport(const v1::ReportState& state, Reader reader, const Vault& vault, v1::Report* report);

// As written. NOT_FOUND: erased; else as Vault::Open.
absl::StatusOr<std::string> AsWritten(const v1::PersonalText& text, const Vault& vault);

// A report of this id ("r-…") that is not decided yet (R13).
void ToReceived(const std::string& id, bool anonymous, const std::string& receipt, v1::Report* report);

// What the reporter was told; by the words of this release where it was told before texts were kept.
NoticeText NoticeTextOf(const v1::NoticeState& notice);

}  // namespace civicmesh::intake
