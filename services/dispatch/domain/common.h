// What several rules share. Pure functions.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

#include "services/dispatch/domain/change.h"
#include "services/dispatch/domain/clocks.h"
#include "services/dispatch/domain/explanations.h"
#include "services/dispatch/domain/reference.h"
#include "services/dispatch/domain/rules.h"
#include "services/runtime/workcalendar/work_calendar.h"

namespace civicmesh::dispatch {

inline bool StatusIs(const v1::CaseState& c, std::initializer_list<v1::CaseStatus> allowed) {
  return std::find(allowed.begin(), allowed.end(), c.case_().status()) != allowed.end();
}

// Neither declined nor closed nor merged into another.
inline bool IsOpen(const v1::Case& c) {
  return c.status() != v1::CASE_STATUS_UNSPECIFIED && c.status() != v1::CASE_STATUS_NOT_REGISTERED &&
         c.status() != v1::CASE_STATUS_CLOSED && c.status() != v1::CASE_STATUS_REVISITED &&
         c.status() != v1::CASE_STATUS_MERGED;
}

template <typename Names>
bool Contains(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// 双轴: who judges a case never handles it, and the reverse.
inline bool Judged(const v1::CaseState& c, const Context& ctx) { return Contains(c.judges(), ctx.actor.subject); }
inline bool Handled(const v1::CaseState& c, const Context& ctx) { return Contains(c.disposers(), ctx.actor.subject); }

// Names the class in the context.
void SetClass(v1::EventContext& after, const MinorClass& minor, const Standard& standard);

// The grid of `location` and why.
struct GridChoice {
  std::string grid;  // "" where there is none
  v1::Explanation why;
};
GridChoice ChooseGrid(const civicmesh::type::v1::GeoPoint& location, const District* district, int64_t now_ms);

// The unit whose duty the class is in the grid, and why; the fallback where the duty list has no answer.
struct UnitChoice {
  std::string unit;  // "" where there is no fallback either
  std::string duty_entry;
  v1::Explanation why;
};
UnitChoice ChooseUnit(const std::string& class_code, const std::string& role, const std::string& grid,
                      const District& district, int64_t now_ms);

// What may be the same as a case of that class, place and time; `but` is left out.
std::vector<DuplicateIndex::Near> FindSimilar(const CaseBook& book, const std::string& class_code,
                                              const civicmesh::type::v1::GeoPoint& location, int64_t reported_ms,
                                              std::string_view but);
// The hint for staff, or that there is none.
v1::Explanation ExplainSimilar(const std::vector<DuplicateIndex::Near>& similar, int64_t now_ms);

// How the clock of disposal came to its due time, counted from `clock.started_at`.
v1::Explanation ExplainDeadline(const std::string& condition_id, const v1::Clock& clock, int64_t now_ms);
// How it went on after a pause of `before`.
v1::Explanation ExplainResumed(const v1::Clock& before, const v1::Clock& after, int64_t now_ms);

}  // namespace civicmesh::dispatch
