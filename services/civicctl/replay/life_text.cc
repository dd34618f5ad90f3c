#include "services/civicctl/replay/life_text.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "civicmesh/points/v1/points_events.pb.h"
#include "services/civicctl/replay/life_words.h"
#include "services/civicctl/text_output.h"
#include "services/dispatch/domain/explanations.h"
#include "services/runtime/workcalendar/explain.h"
#include "services/runtime/workcalendar/time_limit.h"

namespace civicmesh::civicctl {
namespace {

namespace dv1 = dispatch::v1;
namespace iv1 = intake::v1;
namespace pv1 = points::v1;

using Lines = std::vector<std::string>;

int64_t Ms(const google::protobuf::Timestamp& time) { return time.seconds() * 1000 + time.nanos() / 1000000; }
std::string When(const google::protobuf::Timestamp& time) { return TimeText(Ms(time)); }

// What one fact is to a clerk.
struct Told {
  std::string what, actor;
  Lines why;
};

class Teller {
 public:
  Teller(const Life& life, const LifeBackground& background, Language language)
      : life_(life), background_(background), zh_(language == Language::kChinese) {}

  Lines Tell() {
    Head();
    lines_.push_back("");
    lines_.push_back(Say("经过", "What happened"));
    for (const PublicFact& fact : life_.facts)
      if (auto told = TellFact(fact)) Add(fact, *told);
    Clocks();
    Counting();
    return std::move(lines_);
  }

 private:
  std::string Say(const char* zh, const char* en) const { return zh_ ? zh : en; }
  std::string Say(Words words) const { return Say(words.zh, words.en); }

  void Row(const char* zh, const char* en, const std::string& value) {
    if (!value.empty()) lines_.push_back(absl::StrCat("  ", Say(zh, en), Say("：", ": "), value));
  }

  void Head() {
    const auto& report = life_.report;
    const auto& c = life_.answering;
    lines_.push_back(absl::StrCat(Say("上报 ", "Report "), report.source_id(), " (", report.name(), ")"));
    Row("内容", "text", report.text());
    Row("地点", "place", report.place_text());
    Row("来源", "source", Say(WordsOf(report.source())));
    Row("上报时间", "reported", When(report.reported_at()));
    Row("现状", "now", Say(report.status_zh().c_str(), report.status_en().c_str()));
    if (c.name().empty()) return;
    Row("案件", "case", absl::StrCat(c.case_number().empty() ? "" : c.case_number() + " ", "(", c.name(), ")"));
    if (!c.class_code().empty())
      Row("小类", "class",
          absl::StrCat(c.class_code(), " ", Say(c.class_name_zh().c_str(), c.class_name_en().c_str())));
    Row("立案条件", "condition", c.condition_zh());
    Row("处置时限", "limit", c.limit_text());
    Row("结案条件", "closing condition", c.closure_zh());
    Row("单元网格", "grid", c.grid());
    Row("处置单位", "unit", UnitName(c.unit()));
    if (c.report_count() > 1) Row("上报数", "reports of it", absl::StrCat(c.report_count()));
  }

  void Add(const PublicFact& fact, const Told& told) {
    lines_.push_back(absl::StrCat("  ", TimeText(fact.time_ms), "  ", told.what,
                                  told.actor.empty() ? "" : absl::StrCat(Say("　", "  by "), Who(told.actor))));
    for (const std::string& why : told.why)
      if (!why.empty()) lines_.push_back(absl::StrCat("      ", why));
  }

  std::string UnitName(const std::string& id) const {
    for (const auto& unit : background_.district.units())
      if (unit.id() == id) return Say(unit.name_zh().c_str(), unit.name_en().c_str());
    return id;
  }

  // "受理员 柯向晚 (registrar-03)"
  std::string Who(const std::string& actor) const {
    if (actor == "timer") return Say("系统（到时）", "the system (time was up)");
    if (absl::StartsWith(actor, "policy:")) return Say("系统（自动）", "the system (by policy)");
    if (actor == "anonymous") return Say("匿名上报人", "somebody anonymous");
    for (const auto& member : background_.roster.members()) {
      if (member.subject() != actor) continue;
      const auto held = member.posts().empty() ? reference::v1::Appointment() : member.posts(0);
      std::string post = held.role().empty() ? "" : Say(WordsOfPost(held.role()));
      if (!held.unit().empty()) post = absl::StrCat(UnitName(held.unit()), Say("", " "), post);
      return absl::StrCat(post, " ", member.name_zh(), " (", actor, ")");
    }
    return Say("上报人", "the reporter");
  }

  Lines Explained(const google::protobuf::RepeatedPtrField<dv1::Explanation>& explanations) const {
    Lines lines;
    for (const auto& e : explanations) lines.push_back(zh_ ? dispatch::TellZh(e) : dispatch::TellEn(e));
    return lines;
  }

  // Parses the fact where it is a `Fact`, and tells it.
  template <typename Fact, typename Tell>
  bool If(const PublicFact& fact, std::optional<Told>& told, const char* zh, const char* en, Tell why) const {
    Fact parsed;
    if (fact.type != Fact::descriptor()->full_name() || !parsed.ParseFromString(fact.bytes)) return false;
    told = Told{Say(zh, en), parsed.context().actor(), why(parsed)};
    return true;
  }
  template <typename Fact>
  bool If(const PublicFact& fact, std::optional<Told>& told, const char* zh, const char* en) const {
    return If<Fact>(fact, told, zh, en, [](const Fact&) { return Lines(); });
  }

  std::optional<Told> TellFact(const PublicFact& fact) const {
    std::optional<Told> told;
    TellReport(fact, told) || TellOpening(fact, told) || TellHandling(fact, told) || TellAside(fact, told) ||
        TellPoints(fact, told) || TellAlert(fact, told);
    return told;
  }

  bool TellReport(const PublicFact& fact, std::optional<Told>& told) const {
    return If<iv1::ReportSubmitted>(fact, told, "上报", "reported",
                                    [this](const auto& f) { return OfProposal(f.context()); }) ||
           If<iv1::ReportLocated>(fact, told, "定位：工作人员确认了地点", "located by staff") ||
           If<iv1::ReportSupplemented>(fact, told, "上报人补充", "supplemented") ||
           If<iv1::ReportWithdrawn>(fact, told, "上报人撤回", "withdrawn") ||
           If<iv1::ReporterNotified>(fact, told, "告知上报人", "the reporter is told", [this](const auto& f) {
             std::string text = Say(WordsOf(f.kind()));
             if (f.has_disposal_due_at())
               absl::StrAppend(&text, Say("，处置时限至 ", ", due by "), When(f.disposal_due_at()));
             return Lines{text};
           });
  }

  Lines OfProposal(const iv1::ReportContext& context) const {
    const auto& category = context.category();
    if (category.class_code().empty())
      return {Say("分类建议：没有把握，由受理员选定", "class: unsure, a registrar has to choose")};
    std::vector<std::string> words;
    for (const auto& evidence : category.evidence())
      words.push_back(absl::StrCat(evidence.text(), " +", evidence.weight()));
    const std::string because =
        words.empty() ? "" : absl::StrCat(Say("，依据：", ", because of: "), absl::StrJoin(words, Say("、", ", ")));
    return {absl::StrCat(Say("分类建议：", "class proposed: "), category.class_code(), because,
                         Say("；把握 ", "; confidence "), category.confidence(), "%")};
  }

  bool TellAlert(const PublicFact& fact, std::optional<Told>& told) const {
    iv1::AlertRaised raised;
    if (fact.type == iv1::AlertRaised::descriptor()->full_name() && raised.ParseFromString(fact.bytes)) {
      told = Told{Say("告警：摄像头抓拍", "alert of a camera"),
                  "",
                  {absl::StrCat(raised.camera(), Say("，模型 ", ", model "), raised.model_version(),
                                Say("，把握 ", ", confidence "), raised.confidence(), "%"),
                   absl::StrCat(Say("使用依据：", "legal basis: "), raised.legal_basis_zh())}};
      return true;
    }
    iv1::AlertReviewed reviewed;
    if (fact.type != iv1::AlertReviewed::descriptor()->full_name() || !reviewed.ParseFromString(fact.bytes))
      return false;
    const bool confirmed = reviewed.verdict() == iv1::ALERT_VERDICT_CONFIRMED;
    told = Told{Say("人工复核", "reviewed by a person"),
                reviewed.reviewer(),
                {confirmed ? Say("属实", "confirmed") : Say("误报", "a false alarm")}};
    return true;
  }

  bool TellOpening(const PublicFact& fact, std::optional<Told>& told) const {
    const auto explained = [this](const auto& f) { return Explained(f.explanations()); };
    return If<dv1::CaseOpened>(fact, told, "案件产生", "a case was opened", explained) ||
           If<dv1::CaseReportMerged>(fact, told, "并案：又有一件上报", "another report was merged into it",
                                     explained) ||
           If<dv1::CaseAccepted>(fact, told, "受理", "accepted") ||
           If<dv1::VerificationStarted>(fact, told, "派员核实", "somebody is sent to look") ||
           If<dv1::VerificationRecorded>(fact, told, "核实结果", "what was found",
                                         [this](const auto& f) { return Lines{Say(WordsOf(f.result()))}; }) ||
           If<dv1::CaseRegistered>(fact, told, "立案", "registered",
                                   [this](const auto& f) { return OfRegistration(f); }) ||
           If<dv1::CaseDeclined>(fact, told, "不予立案", "declined", [this](const auto& f) {
             return Lines{Say(WordsOf(f.ground())), life_.answering.decline_note(), life_.answering.referral()};
           });
  }

  // The facts name classes in Chinese only.
  std::string EnglishClass(const dv1::CaseRegistered& f) const {
    const auto& c = life_.answering;
    return c.class_code() == f.context().class_code() ? c.class_name_en() : f.context().class_name_zh();
  }

  Lines OfRegistration(const dv1::CaseRegistered& f) const {
    Lines lines{absl::StrCat(
        Say("案卷号 ", "case number "), f.context().case_number(), Say("，小类 ", ", class "), f.context().class_code(),
        " ", Say(f.context().class_name_zh().c_str(), EnglishClass(f).c_str()), Say("，立案条件 ", ", condition "),
        f.context().condition_id(), Say("，处置时限 ", ", limit "), f.limit_text())};
    for (std::string& line : Explained(f.explanations())) lines.push_back(std::move(line));
    return lines;
  }

  bool TellHandling(const PublicFact& fact, std::optional<Told>& told) const {
    return If<dv1::CaseDispatched>(fact, told, "派遣", "dispatched",
                                   [this](const auto& f) {
                                     Lines lines{absl::StrCat(Say("处置单位：", "to "), UnitName(f.unit()))};
                                     for (std::string& line : Explained(f.explanations()))
                                       lines.push_back(std::move(line));
                                     return lines;
                                   }) ||
           If<dv1::CaseSigned>(fact, told, "签收", "signed by the unit") ||
           If<dv1::DisposalStarted>(fact, told, "开始处置", "handling began") ||
           If<dv1::FeedbackSubmitted>(
               fact, told, "处置反馈", "done, says the unit",
               [this](const auto& f) {
                 return Lines{absl::StrCat(f.on_time() ? Say("按时", "in time") : Say("超期", "late"),
                                           Say("，照片 ", ", photos: "), f.photo_count())};
               }) ||
           If<dv1::CaseReturned>(
               fact, told, "退单", "given back by the unit",
               [this](const auto& f) {
                 return Lines{absl::StrCat(Say("引用责任清单 ", "cites duty entry "), f.duty_entry(),
                                           Say("，认为应由 ", ", which names "), UnitName(f.cited_unit()))};
               }) ||
           If<dv1::CaseReturnJudged>(fact, told, "退单裁定", "the return was judged",
                                     [this](const auto& f) {
                                       Lines lines{f.verdict() == dv1::RETURN_VERDICT_JUSTIFIED
                                                       ? Say("成立（误派）", "justified: it was dispatched wrongly")
                                                       : Say("不成立，原单位继续处置", "wrongful: the unit goes on")};
                                       for (std::string& line : Explained(f.explanations()))
                                         lines.push_back(std::move(line));
                                       return lines;
                                     }) ||
           If<dv1::ReworkOrdered>(fact, told, "核查不通过，返工", "inspected: not done, rework",
                                  [this](const auto& f) {
                                    return Lines{absl::StrCat(Say("第 ", "number "), f.ordinal(),
                                                              Say(" 次，原时限继续计算", ", the deadline goes on"))};
                                  }) ||
           If<dv1::CaseClosed>(fact, told, "核查通过，结案", "inspected and closed",
                               [this](const auto& f) {
                                 return Lines{f.on_time() ? Say("按期结案", "in time") : Say("超期结案", "late")};
                               }) ||
           If<dv1::CaseRevisited>(fact, told, "回访", "the citizen was asked", [this](const auto& f) {
             return Lines{absl::StrCat(Say(WordsOf(f.rating())),
                                       f.solved() ? Say("，已解决", ", solved") : Say("，未解决", ", not solved"))};
           });
  }

  bool TellAside(const PublicFact& fact, std::optional<Told>& told) const {
    const auto explained = [this](const auto& f) { return Explained(f.explanations()); };
    return If<dv1::ExtensionRequested>(fact, told, "申请延期", "more time was asked for") ||
           If<dv1::ExtensionEndorsed>(fact, told, "延期初审同意", "endorsed at the first level") ||
           If<dv1::ExtensionDecided>(fact, told, "延期审批", "decided on more time", explained) ||
           If<dv1::DeadlineRecounted>(fact, told, "时限重算", "the deadline was counted again", explained) ||
           If<dv1::CasePostponed>(fact, told, "缓办", "postponed",
                                  [this](const auto& f) { return Lines{Say("至 ", "until ") + When(f.until())}; }) ||
           If<dv1::CaseResumed>(fact, told, "恢复处置", "resumed", explained) ||
           If<dv1::CaseUrged>(fact, told, "催办", "urged") ||
           If<dv1::CaseBecameOverdue>(fact, told, "超期", "overdue",
                                      [this](const auto& f) {
                                        return Lines{absl::StrCat(Say(WordsOf(f.clock())),
                                                                  Say("时限已过：", " ran out at "), When(f.due_at()))};
                                      }) ||
           If<dv1::CaseEscalated>(fact, told, "提级督办", "escalated",
                                  [this](const auto& f) { return Lines{Say(WordsOf(f.ground()))}; }) ||
           If<dv1::BuckPassMarked>(fact, told, "推诿认定", "marked as passing the buck", [this](const auto& f) {
             return Lines{absl::StrCat(UnitName(f.marked_unit()), Say("：", ": "), Say(WordsOf(f.ground())))};
           });
  }

  bool TellPoints(const PublicFact& fact, std::optional<Told>& told) const {
    return If<pv1::PointsGranted>(
               fact, told, "积分发放", "points were granted",
               [](const auto& f) { return Lines{absl::StrCat("+", f.points(), " (", f.rule(), ")")}; }) ||
           If<pv1::GrantDenied>(fact, told, "积分未发放", "no points were granted", [this](const auto& f) {
             return Lines{absl::StrCat(Say(WordsOf(f.ground())), " (", f.rule(), ")")};
           });
  }

  void Clocks() {
    if (life_.answering.clocks().empty()) return;
    Table table({Say("时限", "clock"), Say("起", "from"), Say("止", "due"), Say("结束", "ended"), Say("结果", "so")});
    for (const auto& clock : life_.answering.clocks()) {
      const bool stopped = clock.phase() == dv1::Clock::PHASE_STOPPED;
      table.Add({Say(WordsOf(clock.kind())), When(clock.started_at()),
                 absl::StrCat(When(clock.due_at()), clock.provisional() ? Say("（暂定）", " (provisional)") : ""),
                 stopped ? When(clock.stopped_at()) : "-",
                 clock.overdue() ? Say("超期", "late")
                 : stopped       ? Say("按时", "in time")
                                 : Say("进行中", "running")});
    }
    lines_.push_back("");
    std::ostringstream text;
    table.Print(text);
    std::string line;
    for (std::istringstream in(text.str()); std::getline(in, line);) lines_.push_back("  " + line);
  }

  // The disposal clock from the last dispatch on, with what paused it.
  void Counting() {
    const dv1::Clock* disposal = nullptr;
    for (const auto& clock : life_.answering.clocks())
      if (clock.kind() == dv1::CLOCK_KIND_DISPOSAL) disposal = &clock;
    if (!disposal) return;
    const auto limit = ParseTimeLimit(disposal->limit_text());
    if (!limit.ok()) return;
    const absl::Time start = absl::FromUnixMillis(Ms(disposal->started_at()));
    const std::vector<WorkCalendar::Pause> pauses = Pauses(start);
    lines_.push_back("");
    lines_.push_back(Say("处置时限怎样计算", "How the limit of disposal was counted"));
    const Lines counted = zh_ ? ExplainDeadline(background_.calendar, start, *limit, pauses)
                              : CountInEnglish(background_.calendar, start, *limit, pauses);
    for (const std::string& line : counted) lines_.push_back("  " + line);
  }

  std::vector<WorkCalendar::Pause> Pauses(absl::Time since) const {
    std::vector<WorkCalendar::Pause> pauses;
    for (const PublicFact& fact : life_.facts) {
      const absl::Time at = absl::FromUnixMillis(fact.time_ms);
      if (at < since) continue;
      if (fact.type == dv1::CaseReturned::descriptor()->full_name() ||
          fact.type == dv1::CasePostponed::descriptor()->full_name())
        pauses.push_back({at, absl::InfiniteFuture()});
      const bool resumes = fact.type == dv1::CaseReturnJudged::descriptor()->full_name() ||
                           fact.type == dv1::CaseResumed::descriptor()->full_name();
      if (resumes && !pauses.empty()) pauses.back().to = at;
    }
    return pauses;
  }

  const Life& life_;
  const LifeBackground& background_;
  const bool zh_;
  Lines lines_;
};

std::string Day(absl::CivilDay day) {
  return absl::FormatTime("%a %d %b", absl::FromCivil(day, WorkCalendar::Zone()), WorkCalendar::Zone());
}

std::string HoursText(absl::Duration time) {
  return absl::StrCat(absl::ToInt64Hours(time), " h ", absl::ToInt64Minutes(time) % 60, " min");
}

}  // namespace

Lines TellLife(const Life& life, const LifeBackground& background, Language language) {
  return Teller(life, background, language).Tell();
}

Lines CountInEnglish(const WorkCalendar& calendar, absl::Time start, const TimeLimit& limit,
                     std::span<const WorkCalendar::Pause> pauses) {
  const WorkCalendar::Deadline due = calendar.AddLimit(start, limit, pauses);
  const bool working = limit.kind == TimeLimit::Kind::kWorkingHour || limit.kind == TimeLimit::Kind::kWorkingDay;
  Lines lines{absl::StrCat("limit ", PrintTimeLimit(limit), " from ", TimeText(absl::ToUnixMillis(start)),
                           working                                       ? ": only working time counts"
                           : limit.kind == TimeLimit::Kind::kCalendarDay ? ": whole days, the first is not counted"
                                                                         : ": around the clock")};
  for (const auto& pause : pauses)
    if (pause.from < due.at || pause.to == absl::InfiniteFuture())
      lines.push_back(
          absl::StrCat("paused from ", TimeText(absl::ToUnixMillis(pause.from)),
                       pause.to == absl::InfiniteFuture() ? " on" : " to " + TimeText(absl::ToUnixMillis(pause.to))));
  if (due.at == absl::InfiniteFuture()) return lines;
  if (due.provisional) {
    lines.push_back(absl::StrCat("provisional: the calendar counts up to ", TimeText(absl::ToUnixMillis(due.at))));
    return lines;
  }
  for (absl::CivilDay day = WorkCalendar::DayOf(start); working && day <= WorkCalendar::DayOf(due.at); ++day) {
    const absl::Time from = std::max(start, absl::FromCivil(day, WorkCalendar::Zone()));
    const absl::Time to = std::min(due.at, absl::FromCivil(day + 1, WorkCalendar::Zone()));
    auto counted = calendar.WorkingTimeBetween(from, to);
    if (!counted.ok()) continue;
    for (const auto& pause : pauses) {
      const absl::Time a = std::max(from, pause.from), b = std::min(to, pause.to);
      if (auto left_out = calendar.WorkingTimeBetween(a, b); a < b && left_out.ok()) *counted -= *left_out;
    }
    lines.push_back(absl::StrCat(
        Day(day), ": ", calendar.IsWorkingDay(day) ? HoursText(*counted) : std::string("a day off, not counted")));
  }
  lines.push_back(absl::StrCat("due ", TimeText(absl::ToUnixMillis(due.at))));
  return lines;
}

}  // namespace civicmesh::civicctl
