#include "services/intake/intake_views.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
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

// Why a case was not registered, and what the reporter can do.
Words DeclineWords(const std::string& ground) {
  using namespace dispatch::v1;
  DeclineGround parsed = DECLINE_GROUND_UNSPECIFIED;
  DeclineGround_Parse(ground, &parsed);
  switch (parsed) {
    case DECLINE_GROUND_NOT_EXISTING:
      return {"经现场核实，未发现所反映的问题；如仍存在，请补充照片后重新上报",
              "Nothing was found on the spot; if it is still there, report again with a photo"};
    case DECLINE_GROUND_OUTSIDE_DISTRICT:
      return {"所反映的地点不在本辖区；请向所在地的区县或 12345 热线反映",
              "The place lies outside the district; turn to the district concerned or the hotline 12345"};
    case DECLINE_GROUND_OUTSIDE_SCOPE:
      return {"所反映的事项不属城市管理范围；请向主管部门或 12345 热线反映",
              "It is no matter of city management; turn to the department concerned or the hotline 12345"};
    case DECLINE_GROUND_BELOW_CONDITION:
      return {"情况尚未达到立案条件；如加重请重新上报",
              "It does not reach the condition for a case yet; report again if it gets worse"};
    case DECLINE_GROUND_INSUFFICIENT_EVIDENCE:
      return {"证据或位置不足；请补充照片和准确位置后重新上报",
              "Evidence or place is not sufficient; report again with a photo and the exact place"};
    case DECLINE_GROUND_DUPLICATE:
      return {"同一问题已由其他案件办理", "Another case deals with it already"};
    case DECLINE_GROUND_FALSE_REPORT:
      return {"经核实为虚假上报", "It was found to be a false report"};
    default:
      return {"未达立案要求", "It does not qualify for a case"};
  }
}

std::string LocalTime(const google::protobuf::Timestamp& time) {
  static const absl::TimeZone shanghai = absl::FixedTimeZone(8 * 60 * 60);
  return absl::FormatTime("%Y-%m-%d %H:%M", absl::FromUnixMillis(MsOf(time)), shanghai);
}

std::string NoticeText(const v1::NoticeState& notice, bool zh) {
  const auto say = [zh](const char* in_zh, const char* in_en) { return std::string(zh ? in_zh : in_en); };
  std::string due;
  if (notice.has_disposal_due_at())
    due = absl::StrCat(say("，处置时限至 ", ", due by "), LocalTime(notice.disposal_due_at()));
  const std::string stop = say("。", ".");
  switch (notice.kind()) {
    case v1::NOTICE_KIND_CASE_OPENED:
      return say("已受理：您反映的问题已生成案件。", "Accepted: a case was opened for what you reported.");
    case v1::NOTICE_KIND_MERGED:
      return say("已并案：同一问题已有人反映，由同一案件办理",
                 "Merged: others had reported it; the same case answers") +
             due + stop;
    case v1::NOTICE_KIND_REGISTERED:
      return say("已立案。", "Registered.");
    case v1::NOTICE_KIND_DECLINED: {
      const Words why = DeclineWords(notice.decline_ground());
      return say("不予立案：", "Declined: ") + say(why.zh, why.en) + stop;
    }
    case v1::NOTICE_KIND_DISPATCHED:
      return say("已派遣至责任单位", "Dispatched to the unit in charge") + due + stop;
    case v1::NOTICE_KIND_SIGNED:
      return say("责任单位已签收", "The unit in charge has taken it up") + due + stop;
    case v1::NOTICE_KIND_CLOSED:
      return say("已办结：经核查通过，感谢您的反映。", "Closed: inspected and found done. Thank you for reporting it.");
    case v1::NOTICE_KIND_POSTPONED:
      return say("已缓办：因工程或季节原因推迟处置。", "Postponed: the work has to wait for engineering or season.");
    default:
      return "";
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
  if (opened.ok()) *shown = *std::move(opened);
  return opened.status();
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

std::string NoticeTextZh(const v1::NoticeState& notice) { return NoticeText(notice, true); }
std::string NoticeTextEn(const v1::NoticeState& notice) { return NoticeText(notice, false); }

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
    notice->set_text_zh(NoticeTextZh(one));
    notice->set_text_en(NoticeTextEn(one));
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
