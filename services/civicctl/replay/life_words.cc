#include "services/civicctl/replay/life_words.h"

#include <map>

namespace civicmesh::civicctl {
namespace {

namespace dv1 = dispatch::v1;
namespace iv1 = intake::v1;
namespace pv1 = points::v1;

constexpr Words kUnknown{"（未知）", "(unknown)"};

template <typename Key>
Words Find(const std::map<Key, Words>& words, const Key& key) {
  const auto found = words.find(key);
  return found == words.end() ? kUnknown : found->second;
}

}  // namespace

Words WordsOf(type::v1::ReportSource source) {
  static const auto& words = *new std::map<type::v1::ReportSource, Words>{
      {type::v1::REPORT_SOURCE_COLLECTOR, {"信息采集员上报", "a collector"}},
      {type::v1::REPORT_SOURCE_CITIZEN_APP, {"市民应用", "the citizens' app"}},
      {type::v1::REPORT_SOURCE_HOTLINE_12345, {"12345热线", "the hotline 12345"}},
      {type::v1::REPORT_SOURCE_VIDEO, {"视频上报", "a camera"}},
      {type::v1::REPORT_SOURCE_SENSOR, {"物联告警", "a sensor"}},
      {type::v1::REPORT_SOURCE_LEADER, {"领导交办", "a leader"}},
      {type::v1::REPORT_SOURCE_MEDIA, {"媒体", "the media"}},
      {type::v1::REPORT_SOURCE_DEPARTMENT, {"部门", "a department"}},
      {type::v1::REPORT_SOURCE_INSPECTION, {"巡查考核", "an inspection"}}};
  return Find(words, source);
}

Words WordsOf(dv1::ClockKind clock) {
  static const auto& words = *new std::map<dv1::ClockKind, Words>{
      {dv1::CLOCK_KIND_ACCEPTANCE, {"受理", "acceptance"}}, {dv1::CLOCK_KIND_VERIFICATION, {"核实", "verification"}},
      {dv1::CLOCK_KIND_DISPATCH, {"派遣", "dispatch"}},     {dv1::CLOCK_KIND_DISPOSAL, {"处置", "disposal"}},
      {dv1::CLOCK_KIND_INSPECTION, {"核查", "inspection"}}, {dv1::CLOCK_KIND_REVISIT, {"回访", "revisit"}}};
  return Find(words, clock);
}

Words WordsOf(dv1::DeclineGround ground) {
  static const auto& words = *new std::map<dv1::DeclineGround, Words>{
      {dv1::DECLINE_GROUND_NOT_EXISTING, {"不属实", "it is not there"}},
      {dv1::DECLINE_GROUND_OUTSIDE_DISTRICT, {"不在辖区", "it lies outside the district"}},
      {dv1::DECLINE_GROUND_OUTSIDE_SCOPE, {"不属管理范围", "it is no matter for the city's management"}},
      {dv1::DECLINE_GROUND_BELOW_CONDITION, {"未达立案条件", "it does not reach a condition"}},
      {dv1::DECLINE_GROUND_INSUFFICIENT_EVIDENCE, {"证据或位置不足", "evidence or place is not sufficient"}},
      {dv1::DECLINE_GROUND_DUPLICATE, {"重复上报", "another case answers it"}},
      {dv1::DECLINE_GROUND_FALSE_REPORT, {"虚假上报", "it was a false report"}}};
  return Find(words, ground);
}

Words WordsOf(dv1::VerificationResult result) {
  static const auto& words = *new std::map<dv1::VerificationResult, Words>{
      {dv1::VERIFICATION_RESULT_EXISTS, {"属实", "it is there"}},
      {dv1::VERIFICATION_RESULT_NOT_EXISTS, {"不属实", "it is not there"}},
      {dv1::VERIFICATION_RESULT_UNABLE, {"无法核实", "it could not be verified"}}};
  return Find(words, result);
}

Words WordsOf(dv1::Rating rating) {
  static const auto& words =
      *new std::map<dv1::Rating, Words>{{dv1::RATING_VERY_SATISFIED, {"很满意", "very satisfied"}},
                                        {dv1::RATING_SATISFIED, {"满意", "satisfied"}},
                                        {dv1::RATING_FAIRLY_SATISFIED, {"基本满意", "fairly satisfied"}},
                                        {dv1::RATING_DISSATISFIED, {"不满意", "dissatisfied"}},
                                        {dv1::RATING_VERY_DISSATISFIED, {"很不满意", "very dissatisfied"}}};
  return Find(words, rating);
}

Words WordsOf(dv1::EscalationGround ground) {
  static const auto& words = *new std::map<dv1::EscalationGround, Words>{
      {dv1::ESCALATION_GROUND_TRANSFERS, {"三次转派", "transferred three times"}},
      {dv1::ESCALATION_GROUND_REWORKS, {"三次返工", "reworked three times"}}};
  return Find(words, ground);
}

Words WordsOf(dv1::BuckPassGround ground) {
  static const auto& words = *new std::map<dv1::BuckPassGround, Words>{
      {dv1::BUCK_PASS_GROUND_WRONGFUL_RETURN, {"退单不成立", "a return judged wrongful"}},
      {dv1::BUCK_PASS_GROUND_TRANSFERS, {"三次转派", "transferred three times"}}};
  return Find(words, ground);
}

Words WordsOf(iv1::NoticeKind notice) {
  static const auto& words =
      *new std::map<iv1::NoticeKind, Words>{{iv1::NOTICE_KIND_CASE_OPENED, {"已受理", "a case was opened"}},
                                            {iv1::NOTICE_KIND_MERGED, {"已并案", "merged into a case"}},
                                            {iv1::NOTICE_KIND_REGISTERED, {"已立案", "registered"}},
                                            {iv1::NOTICE_KIND_DECLINED, {"不予立案", "declined"}},
                                            {iv1::NOTICE_KIND_DISPATCHED, {"已派遣", "dispatched"}},
                                            {iv1::NOTICE_KIND_SIGNED, {"已签收", "the unit has it"}},
                                            {iv1::NOTICE_KIND_CLOSED, {"已办结", "closed"}},
                                            {iv1::NOTICE_KIND_POSTPONED, {"已缓办", "postponed"}},
                                            {iv1::NOTICE_KIND_POINTS, {"积分到账", "points were granted"}}};
  return Find(words, notice);
}

Words WordsOf(pv1::GrantDenial denial) {
  static const auto& words =
      *new std::map<pv1::GrantDenial, Words>{{pv1::GRANT_DENIAL_LIMIT, {"已达上限", "a limit was reached"}},
                                             {pv1::GRANT_DENIAL_FROZEN, {"账户冻结", "the account is frozen"}},
                                             {pv1::GRANT_DENIAL_NO_RULE, {"无此规则", "there is no such rule now"}}};
  return Find(words, denial);
}

Words WordsOfPost(const std::string& post) {
  static const auto& words = *new std::map<std::string, Words>{
      {"COLLECTOR", {"信息采集员", "collector"}},   {"REGISTRAR", {"受理员", "registrar"}},
      {"DISPATCHER", {"派遣员", "dispatcher"}},     {"SHIFT_LEADER", {"值班长", "shift leader"}},
      {"UNIT_WORKER", {"处置人员", "unit worker"}}, {"REVIEWER", {"告警复核员", "reviewer"}},
      {"GATEWAY", {"接入网关", "gateway"}}};
  return Find(words, post);
}

}  // namespace civicmesh::civicctl
