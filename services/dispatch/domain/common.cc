#include "services/dispatch/domain/common.h"

#include "absl/strings/str_cat.h"

namespace civicmesh::dispatch {

void SetClass(v1::EventContext& after, const MinorClass& minor, const Standard& standard) {
  after.set_class_code(minor.code);
  after.set_class_name_zh(minor.name_zh);
  after.set_major_name_zh(minor.major_zh);
  after.set_component(minor.component);
  after.set_safety_hazard(minor.safety_hazard);
  after.set_standard_version(standard.version());
}

GridChoice ChooseGrid(const civicmesh::type::v1::GeoPoint& location, const District* district, int64_t now_ms) {
  GridChoice choice;
  if (district) choice.grid = district->GridOf(location.latitude(), location.longitude());
  const std::string version = district ? district->version() : "";
  choice.why = choice.grid.empty() ? Explain(v1::EXPLANATION_CODE_GRID_NONE, now_ms, {{"district", version}})
                                   : Explain(v1::EXPLANATION_CODE_GRID_CONTAINS, now_ms,
                                             {{"grid", choice.grid}, {"district", version}});
  return choice;
}

UnitChoice ChooseUnit(const std::string& class_code, const std::string& role, const std::string& grid,
                      const District& district, int64_t now_ms) {
  if (const Duty* duty = district.FindDuty(role, grid))
    return {duty->unit, duty->id,
            Explain(v1::EXPLANATION_CODE_UNIT_BY_DUTY, now_ms,
                    {{"class", class_code}, {"role", role}, {"duty", duty->id}, {"grid", grid}, {"unit", duty->unit}})};
  return {district.fallback_unit(), "",
          Explain(v1::EXPLANATION_CODE_UNIT_FALLBACK, now_ms,
                  {{"role", role}, {"grid", grid}, {"unit", district.fallback_unit()}})};
}

std::vector<DuplicateIndex::Near> FindSimilar(const CaseBook& book, const std::string& class_code,
                                              const civicmesh::type::v1::GeoPoint& location, int64_t reported_ms,
                                              std::string_view but) {
  if (class_code.empty()) return {};
  auto similar = book.duplicates().Find(class_code, location.latitude(), location.longitude(), reported_ms);
  std::erase_if(similar, [&](const auto& near) { return near.id == but; });
  return similar;
}

v1::Explanation ExplainSimilar(const std::vector<DuplicateIndex::Near>& similar, int64_t now_ms) {
  if (similar.empty())
    return Explain(v1::EXPLANATION_CODE_DUPLICATE_NONE, now_ms,
                   {{"metres", absl::StrCat(kDuplicateMetres)}, {"hours", absl::StrCat(kDuplicateHours)}});
  return Explain(v1::EXPLANATION_CODE_DUPLICATE_HINT, now_ms,
                 {{"case", CaseName(similar[0].id)}, {"distance", absl::StrCat(similar[0].metres)}});
}

v1::Explanation ExplainDeadline(const std::string& condition_id, const v1::Clock& clock, int64_t now_ms) {
  return Explain(
      clock.provisional() ? v1::EXPLANATION_CODE_DEADLINE_PROVISIONAL : v1::EXPLANATION_CODE_DEADLINE_COUNTED, now_ms,
      {{"condition", condition_id},
       {"limit", clock.limit_text()},
       {"start", LocalText(clock.started_at())},
       {"calendar", clock.calendar_version()},
       {"due", LocalText(clock.due_at())}});
}

v1::Explanation ExplainResumed(const v1::Clock& before, const v1::Clock& after, int64_t now_ms) {
  return Explain(v1::EXPLANATION_CODE_DEADLINE_RESUMED, now_ms,
                 {{"paused", LocalText(before.paused_at())},
                  {"start", LocalText(ToTimestamp(now_ms))},
                  {"remaining", absl::StrCat(before.remaining_ms() / 60000)},
                  {"due", LocalText(after.due_at())}});
}

}  // namespace civicmesh::dispatch
