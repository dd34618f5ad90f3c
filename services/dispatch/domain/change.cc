#include "services/dispatch/domain/change.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/dispatch/domain/clocks.h"

namespace civicmesh::dispatch {
namespace {

constexpr std::string_view kPrefix = "cases/";
constexpr std::pair<v1::ClockKind, const char*> kTimers[] = {
    {v1::CLOCK_KIND_ACCEPTANCE, "acceptance"}, {v1::CLOCK_KIND_VERIFICATION, "verification"},
    {v1::CLOCK_KIND_DISPATCH, "dispatch"},     {v1::CLOCK_KIND_DISPOSAL, "disposal"},
    {v1::CLOCK_KIND_INSPECTION, "inspection"}, {v1::CLOCK_KIND_REVISIT, "revisit"}};

}  // namespace

std::string CaseName(std::string_view stream) { return std::string(kPrefix) + std::string(stream); }

std::string CaseStream(std::string_view name) {
  return name.substr(0, kPrefix.size()) == kPrefix ? std::string(name.substr(kPrefix.size())) : "";
}

const char* TimerOf(v1::ClockKind kind) {
  for (const auto& [of, name] : kTimers)
    if (of == kind) return name;
  return "";
}

v1::ClockKind ClockOf(std::string_view timer) {
  for (const auto& [kind, name] : kTimers)
    if (name == timer) return kind;
  return v1::CLOCK_KIND_UNSPECIFIED;
}

const v1::Clock* FindClock(const v1::Case& c, v1::ClockKind kind) {
  for (const auto& clock : c.clocks())
    if (clock.kind() == kind) return &clock;
  return nullptr;
}

v1::EventContext ContextOf(const v1::Case& c, const std::string& reporter_token) {
  v1::EventContext context;
  context.set_case_(c.name());
  context.set_case_number(c.case_number());
  context.set_status(c.status());
  context.set_class_code(c.class_code());
  context.set_class_name_zh(c.class_name_zh());
  context.set_major_name_zh(c.major_name_zh());
  context.set_component(c.component());
  context.set_safety_hazard(c.safety_hazard());
  context.set_condition_id(c.condition_id());
  context.set_standard_version(c.standard_version());
  context.set_grid(c.grid());
  if (c.has_location()) *context.mutable_location() = c.location();
  context.set_unit(c.unit());
  context.set_department_zh(c.department_zh());
  context.set_source(c.source());
  // What was merged later does not lead; a case that staff opened has no first report.
  if (c.reports_size() > 0 && !c.reports(0).has_merged_at()) context.set_lead_report(c.reports(0).report());
  context.set_reporter_token(reporter_token);
  if (c.has_reported_at()) *context.mutable_reported_at() = c.reported_at();
  if (c.has_opened_at()) *context.mutable_opened_at() = c.opened_at();
  if (c.has_registered_at()) *context.mutable_registered_at() = c.registered_at();
  if (c.has_first_dispatched_at()) *context.mutable_first_dispatched_at() = c.first_dispatched_at();
  if (const auto* disposal = FindClock(c, v1::CLOCK_KIND_DISPOSAL))
    *context.mutable_disposal_due_at() = disposal->due_at();
  context.set_disposal_overdue(c.disposal_overdue());
  context.set_report_count(c.report_count());
  context.set_transfer_count(c.transfer_count());
  context.set_rework_count(c.rework_count());
  context.set_extension_count(c.extension_count());
  context.set_urge_count(c.urge_count());
  context.set_escalated(c.escalated());
  context.set_buck_passed(c.buck_passed());
  for (const auto& report : c.reports()) context.add_reports(report.report());
  return context;
}

Change::Change(const v1::CaseState& before, const Context& ctx)
    : before_(&before),
      stream_(CaseStream(before.case_().name())),
      after_(ContextOf(before.case_(), before.reporter_token())) {
  *after_.mutable_occurred_at() = ToTimestamp(ctx.now_ms);
  after_.set_actor(ctx.actor.subject);
}

Change::Change(std::string stream, const Context& ctx) : stream_(std::move(stream)) {
  after_.set_case_(CaseName(stream_));
  *after_.mutable_occurred_at() = ToTimestamp(ctx.now_ms);
  after_.set_actor(ctx.actor.subject);
}

v1::Clock& Change::clock(v1::ClockKind kind) {
  moved_.insert(kind);
  auto [it, fresh] = clocks_.try_emplace(kind);
  if (fresh) {
    it->second.set_kind(kind);
    if (const auto* was = before_ ? FindClock(before_->case_(), kind) : nullptr) it->second = *was;
  }
  return it->second;
}

void Change::FollowDisposal() {
  if (!moved_.count(v1::CLOCK_KIND_DISPOSAL)) return;
  const v1::Clock& disposal = clocks_.at(v1::CLOCK_KIND_DISPOSAL);
  *after_.mutable_disposal_due_at() = disposal.due_at();
  if (disposal.overdue()) after_.set_disposal_overdue(true);
}

void Change::Settle() {
  for (v1::ClockKind kind : moved_) decided_.Arm(stream_, TimerOf(kind), WakeAt(clocks_.at(kind)));
  moved_.clear();
}

Decided<v1::JournalEvent> Change::Done() && {
  decided_.resource = stream_;
  return std::move(decided_);
}

}  // namespace civicmesh::dispatch
