#include "services/intake/intake_views.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "civicmesh/intake/v1/intake_journal.pb.h"
#include "services/intake/domain/reports.h"
#include "services/intake/vault/vault.h"

namespace civicmesh::intake {
namespace {

struct Words {
  const char* zh;
  const char* en;
};

Words StatusWords(v1::ReportStatus status) {
  switch (status) {
    case v1::REPORT_STATUS_WAITING_FOR_LOCATION:
      return {"待定位：工作人员正在确认地点", "Waiting: staff are finding the place"};
    case v1::REPORT_STATUS_FORWARDED:
      return {"已转办", "Passed on"};
    case v1::REPORT_STATUS_IN_CASE:
      return {"已受理", "A case was opened"};
    case v1::REPORT_STATUS_REGISTERED:
      return {"已立案", "Registered"};
    case v1::REPORT_STATUS_IN_DISPOSAL:
      return {"处置中", "Being handled"};
    case v1::REPORT_STATUS_CLOSED:
      return {"已办结", "Closed"};
    case v1::REPORT_STATUS_DECLINED:
      return {"不予立案", "Declined"};
    case v1::REPORT_STATUS_WITHDRAWN:
      return {"已撤回", "Withdrawn"};
    case v1::REPORT_STATUS_RECEIVED:
      return {"已收到，正在登记；请凭回执查询结果", "Received; ask with the receipt what becomes of it"};
    default:
      return {"", ""};
  }
}

absl::Status ShowText(const v1::PersonalText& text, Reader reader, const Vault& vault, std::string* shown,
                      v1::Report* report) {
  *shown = text.masked();
  if (reader == Reader::kStaff) return absl::OkStatus();
  auto opened = AsWritten(text, vault);
  if (absl::IsNotFound(opened.status())) {
    report->set_erased(true);
    return absl::OkStatus();
  }
  if (!opened.ok()) return opened.status();
  *shown = *std::move(opened);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> AsWritten(const v1::PersonalText& text, const Vault& vault) {
  // What the machine wrote itself has no sealed form.
  if (!text.has_sealed()) return text.masked();
  return vault.Open(text.sealed());
}

bool IsStaff(const ActorView& actor) {
  // Of nobody's own, in no known grid: within reach of whoever reaches further than to the own.
  return actor.Reaches({});
}

Reader ReaderOf(const v1::ReportState& report, const ActorView& actor, const std::string& caller_token,
                const std::string& tracking_hash) {
  if (IsPerson(report, caller_token, tracking_hash)) return Reader::kReporter;
  const bool shown = IsReporter(report, actor, caller_token, tracking_hash) || IsStaff(actor);
  return shown ? Reader::kStaff : Reader::kNobody;
}

NoticeText NoticeTextOf(const v1::NoticeState& notice) {
  if (!notice.text_zh().empty()) return {.zh = notice.text_zh(), .en = notice.text_en()};
  return NoticeWords::BuiltIn().Say(notice);
}

absl::Status ToReport(const v1::ReportState& state, Reader reader, const Vault& vault, v1::Report* report) {
  const v1::ReportContext& context = state.context();
  report->set_name(context.report());
  report->set_etag(EtagOf(state.version()));
  report->set_status(context.status());
  report->set_status_zh(StatusWords(context.status()).zh);
  report->set_status_en(StatusWords(context.status()).en);
  report->set_source(context.source());
  report->set_source_id(context.source_id());
  report->set_erased(state.erased());
  if (auto s = ShowText(state.text(), reader, vault, report->mutable_text(), report); !s.ok()) return s;
  if (auto s = ShowText(state.place_text(), reader, vault, report->mutable_place_text(), report); !s.ok()) return s;
  if (context.has_location()) *report->mutable_location() = context.location();
  *report->mutable_category() = context.category();
  *report->mutable_photos() = state.photos();
  if (reader == Reader::kReporter) *report->mutable_voices() = state.voices();
  for (const auto& one : state.supplements()) {
    auto* supplement = report->add_supplements();
    *supplement->mutable_added_at() = one.added_at();
    if (auto s = ShowText(one.text(), reader, vault, supplement->mutable_text(), report); !s.ok()) return s;
    *supplement->mutable_photos() = one.photos();
  }
  *report->mutable_reported_at() = context.reported_at();
  *report->mutable_submitted_at() = state.submitted_at();
  report->set_case_(context.case_());
  for (const auto& one : state.notices()) {
    auto* notice = report->add_notices();
    notice->set_kind(one.kind());
    *notice->mutable_told_at() = one.told_at();
    *notice->mutable_case_moved_at() = one.case_moved_at();
    if (one.has_disposal_due_at()) *notice->mutable_disposal_due_at() = one.disposal_due_at();
    NoticeText text = NoticeTextOf(one);
    notice->set_text_zh(std::move(text.zh));
    notice->set_text_en(std::move(text.en));
    notice->set_disposal_limit(one.disposal_limit());
    if (one.has_push_not_before()) *notice->mutable_push_not_before() = one.push_not_before();
    notice->set_points(one.points());
  }
  report->set_anonymous(!state.tracking_hash().empty());
  report->set_alert(state.alert());
  return absl::OkStatus();
}

void ToReceived(const std::string& id, bool anonymous, const std::string& receipt, v1::Report* report) {
  report->set_name(absl::StrCat("reports/", id));
  report->set_status(v1::REPORT_STATUS_RECEIVED);
  report->set_status_zh(StatusWords(v1::REPORT_STATUS_RECEIVED).zh);
  report->set_status_en(StatusWords(v1::REPORT_STATUS_RECEIVED).en);
  report->set_anonymous(anonymous);
  report->set_receipt(receipt);
}

}  // namespace civicmesh::intake
