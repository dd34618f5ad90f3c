#include <cmath>

#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "civicmesh/intake/v1/intake_events.pb.h"
#include "services/analytics/domain/kpi.h"

namespace civicmesh::analytics {
namespace {

constexpr double kMinuteMs = 60'000;

bool Closed(const CaseStep& step) {
  return step.status == dispatch::v1::CASE_STATUS_CLOSED || step.status == dispatch::v1::CASE_STATUS_REVISITED;
}

// When the reporter was told that the unit has signed; 0: not before `before_ms`.
int64_t NotifiedBefore(const Report& report, int64_t before_ms) {
  for (const ReportStep& step : report.steps)
    if (step.notice == intake::v1::NOTICE_KIND_SIGNED && step.at_ms < before_ms) return step.at_ms;
  return 0;
}

int64_t SignedBefore(const Case& c, int64_t before_ms) {
  for (const CaseStep& step : c.steps)
    if (step.fact == CaseFact::kSigned && step.at_ms < before_ms) return step.at_ms;
  return 0;
}

// Visits the cases that were due in the window: `judge` says of those in the denominator what they count for.
template <typename Judge>
void VisitDue(const Facts& facts, const Question& q, Visit visit, Judge judge) {
  for (const Case& c : facts.cases()) {
    const int known = StepBefore(c.steps, q.as_of_ms + 1);
    if (known < 0) continue;
    const CaseStep& step = c.steps[known];
    if (step.due_ms == 0 || !q.InWindow(step.due_ms)) continue;
    Member member{.name = c.name, .at_ms = step.due_ms, .groups = GroupsOf(step)};
    if (step.status == dispatch::v1::CASE_STATUS_NOT_REGISTERED)
      member.exclusion = v1::KPI_EXCLUSION_DECLINED;
    else if (step.status == dispatch::v1::CASE_STATUS_POSTPONED)
      member.exclusion = v1::KPI_EXCLUSION_POSTPONED;
    else if (step.provisional)
      member.exclusion = v1::KPI_EXCLUSION_PROVISIONAL;
    else
      judge(c, member);
    member.denominator = member.exclusion == v1::KPI_EXCLUSION_UNSPECIFIED;
    visit(member);
  }
}

// The step that closed the case, if it is closed before the window's end and what is known; -1 where it is not.
int ClosingStep(const Case& c, const Question& q) {
  int i = StepBefore(c.steps, q.end_ms());
  if (i < 0 || !Closed(c.steps[i])) return -1;
  while (i >= 0 && c.steps[i].fact != CaseFact::kClosed) --i;
  return i;
}

void JudgeClosure(const Case& c, const Question& q, bool on_time, Member& member) {
  const int closing = ClosingStep(c, q);
  member.numerator = closing >= 0 && (!on_time || c.steps[closing].on_time);
  member.weight = closing < 0 && member.at_ms > q.as_of_ms;  // may still be closed in time
}

int Score(uint8_t rating) {
  switch (rating) {
    case dispatch::v1::RATING_VERY_SATISFIED:
      return 100;
    case dispatch::v1::RATING_SATISFIED:
      return 80;
    case dispatch::v1::RATING_FAIRLY_SATISFIED:
      return 60;
    case dispatch::v1::RATING_DISSATISFIED:
      return 30;
    default:
      return 0;
  }
}

}  // namespace

void VisitResponse(const Facts& facts, const Question& q, Visit visit) {
  const int64_t unknown_ms = q.as_of_ms + 1;
  for (const Case& c : facts.cases()) {
    const int known = StepBefore(c.steps, unknown_ms);
    if (known < 0 || !q.InWindow(c.reported_ms)) continue;
    Member member{.name = c.name, .at_ms = c.reported_ms, .groups = GroupsOf(c.steps[known])};
    if (c.lead_report == kNone) {
      member.exclusion = v1::KPI_EXCLUSION_NO_REPORT;
      visit(member);
      continue;
    }
    const Report& lead = facts.reports()[c.lead_report];
    const int64_t signed_ms = SignedBefore(c, unknown_ms), notified_ms = NotifiedBefore(lead, unknown_ms);
    if (signed_ms && notified_ms) {
      member.at_ms = std::max(signed_ms, notified_ms);
      member.amount = member.at_ms - c.reported_ms;
      member.numerator = member.denominator = true;
    } else if (c.steps[known].status == dispatch::v1::CASE_STATUS_MERGED) {
      member.exclusion = v1::KPI_EXCLUSION_MERGED;
    } else if (c.steps[known].status == dispatch::v1::CASE_STATUS_NOT_REGISTERED) {
      member.exclusion = v1::KPI_EXCLUSION_DECLINED;
    } else if (const int told = StepBefore(lead.steps, unknown_ms);
               told >= 0 && lead.steps[told].status == intake::v1::REPORT_STATUS_WITHDRAWN) {
      member.exclusion = v1::KPI_EXCLUSION_WITHDRAWN;
    } else {
      member.exclusion = v1::KPI_EXCLUSION_UNANSWERED;
      member.amount = std::max<int64_t>(0, std::min(q.to_ms, q.as_of_ms) - c.reported_ms);
    }
    visit(member);
  }
}

void BesideResponse(const Tally& tally, v1::Figure& figure) {
  if (!tally.amounts.empty()) {
    std::vector<int64_t> sorted = tally.amounts;
    // Nearest rank: the smallest that at least 90 % do not exceed.
    const size_t rank = (sorted.size() * 9 + 9) / 10;
    std::nth_element(sorted.begin(), sorted.begin() + (rank - 1), sorted.end());
    AddBeside(figure, "p90", sorted[rank - 1] / kMinuteMs, v1::KPI_UNIT_MINUTES);
  }
  Tally::Left open;
  if (auto left = tally.excluded.find(v1::KPI_EXCLUSION_UNANSWERED); left != tally.excluded.end()) open = left->second;
  if (const int64_t all = tally.denominator + open.count; all > 0)
    AddBeside(figure, "open_inclusive_mean", (tally.numerator + open.amount) / kMinuteMs / all, v1::KPI_UNIT_MINUTES);
}

void VisitClosure(const Facts& facts, const Question& q, Visit visit) {
  VisitDue(facts, q, visit, [&](const Case& c, Member& member) { JudgeClosure(c, q, /*on_time=*/false, member); });
}

void VisitOnTimeClosure(const Facts& facts, const Question& q, Visit visit) {
  VisitDue(facts, q, visit, [&](const Case& c, Member& member) { JudgeClosure(c, q, /*on_time=*/true, member); });
}

void BesideClosure(const Tally& tally, v1::Figure& figure) {
  AddBeside(figure, "not_due_yet", static_cast<double>(tally.weight), v1::KPI_UNIT_CASES);
}

void VisitRework(const Facts& facts, const Question& q, Visit visit) {
  VisitDue(facts, q, visit, [&](const Case& c, Member& member) {
    for (const CaseStep& step : c.steps)
      if (step.fact == CaseFact::kReworked && step.at_ms < q.end_ms()) member.numerator = true;
  });
}

void VisitRegistration(const Facts& facts, const Question& q, Visit visit) {
  for (const Case& c : facts.cases()) {
    int64_t accepted_ms = 0;
    bool registered = false;
    for (const CaseStep& step : c.steps) {
      if (step.at_ms >= q.end_ms()) break;
      if (step.status == dispatch::v1::CASE_STATUS_MERGED) break;
      if (!accepted_ms && step.status > dispatch::v1::CASE_STATUS_REPORTED) accepted_ms = step.at_ms;
      if (step.fact == CaseFact::kRegistered) registered = true;
    }
    if (!accepted_ms || !q.Happened(accepted_ms)) continue;
    const CaseStep& known = c.steps[StepBefore(c.steps, q.as_of_ms + 1)];
    const bool merged = known.status == dispatch::v1::CASE_STATUS_MERGED;
    visit({.name = c.name,
           .at_ms = accepted_ms,
           .numerator = registered && !merged,
           .denominator = !merged,
           .exclusion = merged ? v1::KPI_EXCLUSION_MERGED : v1::KPI_EXCLUSION_UNSPECIFIED,
           .groups = GroupsOf(known)});
  }
}

void VisitReturns(const Facts& facts, const Question& q, Visit visit) {
  for (const Case& c : facts.cases()) {
    Text unit = 0;  // a case that came back may name no unit any more
    for (size_t i = 0; i < c.steps.size(); ++i) {
      const CaseStep& step = c.steps[i];
      if (step.unit) unit = step.unit;
      if (!q.Happened(step.at_ms)) continue;
      if (step.fact != CaseFact::kDispatched && step.fact != CaseFact::kReturned) continue;
      visit({.name = c.name,
             .ordinal = static_cast<int64_t>(i),
             .at_ms = step.at_ms,
             .numerator = step.fact == CaseFact::kReturned,
             .denominator = step.fact == CaseFact::kDispatched,
             .groups = {step.street, step.major, unit}});
    }
  }
}

void VisitOverdueOpen(const Facts& facts, const Question& q, Visit visit) {
  const int64_t now_ms = q.end_ms() - 1;
  for (const Case& c : facts.cases()) {
    const int known = StepBefore(c.steps, q.end_ms());
    if (known < 0) continue;
    const CaseStep& step = c.steps[known];
    if (step.status == dispatch::v1::CASE_STATUS_NOT_REGISTERED || step.provisional) continue;
    // What is done at its due time is in time. A clock that stands still is late only if it ran out before.
    const bool late =
        (step.hand == Hand::kRunning && step.due_ms < now_ms) || (step.hand == Hand::kPaused && step.overdue);
    if (!late) continue;
    const bool postponed = step.status == dispatch::v1::CASE_STATUS_POSTPONED;
    visit({.name = c.name,
           .at_ms = step.due_ms,
           .numerator = !postponed,
           .exclusion = postponed ? v1::KPI_EXCLUSION_POSTPONED : v1::KPI_EXCLUSION_UNSPECIFIED,
           .groups = GroupsOf(step)});
  }
}

void VisitSatisfaction(const Facts& facts, const Question& q, Visit visit) {
  for (const Case& c : facts.cases()) {
    for (size_t i = 0; i < c.steps.size(); ++i) {
      const CaseStep& step = c.steps[i];
      if (step.fact != CaseFact::kRevisited || !q.Happened(step.at_ms)) continue;
      const bool answered = step.rating != dispatch::v1::RATING_UNSPECIFIED;
      visit({.name = c.name,
             .ordinal = static_cast<int64_t>(i),
             .at_ms = step.at_ms,
             .numerator = answered && step.rating <= dispatch::v1::RATING_FAIRLY_SATISFIED,
             .denominator = answered,
             .exclusion = answered ? v1::KPI_EXCLUSION_UNSPECIFIED : v1::KPI_EXCLUSION_NO_ANSWER,
             .groups = GroupsOf(step),
             .weight = Score(step.rating)});
    }
  }
}

void BesideSatisfaction(const Tally& tally, v1::Figure& figure) {
  if (tally.denominator > 0)
    AddBeside(figure, "weighted_score", static_cast<double>(tally.weight) / tally.denominator, v1::KPI_UNIT_SCORE);
}

}  // namespace civicmesh::analytics
