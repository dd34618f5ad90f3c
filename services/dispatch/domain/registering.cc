// 受理, 核实, 立案, 不予立案.
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "services/dispatch/domain/common.h"
#include "services/dispatch/domain/merging.h"
#include "services/runtime/decider/uploads.h"

namespace civicmesh::dispatch {
namespace {

// 5 digits a day for the whole district, a range of them per shard.
constexpr int kNumbersPerDay = 100000;

struct Number {
  v1::CaseNumberTaken taken;
  std::string text;  // "" where the shard's numbers of the day are used up
};

// 案卷号 (DOMAIN section 1.1): 6 digits of the district, 8 of the day, 5 serial.
Number NextNumber(const v1::CaseNumberTaken* last, const District& district, const Context& ctx) {
  const absl::CivilDay day = WorkCalendar::DayOf(absl::FromUnixMillis(ctx.now_ms));
  Number number;
  number.taken.set_date(static_cast<int>(day.year() * 10000 + day.month() * 100 + day.day()));
  if (last && last->date() == number.taken.date()) number.taken.set_serial(last->serial() + 1);
  const int range = kNumbersPerDay / ctx.shards;
  if (number.taken.serial() < range)
    number.text =
        absl::StrFormat("%s%08d%05d", district.code(), number.taken.date(), ctx.shard * range + number.taken.serial());
  return number;
}

void CopyReports(const v1::Case& c, google::protobuf::RepeatedPtrField<v1::CaseReport>* to) { *to = c.reports(); }

}  // namespace

// 受理. The clock of acceptance goes on: it ends with registration or decline.
CaseDecision Accept(const v1::CaseState& c, const Context& ctx) {
  if (!StatusIs(c, {v1::CASE_STATUS_REPORTED})) return Refuse(v1::REASON_WRONG_STATUS);
  Change change(c, ctx);
  change.after().set_status(v1::CASE_STATUS_ACCEPTED);
  change.Add(&v1::JournalEvent::mutable_case_accepted);
  return std::move(change).Done();
}

// 核实 begins, also a second time: 30 minutes, during which acceptance stands still.
CaseDecision StartVerification(const v1::CaseState& c, const Context& ctx) {
  if (!StatusIs(c, {v1::CASE_STATUS_ACCEPTED})) return Refuse(v1::REASON_WRONG_STATUS);
  Change change(c, ctx);
  change.after().set_status(v1::CASE_STATUS_VERIFYING);
  PauseClock(change.clock(v1::CLOCK_KIND_ACCEPTANCE), nullptr, ctx.now_ms).IgnoreError();  // minutes always pause
  change.Start(StartMinutes(v1::CLOCK_KIND_VERIFICATION, kVerificationMinutes, ctx.now_ms));
  change.Add(&v1::JournalEvent::mutable_verification_started);
  return std::move(change).Done();
}

// 核实结果
CaseDecision RecordVerification(const v1::CaseState& c, const v1::RecordVerificationRequest& cmd, const Context& ctx) {
  if (!StatusIs(c, {v1::CASE_STATUS_VERIFYING})) return Refuse(v1::REASON_WRONG_STATUS);
  Change change(c, ctx);
  change.after().set_status(v1::CASE_STATUS_ACCEPTED);
  StopClock(change.clock(v1::CLOCK_KIND_VERIFICATION), ctx.now_ms);
  ResumeClock(change.clock(v1::CLOCK_KIND_ACCEPTANCE), nullptr, ctx.now_ms);
  v1::VerificationRecorded& recorded = change.Add(&v1::JournalEvent::mutable_verification_recorded);
  recorded.set_result(cmd.result());
  AddUploads(cmd.photos(), &recorded);
  change.event().set_note(cmd.note());
  *change.event().mutable_photos() = cmd.photos();
  return std::move(change).Done();
}

// 立案: one condition (立案条件) is chosen, which fixes the limit; the case gets its number.
CaseDecision Register(const v1::CaseState& c, const v1::RegisterCaseRequest& cmd, const CaseBook& book,
                      const Context& ctx) {
  if (!StatusIs(c, {v1::CASE_STATUS_ACCEPTED})) return Refuse(v1::REASON_WRONG_STATUS);
  if (AsksToMerge(c)) return Refuse(v1::REASON_MERGING);
  const auto* standard = ctx.reference->Get<Standard>(kStandardKind);
  const auto* district = ctx.reference->Get<District>(kDistrictKind);
  if (!standard || !district) return Refuse(v1::REASON_REFERENCE_MISSING);
  const v1::Case& was = c.case_();
  const std::string& code = cmd.class_code().empty() ? was.class_code() : cmd.class_code();
  if (code.empty()) return Refuse(v1::REASON_CLASS_MISSING, "class_code");
  const MinorClass* minor = standard->Find(code);
  if (!minor) return Refuse(v1::REASON_UNKNOWN_CLASS, "class_code");
  const Condition* condition = minor->Find(cmd.condition_id());
  if (!condition) return Refuse(v1::REASON_UNKNOWN_CONDITION, "condition_id");
  if (was.verification() == v1::VERIFICATION_RESULT_NOT_EXISTS) return Refuse(v1::REASON_VERIFIED_NOT_EXISTING);

  const auto& location = cmd.has_corrected_location() ? cmd.corrected_location() : was.location();
  // The district may have changed since the opening, and a case that came before it has no grid yet.
  GridChoice grid = ChooseGrid(location, district, ctx.now_ms);
  if (grid.grid.empty()) return Refuse(v1::REASON_OUTSIDE_DISTRICT, "corrected_location");
  UnitChoice unit = ChooseUnit(code, minor->unit_role, grid.grid, *district, ctx.now_ms);

  Change change(c, ctx);
  Number number = NextNumber(book.last_number(), *district, ctx);
  if (!number.text.empty()) {
    v1::JournalEvent taken;
    *taken.mutable_case_number_taken() = number.taken;
    change.AddTo(kNumbersStream, std::move(taken));
  }
  v1::EventContext& after = change.after();
  after.set_status(v1::CASE_STATUS_REGISTERED);
  after.set_case_number(number.text);
  SetClass(after, *minor, *standard);
  after.set_condition_id(condition->id);
  after.set_grid(grid.grid);
  *after.mutable_location() = location;
  *after.mutable_registered_at() = ToTimestamp(ctx.now_ms);
  StopClock(change.clock(v1::CLOCK_KIND_ACCEPTANCE), ctx.now_ms);
  change.Start(StartMinutes(v1::CLOCK_KIND_DISPATCH, kDispatchMinutes, ctx.now_ms));

  v1::CaseRegistered& registered = change.Add(&v1::JournalEvent::mutable_case_registered);
  if (code != was.class_code())
    *registered.add_explanations() = Explain(v1::EXPLANATION_CODE_CLASS_CHOSEN, ctx.now_ms, {{"class", code}});
  *registered.add_explanations() = std::move(grid.why);
  if (!unit.unit.empty()) *registered.add_explanations() = std::move(unit.why);
  if (code != was.class_code() || cmd.has_corrected_location())
    *registered.add_explanations() =
        ExplainSimilar(FindSimilar(book, code, location, ToMs(was.reported_at()), CaseStream(was.name())), ctx.now_ms);
  registered.set_limit_text(condition->limit_text);
  registered.set_limit_kind(ToLimitKind(condition->limit.kind));
  registered.set_limit_amount(condition->limit.amount);
  registered.set_proposed_unit(unit.unit);
  registered.set_duty_entry(unit.duty_entry);
  CopyReports(was, registered.mutable_reports());
  change.event().set_class_name_en(minor->name_en);
  change.event().set_condition_zh(condition->text_zh);
  change.event().set_closure_zh(condition->closure_zh);
  change.event().set_unit_role(minor->unit_role);
  return std::move(change).Done();
}

// 不予立案. Whoever is sent away is told where to turn to (DOMAIN, decisions).
CaseDecision Decline(const v1::CaseState& c, const v1::DeclineCaseRequest& cmd, const Context& ctx) {
  if (!StatusIs(c, {v1::CASE_STATUS_ACCEPTED})) return Refuse(v1::REASON_WRONG_STATUS);
  if (AsksToMerge(c)) return Refuse(v1::REASON_MERGING);
  if (cmd.ground() == v1::DECLINE_GROUND_DUPLICATE &&
      (CaseStream(cmd.duplicate_of()).empty() || cmd.duplicate_of() == c.case_().name()))
    return Refuse(v1::REASON_DUPLICATE_CASE_MISSING, "duplicate_of");
  Change change(c, ctx);
  change.after().set_status(v1::CASE_STATUS_NOT_REGISTERED);
  StopClock(change.clock(v1::CLOCK_KIND_ACCEPTANCE), ctx.now_ms);
  v1::CaseDeclined& declined = change.Add(&v1::JournalEvent::mutable_case_declined);
  declined.set_ground(cmd.ground());
  if (cmd.ground() == v1::DECLINE_GROUND_DUPLICATE) declined.set_duplicate_of(cmd.duplicate_of());
  CopyReports(c.case_(), declined.mutable_reports());
  change.event().set_note(cmd.note());
  change.event().set_referral(cmd.referral());
  return std::move(change).Done();
}

}  // namespace civicmesh::dispatch
