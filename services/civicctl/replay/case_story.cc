#include "services/civicctl/replay/case_story.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/civicctl/replay/photos.h"
#include "services/civicctl/replay/report_story.h"
#include "services/runtime/workcalendar/time_limit.h"

namespace civicmesh::civicctl {
namespace {

namespace dv1 = dispatch::v1;
namespace iv1 = intake::v1;

// 其他城市管理诉求: what the classifier and the input leave open.
constexpr char kOtherRequests[] = "E0699";
// So many reports of a case are told what happens to it.
constexpr size_t kToldReports = 50;
// Of a case, the first so many merged reports earn.
constexpr size_t kMergedThatEarn = 3;

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

const char* GroundWords(dv1::DeclineGround ground) {
  switch (ground) {
    case dv1::DECLINE_GROUND_OUTSIDE_DISTRICT:
      return "declined: outside the district 不在辖区";
    case dv1::DECLINE_GROUND_OUTSIDE_SCOPE:
      return "declined: no matter for the city 不属管理范围";
    default:
      return "declined: not there 不属实";
  }
}

}  // namespace

CaseStory::CaseStory(World& world, std::string name, ReportStory* first, Shard home)
    : world_(world), name_(std::move(name)), reports_{first}, home_(home) {}

const std::string& CaseStory::id() const { return reports_.front()->input().id; }

// Who reported a case again that is one's own earns nothing by it.
std::string CaseStory::RuleFor(size_t report) const {
  if (!reports_[report]->earns() || report > kMergedThatEarn) return "";
  if (report == 0) return "report_registered";
  const std::string& leader = reports_.front()->input().reporter;
  return reports_[report]->input().reporter == leader ? "" : "report_merged";
}

std::string CaseStory::Join(ReportStory* report) {
  reports_.push_back(report);
  return registered_ ? RuleFor(reports_.size() - 1) : "";
}

std::vector<CaseStory::Earner> CaseStory::Earners() const {
  std::vector<Earner> earners;
  for (size_t i = 0; i < reports_.size(); ++i)
    if (std::string rule = RuleFor(i); !rule.empty()) earners.push_back({reports_[i], std::move(rule)});
  return earners;
}

Shards CaseStory::Touched(const Step& step) const {
  Shards shards{home_};
  if (step.tells != iv1::NOTICE_KIND_UNSPECIFIED)
    for (const ReportStory* report : reports_) shards.push_back(report->shard());
  if (step.earns)
    for (const Earner& earner : Earners()) shards.push_back(earner.report->account());
  return shards;
}

Shards CaseStory::Footprint() const {
  Shards shards{home_};
  for (const ReportStory* report : reports_) {
    shards.push_back(report->shard());
    if (report->earns()) shards.push_back(report->account());
  }
  return shards;
}

template <typename Request>
void CaseStory::Do(Step step, Request request, void (CaseStory::*then)()) {
  const std::string action = absl::StrFormat("%s/2-%02d-%s", id(), ++steps_, step.what);
  request.set_name(name_);
  request.set_request_id(world_.RequestId(action));
  Act(
      world_, step.at, action, [=, this] { return Touched(step); }, [this] { return Footprint(); },
      [=, this](const Schedule::Id& under_way) {
        world_.mesh.Call<dv1::Case>(step.caller, step.at, request,
                                    [=, this](const grpc::Status& status, dv1::Case answer) {
                                      if (!status.ok()) {
                                        world_.Refused(step.what, status);
                                        return world_.Finish(under_way);
                                      }
                                      case_ = std::move(answer);
                                      at_ = step.at;
                                      (this->*then)();
                                      Answered(step, under_way);
                                    });
      });
}

// What follows is in the queue: only the effects in other domains are still waited for.
void CaseStory::Answered(const Step& step, const Schedule::Id& action) {
  std::vector<ReportStory*> told = step.tells == iv1::NOTICE_KIND_UNSPECIFIED ? std::vector<ReportStory*>() : reports_;
  told.resize(std::min(told.size(), kToldReports));
  const std::vector<Earner> earners = step.earns ? Earners() : std::vector<Earner>();
  Shards keeps = Touched(step);
  keeps.erase(keeps.begin());
  world_.schedule.Narrow(action, keeps);
  auto arrived = AfterAll(told.size() + earners.size(), [=, this] { world_.Finish(action); });
  for (const ReportStory* report : told) report->AwaitNotice(action, step.tells, arrived);
  for (const Earner& earner : earners) earner.report->AwaitPoints(action, name_, earner.rule, arrived);
}

void CaseStory::Begin(absl::Time at) {
  Do({.what = "AcceptCase",
      .at = at + world_.rules.After(kAccept, id()),
      .caller = world_.staff.One("REGISTRAR", id())},
     dv1::AcceptCaseRequest(), &CaseStory::Decide);
}

// 受理 is done: decline, verify or register.
void CaseStory::Decide() {
  const InputReport& report = reports_.front()->input();
  if (case_.grid().empty())
    return Decline(dv1::DECLINE_GROUND_OUTSIDE_DISTRICT, "所反映的地点不在本辖区。",
                   "请向所在地区县的城市管理部门或12345热线反映。");
  if (report.classes && report.classes->empty())
    return Decline(dv1::DECLINE_GROUND_OUTSIDE_SCOPE, "未反映城市管理问题。", "如为咨询或其他诉求，请拨打12345热线。");
  const bool doubtful = report.source == type::v1::REPORT_SOURCE_CITIZEN_APP && report.photos == 0;
  if (doubtful && world_.rules.Happens("verify", kVerifiedIn100, id())) return Verify();
  Register();
}

void CaseStory::Decline(dv1::DeclineGround ground, const std::string& note, const std::string& referral) {
  dv1::DeclineCaseRequest request;
  request.set_ground(ground);
  request.set_note(note);
  request.set_referral(referral);
  world_.happened.Add(GroundWords(ground));
  Do({.what = "DeclineCase",
      .at = at_ + world_.rules.After(kRegister, id()),
      .caller = world_.staff.One("REGISTRAR", id()),
      .tells = iv1::NOTICE_KIND_DECLINED},
     request, &CaseStory::End);
}

void CaseStory::Verify() {
  verified_ = true;
  Do({.what = "StartVerification", .at = at_ + absl::Minutes(1), .caller = world_.staff.One("REGISTRAR", id())},
     dv1::StartVerificationRequest(), &CaseStory::Verified);
}

void CaseStory::Verified() {
  const bool there = !world_.rules.Happens("not there", kNotThereIn100, id());
  const Caller collector = world_.staff.One("COLLECTOR", absl::StrCat(id(), "/verify"), case_.grid());
  verifier_ = collector.subject;
  dv1::RecordVerificationRequest request;
  request.set_result(there ? dv1::VERIFICATION_RESULT_EXISTS : dv1::VERIFICATION_RESULT_NOT_EXISTS);
  AddPhotos(absl::StrCat(id(), "/verification"), 1, type::v1::Attachment::KIND_NEAR, request.mutable_photos());
  world_.happened.Add("verified 核实");
  Do({.what = "RecordVerification", .at = at_ + world_.rules.After(kVerify, id()), .caller = collector}, request,
     &CaseStory::Register);
}

std::string CaseStory::ChooseClass() const {
  const ReportStory& first = *reports_.front();
  if (first.input().classes) {
    std::vector<std::string> codes;
    for (const std::string& code : *first.input().classes)
      if (world_.FindClass(world_.CodeOf(code))) codes.push_back(world_.CodeOf(code));
    if (std::find(codes.begin(), codes.end(), case_.class_code()) != codes.end()) return case_.class_code();
    if (!codes.empty()) return codes[world_.rules.Choose("class", id(), codes.size())];
  }
  if (!case_.class_code().empty()) return case_.class_code();
  if (world_.FindClass(first.second_class())) return first.second_class();
  return world_.CodeOf(kOtherRequests);
}

void CaseStory::Register() {
  if (case_.verification() == dv1::VERIFICATION_RESULT_NOT_EXISTS)
    return Decline(dv1::DECLINE_GROUND_NOT_EXISTING, "经现场核实，未发现所反映的问题。", "");
  const std::string code = ChooseClass();
  const auto* minor = world_.FindClass(code);
  if (!minor || minor->conditions().empty())
    return world_.Fail(
        absl::FailedPreconditionError(absl::StrCat("the standard has no class ", code, " to register by")));
  dv1::RegisterCaseRequest request;
  if (code != case_.class_code()) request.set_class_code(code);
  request.set_condition_id(minor->conditions(world_.rules.Choose("condition", id(), minor->conditions_size())).id());
  Do({.what = "RegisterCase",
      .at = at_ + world_.rules.After(kRegister, id()),
      .caller = world_.staff.One("REGISTRAR", id()),
      .tells = iv1::NOTICE_KIND_REGISTERED,
      .earns = true},
     request, &CaseStory::Dispatch);
}

void CaseStory::Dispatch() {
  if (!registered_) world_.happened.Add("registered 立案");
  registered_ = true;
  dv1::DispatchCaseRequest request;
  if (!cited_unit_.empty()) {
    request.set_override_unit(cited_unit_);
    request.set_override_reason("退单理由成立，按责任清单改派。");
  }
  const bool first = case_.units().empty();
  Do({.what = "DispatchCase",
      .at = at_ + world_.rules.After(kDispatch, id(), returns_),
      .caller = world_.staff.One("DISPATCHER", id()),
      .tells = first ? iv1::NOTICE_KIND_DISPATCHED : iv1::NOTICE_KIND_UNSPECIFIED},
     request, &CaseStory::Sign);
}

bool CaseStory::Urgent() const {
  const auto* clock = DisposalClock();
  return clock && (clock->counted() == dv1::LIMIT_KIND_URGENT_HOUR || clock->counted() == dv1::LIMIT_KIND_URGENT_DAY);
}

void CaseStory::Sign() {
  Do({.what = "SignCase",
      .at = at_ + world_.rules.After(Urgent() ? kSignUrgent : kSign, id(), returns_),
      .caller = world_.staff.Worker(case_.unit(), id()),
      .tells = iv1::NOTICE_KIND_SIGNED},
     dv1::SignCaseRequest(), &CaseStory::Signed);
}

void CaseStory::Signed() {
  const absl::Time back = at_ + world_.rules.After(kReturn, id());
  const auto* duty = world_.staff.DutyOfAnother(case_.unit(), id());
  const auto* clock = DisposalClock();
  const bool within = clock && back < TimeOf(clock->due_at());
  if (duty && within && returns_ == 0 && world_.rules.Happens("return", kReturnedIn100, id())) return Return(*duty);
  Start();
}

void CaseStory::Return(const reference::v1::DutyEntry& duty) {
  ++returns_;
  cited_unit_ = duty.unit();
  dv1::ReturnCaseRequest request;
  request.set_duty_entry(duty.id());
  request.set_note("按责任清单，此事不属我单位职责。");
  request.set_site_secured(true);
  world_.happened.Add("returned 退单");
  Do({.what = "ReturnCase",
      .at = at_ + world_.rules.After(kReturn, id()),
      .caller = world_.staff.Worker(case_.unit(), id())},
     request, &CaseStory::JudgeReturn);
}

void CaseStory::JudgeReturn() {
  const bool wrongful = world_.rules.Happens("wrongful", kWrongfulIn100, id());
  dv1::JudgeReturnRequest request;
  request.set_verdict(wrongful ? dv1::RETURN_VERDICT_WRONGFUL : dv1::RETURN_VERDICT_JUSTIFIED);
  request.set_note(wrongful ? "责任清单明确由该单位负责，退单理由不成立。" : "退单理由成立。");
  if (wrongful) cited_unit_.clear();
  world_.happened.Add(wrongful ? "returns judged wrongful 推诿" : "returns judged justified 误派");
  Do({.what = "JudgeReturn",
      .at = at_ + world_.rules.After(kJudge, id()),
      .caller = world_.staff.One("DISPATCHER", id())},
     request, &CaseStory::AfterJudgement);
}

void CaseStory::AfterJudgement() {
  if (case_.status() == dv1::CASE_STATUS_REGISTERED) return Dispatch();
  Start();
}

void CaseStory::Start() {
  Do({.what = "StartDisposal",
      .at = at_ + world_.rules.After(Urgent() ? kStartUrgent : kStart, id(), returns_),
      .caller = world_.staff.Worker(case_.unit(), id())},
     dv1::StartDisposalRequest(), &CaseStory::Feedback);
}

const dv1::Clock* CaseStory::DisposalClock() const {
  for (const auto& clock : case_.clocks())
    if (clock.kind() == dv1::CLOCK_KIND_DISPOSAL) return &clock;
  return nullptr;
}

// After its share of the limit, as the calendar counts it, and never before there was time to do anything.
absl::Time CaseStory::FeedbackAt() const {
  const absl::Time soonest = at_ + absl::Minutes(10);
  if (inspections_ > 0) return at_ + world_.rules.After(kRework, id(), inspections_);
  const auto* clock = DisposalClock();
  const auto limit = ParseTimeLimit(case_.limit_text());
  if (!clock || !limit.ok()) return soonest;
  const absl::Time started = TimeOf(clock->started_at()), due = TimeOf(clock->due_at());
  const double share = world_.rules.ShareOfLimit(id());
  const bool working = limit->kind == TimeLimit::Kind::kWorkingHour || limit->kind == TimeLimit::Kind::kWorkingDay;
  const absl::Time at = working ? world_.calendar.Resume(started, limit->kind, share * AmountOfTime(*limit)).at
                                : started + share * (due - started);
  return std::max(soonest, absl::FromUnixSeconds(absl::ToUnixSeconds(at)));
}

void CaseStory::Feedback() {
  dv1::SubmitFeedbackRequest request;
  request.set_note("已处置完毕。");
  AddPhotos(absl::StrCat(id(), "/feedback-", inspections_), 2, type::v1::Attachment::KIND_AFTER,
            request.mutable_photos());
  Do({.what = "SubmitFeedback", .at = FeedbackAt(), .caller = world_.staff.Worker(case_.unit(), id())}, request,
     &CaseStory::Inspect);
}

void CaseStory::Inspect() {
  const int round = inspections_++;
  const bool fails = world_.rules.Happens("rework", kReworkedIn100[std::min(round, 2)], id(), round);
  dv1::InspectCaseRequest request;
  request.set_passed(!fails);
  if (fails) request.set_note("现场未处置到位，请返工。");
  AddPhotos(absl::StrCat(id(), "/inspection-", round), 1, type::v1::Attachment::KIND_AFTER, request.mutable_photos());
  // Never who verified it, though that would be allowed.
  Do({.what = "InspectCase",
      .at = at_ + world_.rules.After(kInspect, id(), round),
      .caller = world_.staff.One("COLLECTOR", absl::StrCat(id(), "/inspect"), case_.grid(), verifier_),
      .tells = fails ? iv1::NOTICE_KIND_UNSPECIFIED : iv1::NOTICE_KIND_CLOSED},
     request, &CaseStory::Inspected);
}

void CaseStory::Inspected() {
  if (case_.status() == dv1::CASE_STATUS_REWORK) {
    world_.happened.Add("inspections failed 返工");
    return Feedback();
  }
  world_.happened.Add("closed 结案");
  Revisit();
}

// The hotline calls who reported it, where somebody is known and picks up.
void CaseStory::Revisit() {
  if (!reports_.front()->earns() || !world_.rules.Happens("reached", kReachedIn100, id())) return;
  const auto* clock = DisposalClock();
  const bool late = case_.disposal_overdue() || (clock && clock->overdue());
  dv1::RevisitCaseRequest request;
  request.set_rating(world_.rules.RatingOf(id(), late, case_.rework_count() > 0));
  request.set_solved(request.rating() <= dv1::RATING_FAIRLY_SATISFIED);
  request.set_contacted_in_time(!late);
  Do({.what = "RevisitCase", .at = world_.rules.RevisitAt(at_, id()), .caller = world_.staff.Named("gateway-hotline")},
     request, &CaseStory::End);
}

void CaseStory::End() {
  if (case_.status() == dv1::CASE_STATUS_REVISITED) world_.happened.Add("revisited 回访");
}

}  // namespace civicmesh::civicctl
