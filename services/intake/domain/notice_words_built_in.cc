// The words of this release, which hold until a district publishes its own.
#include "services/intake/domain/notice_words.h"

namespace civicmesh::intake {

reference::v1::Notices BuiltInNotices() {
  struct Words {
    const char *name, *zh, *en;
  };
  constexpr Words kTemplates[] = {
      {"CASE_OPENED", "已受理：您反映的问题已生成案件。", "Accepted: a case was opened for what you reported."},
      {"MERGED", "已并案：同一问题已有人反映，由同一案件办理[，处置时限至 {due}][（{limit}）]。",
       "Merged: others had reported it; the same case answers[, due by {due}][ ({limit})]."},
      {"REGISTERED", "已立案。", "Registered."},
      {"DECLINED", "不予立案：{reason}。", "Declined: {reason}."},
      {"DISPATCHED", "已派遣至责任单位[，处置时限至 {due}][（{limit}）]。",
       "Dispatched to the unit in charge[, due by {due}][ ({limit})]."},
      {"SIGNED", "责任单位已签收[，处置时限至 {due}][（{limit}）]。",
       "The unit in charge has taken it up[, due by {due}][ ({limit})]."},
      {"CLOSED", "已办结：经核查通过，感谢您的反映。", "Closed: inspected and found done. Thank you for reporting it."},
      {"POSTPONED", "已缓办：因工程或季节原因推迟处置。", "Postponed: the work has to wait for engineering or season."},
      {"POINTS", "积分到账：感谢您的反映，已获得 {points} 积分。",
       "Points: you have earned {points}. Thank you for reporting it."}};
  constexpr Words kGrounds[] = {
      {"NOT_EXISTING", "经现场核实，未发现所反映的问题；如仍存在，请补充照片后重新上报",
       "Nothing was found on the spot; if it is still there, report again with a photo"},
      {"OUTSIDE_DISTRICT", "所反映的地点不在本辖区；请向所在地的区县或 12345 热线反映",
       "The place lies outside the district; turn to the district concerned or the hotline 12345"},
      {"OUTSIDE_SCOPE", "所反映的事项不属城市管理范围；请向主管部门或 12345 热线反映",
       "It is no matter of city management; turn to the department concerned or the hotline 12345"},
      {"BELOW_CONDITION", "情况尚未达到立案条件；如加重请重新上报",
       "It does not reach the condition for a case yet; report again if it gets worse"},
      {"INSUFFICIENT_EVIDENCE", "证据或位置不足；请补充照片和准确位置后重新上报",
       "Evidence or place is not sufficient; report again with a photo and the exact place"},
      {"DUPLICATE", "同一问题已由其他案件办理", "Another case deals with it already"},
      {"FALSE_REPORT", "经核实为虚假上报", "It was found to be a false report"},
      {"UNSPECIFIED", "未达立案要求", "It does not qualify for a case"}};
  reference::v1::Notices notices;
  for (const Words& words : kTemplates) {
    auto* one = notices.add_templates();
    one->set_kind(words.name);
    one->set_text_zh(words.zh);
    one->set_text_en(words.en);
  }
  for (const Words& words : kGrounds) {
    auto* one = notices.add_decline_words();
    one->set_ground(words.name);
    one->set_text_zh(words.zh);
    one->set_text_en(words.en);
  }
  return notices;
}

}  // namespace civicmesh::intake
