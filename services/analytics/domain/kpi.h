// What a KPI is: a visit of the facts that names its members. Numerator, denominator, exclusions and the list of
// members all follow from the same visit, so they cannot disagree.
//
// To add one: a visit here and in its .cc, its rows in kpis_test.cc, a line in registry.cc. Pure functions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "civicmesh/analytics/v1/analytics_service.pb.h"
#include "services/analytics/domain/facts.h"

namespace civicmesh::analytics {

// Times are milliseconds since 1970. Facts after `as_of_ms` are unknown.
struct Question {
  int64_t from_ms = 0;
  int64_t to_ms = 0;  // the first moment after the window
  int64_t as_of_ms = 0;

  // The first moment that is not counted where something must have happened by the window's end.
  int64_t end_ms() const { return std::min(to_ms, as_of_ms + 1); }
  bool InWindow(int64_t ms) const { return from_ms <= ms && ms < to_ms; }
  // Happened within the window and is known.
  bool Happened(int64_t ms) const { return from_ms <= ms && ms < end_ms(); }
};

// By what a member can be grouped.
struct Groups {
  Text street = 0, major = 0, unit = 0;
};

// Views hold as long as the facts do not change.
struct Member {
  std::string_view name;
  // Tells members of the same name apart, and orders them.
  int64_t ordinal = 0;
  int64_t at_ms = 0;
  // What it adds to the numerator, or to what the exclusion publishes.
  int64_t amount = 1;
  bool numerator = false;
  bool denominator = false;
  v1::KpiExclusion exclusion = v1::KPI_EXCLUSION_UNSPECIFIED;
  Groups groups = {};
  std::string_view series = "";
  // Summed over the denominator for what is published beside the figure.
  int64_t weight = 0;
};

// What the members of one figure add up to.
struct Tally {
  int64_t numerator = 0;
  int64_t denominator = 0;
  int64_t weight = 0;
  struct Left {
    int64_t count = 0, amount = 0;
  };
  std::map<v1::KpiExclusion, Left> excluded;
  // Of the numerator's members; only of a MEAN.
  std::vector<int64_t> amounts;

  int64_t Excluded(v1::KpiExclusion reason) const {
    auto left = excluded.find(reason);
    return left == excluded.end() ? 0 : left->second.count;
  }
};

using Visit = absl::FunctionRef<void(const Member&)>;

struct KpiDefinition {
  const char* id;
  const char* title_zh;
  const char* title_en;
  const char* definition_en;
  int version;
  v1::KpiKind kind;
  v1::KpiUnit unit;
  void (*visit)(const Facts&, const Question&, Visit);
  // Adds what is published beside the value; may be null.
  void (*beside)(const Tally&, v1::Figure&) = nullptr;
  // Where the definition has a window of its own: so long before Question::end_ms. 0: the window asked for.
  int64_t rolling_ms = 0;
  // One figure per series that occurs; else there is always one figure.
  bool has_series = false;
};

// In the order in which they are shown.
const std::vector<KpiDefinition>& Kpis();
// By id; null where there is none.
const KpiDefinition* FindKpi(std::string_view id);

// Cases (case_kpis.cc).
void VisitResponse(const Facts&, const Question&, Visit);
void VisitClosure(const Facts&, const Question&, Visit);
void VisitOnTimeClosure(const Facts&, const Question&, Visit);
void VisitRegistration(const Facts&, const Question&, Visit);
void VisitReturns(const Facts&, const Question&, Visit);
void VisitRework(const Facts&, const Question&, Visit);
void VisitOverdueOpen(const Facts&, const Question&, Visit);
void VisitSatisfaction(const Facts&, const Question&, Visit);
void BesideResponse(const Tally&, v1::Figure&);
void BesideClosure(const Tally&, v1::Figure&);
void BesideSatisfaction(const Tally&, v1::Figure&);

// Reports and alerts (report_kpis.cc).
void VisitDuplicates(const Facts&, const Question&, Visit);
void VisitReportsBySource(const Facts&, const Question&, Visit);
void VisitReportsByStatus(const Facts&, const Question&, Visit);
void VisitNotices(const Facts&, const Question&, Visit);
void VisitPrecision(const Facts&, const Question&, Visit);
void BesidePrecision(const Tally&, v1::Figure&);

// Points and minutes (amount_kpis.cc).
void VisitGranted(const Facts&, const Question&, Visit);
void VisitRedeemed(const Facts&, const Question&, Visit);
void VisitExpired(const Facts&, const Question&, Visit);
void VisitReversed(const Facts&, const Question&, Visit);
void VisitMinutes(const Facts&, const Question&, Visit);

// Shared by the visits. The last step before `before_ms`, as an index; -1: none.
template <typename Step>
int StepBefore(const std::vector<Step>& steps, int64_t before_ms) {
  int i = static_cast<int>(steps.size()) - 1;
  while (i >= 0 && steps[i].at_ms >= before_ms) --i;
  return i;
}
// By what a report can be grouped: what its case was like as known at `as_of_ms`, if any had taken it up.
Groups GroupsOf(const Facts& facts, const Report& report, int64_t as_of_ms);
inline Groups GroupsOf(const CaseStep& step) { return {step.street, step.major, step.unit}; }

void AddBeside(v1::Figure& figure, const char* name, double value, v1::KpiUnit unit);

}  // namespace civicmesh::analytics
