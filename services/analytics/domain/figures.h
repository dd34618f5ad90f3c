// Figures and lists of members, made from a KPI's visit. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "civicmesh/analytics/v1/analytics_service.pb.h"
#include "services/analytics/domain/kpi.h"

namespace civicmesh::analytics {

// A calendar month of Asia/Shanghai; nullopt where `month` is not as "2026-10".
struct Span {
  int64_t from_ms = 0, to_ms = 0;
};
std::optional<Span> MonthNamed(const std::string& month);
// The month that holds this moment.
Span MonthOf(int64_t ms);

// The KPI with all its figures.
v1::Kpi ComputeKpi(const KpiDefinition& kpi, const Facts& facts, const Question& question, v1::GroupBy group_by);

// Which members, and which page of them.
struct MemberQuery {
  v1::KpiPart part = v1::KPI_PART_NUMERATOR;
  v1::GroupBy group_by = v1::GROUP_BY_UNSPECIFIED;
  std::optional<std::string> group, series;
  // Only those after this one.
  struct Key {
    std::string name;
    int64_t ordinal = 0;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  std::optional<Key> after;
  size_t size = 100;
};

struct MemberPage {
  std::vector<v1::KpiMember> members;
  // Where the next page begins; nullopt at the end.
  std::optional<MemberQuery::Key> last;
  int64_t total_count = 0, total_amount = 0;
};

// By name, then in the order of their facts. The totals are those of all pages.
MemberPage ListMembers(const KpiDefinition& kpi, const Facts& facts, const Question& question,
                       const MemberQuery& query);

}  // namespace civicmesh::analytics
