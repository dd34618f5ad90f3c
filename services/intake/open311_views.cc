#include "services/intake/open311_views.h"

#include <cmath>

#include "absl/strings/match.h"
#include "civicmesh/intake/v1/intake_journal.pb.h"
#include "services/intake/domain/reference.h"
#include "services/intake/domain/rules.h"
#include "services/intake/intake_views.h"

namespace civicmesh::intake {
namespace {

// About 100 m: which street, not whose door.
double Rounded(double degrees) { return std::round(degrees * 1000) / 1000; }

}  // namespace

// A clerk has looked at it by then (立案). Before, anybody may have written anything; declined may have been a slander.
bool IsPublic(int status) {
  return status == v1::REPORT_STATUS_REGISTERED || status == v1::REPORT_STATUS_IN_DISPOSAL ||
         status == v1::REPORT_STATUS_CLOSED;
}

bool IsOpen(int status) {
  return status != v1::REPORT_STATUS_CLOSED && status != v1::REPORT_STATUS_DECLINED &&
         status != v1::REPORT_STATUS_WITHDRAWN;
}

std::optional<open311::Request> ShownTo(const Asker& asker, const v1::ReportState& report,
                                        const IntakeStandard& standard) {
  const v1::ReportContext& context = report.context();
  const bool own = !asker.app.empty() && report.submitted_by() == asker.app;
  const bool by_id = asker.knows_id && absl::StartsWith(report.submitted_by(), kAppPrefix);
  if (!own && !by_id && !IsPublic(context.status())) return std::nullopt;

  open311::Request shown;
  shown.id = IdOf("reports/", context.report());
  shown.open = IsOpen(context.status());
  shown.service_code = context.category().class_code();
  const auto* minor = standard.Find(shown.service_code);
  shown.service_name = minor ? minor->name_zh : shown.service_code;
  // Masked are numbers; names and stories are not, so not even the masked text is public.
  if (own) shown.description = report.text().masked();
  shown.requested_ms = MsOf(context.reported_at());
  shown.updated_ms = MsOf(context.occurred_at());
  if (context.has_location())
    shown.place = std::pair(Rounded(context.location().latitude()), Rounded(context.location().longitude()));
  for (const auto& notice : report.notices()) {
    if (notice.kind() == v1::NOTICE_KIND_POINTS) continue;  // the reporter's own
    shown.status_notes = NoticeTextOf(notice).zh;
    if (notice.has_disposal_due_at()) shown.expected_ms = MsOf(notice.disposal_due_at());
    if (notice.kind() == v1::NOTICE_KIND_CLOSED) shown.updated_ms = MsOf(notice.case_moved_at());
  }
  return shown;
}

}  // namespace civicmesh::intake
