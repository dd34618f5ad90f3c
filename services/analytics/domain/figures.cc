#include "services/analytics/domain/figures.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace civicmesh::analytics {
namespace {

constexpr double kMinuteMs = 60'000;

// Asia/Shanghai has had no summer time since 1991.
absl::TimeZone Zone() { return absl::FixedTimeZone(8 * 3600); }

Span SpanOf(absl::CivilMonth month) {
  return {absl::ToUnixMillis(absl::FromCivil(month, Zone())), absl::ToUnixMillis(absl::FromCivil(month + 1, Zone()))};
}

void FromMs(int64_t ms, google::protobuf::Timestamp* time) {
  int64_t seconds = ms / 1000;
  if (ms % 1000 < 0) --seconds;
  time->set_seconds(seconds);
  time->set_nanos(static_cast<int>(ms - seconds * 1000) * 1000000);
}

// The window that the definition counts over.
Question Own(const KpiDefinition& kpi, Question question) {
  if (kpi.rolling_ms == 0) return question;
  question.to_ms = question.end_ms();
  question.from_ms = question.to_ms - kpi.rolling_ms;
  return question;
}

std::string_view GroupOf(const Facts& facts, const Groups& groups, v1::GroupBy by) {
  switch (by) {
    case v1::GROUP_BY_STREET:
      return facts.text(groups.street);
    case v1::GROUP_BY_MAJOR_CLASS:
      return facts.text(groups.major);
    case v1::GROUP_BY_UNIT:
      return facts.text(groups.unit);
    default:
      return "";
  }
}

void Count(const Member& member, v1::KpiKind kind, Tally& tally) {
  if (member.numerator) {
    tally.numerator += member.amount;
    if (kind == v1::KPI_KIND_MEAN) tally.amounts.push_back(member.amount);
  }
  if (member.denominator) {
    ++tally.denominator;
    tally.weight += member.weight;
  }
  if (member.exclusion != v1::KPI_EXCLUSION_UNSPECIFIED) {
    auto& left = tally.excluded[member.exclusion];
    ++left.count;
    left.amount += member.amount;
  }
}

void Describe(const KpiDefinition& kpi, const Tally& tally, v1::Figure& figure) {
  figure.set_numerator(tally.numerator);
  figure.set_denominator(tally.denominator);
  if (kpi.kind == v1::KPI_KIND_COUNT || kpi.kind == v1::KPI_KIND_SUM)
    figure.set_value(static_cast<double>(tally.numerator));
  else if (tally.denominator > 0)
    figure.set_value(static_cast<double>(tally.numerator) / tally.denominator /
                     (kpi.kind == v1::KPI_KIND_MEAN ? kMinuteMs : 1));
  for (const auto& [reason, left] : tally.excluded) {
    auto* excluded = figure.add_exclusions();
    excluded->set_reason(reason);
    excluded->set_count(left.count);
  }
  if (kpi.beside) kpi.beside(tally, figure);
}

bool IsOf(const Member& member, v1::KpiPart part) {
  switch (part) {
    case v1::KPI_PART_NUMERATOR:
      return member.numerator;
    case v1::KPI_PART_DENOMINATOR:
      return member.denominator;
    case v1::KPI_PART_EXCLUDED:
      return member.exclusion != v1::KPI_EXCLUSION_UNSPECIFIED;
    default:
      return false;
  }
}

// As Key, without owning the name.
using View = std::pair<std::string_view, int64_t>;
View ViewOf(const Member& member) { return {member.name, member.ordinal}; }

}  // namespace

std::optional<Span> MonthNamed(const std::string& month) {
  int year = 0, number = 0;
  if (month.size() != 7 || month[4] != '-' || !absl::SimpleAtoi(month.substr(0, 4), &year) ||
      !absl::SimpleAtoi(month.substr(5), &number) || number < 1 || number > 12 || year < 1970)
    return std::nullopt;
  return SpanOf(absl::CivilMonth(year, number));
}

Span MonthOf(int64_t ms) { return SpanOf(absl::ToCivilMonth(absl::FromUnixMillis(ms), Zone())); }

v1::Kpi ComputeKpi(const KpiDefinition& kpi, const Facts& facts, const Question& question, v1::GroupBy group_by) {
  const Question own = Own(kpi, question);
  std::map<std::pair<std::string_view, std::string_view>, Tally> tallies;
  kpi.visit(facts, own, [&](const Member& member) {
    Count(member, kpi.kind, tallies[{GroupOf(facts, member.groups, group_by), member.series}]);
  });
  v1::Kpi out;
  out.set_name(std::string("kpis/") + kpi.id);
  out.set_title_zh(kpi.title_zh);
  out.set_title_en(kpi.title_en);
  out.set_definition_en(kpi.definition_en);
  out.set_definition_version(kpi.version);
  out.set_kind(kpi.kind);
  out.set_unit(kpi.unit);
  FromMs(own.from_ms, out.mutable_window()->mutable_start());
  FromMs(own.to_ms, out.mutable_window()->mutable_end());
  FromMs(question.as_of_ms, out.mutable_as_of());
  out.set_group_by(group_by);
  if (tallies.empty() && group_by == v1::GROUP_BY_UNSPECIFIED && !kpi.has_series) tallies[{"", ""}];
  for (const auto& [of, tally] : tallies) {
    v1::Figure* figure = out.add_figures();
    figure->set_group(std::string(of.first));
    figure->set_series(std::string(of.second));
    Describe(kpi, tally, *figure);
  }
  return out;
}

MemberPage ListMembers(const KpiDefinition& kpi, const Facts& facts, const Question& question,
                       const MemberQuery& query) {
  MemberPage page;
  // The first `size` members after the key, the last of them on top.
  std::vector<Member> heap;
  const auto before = [](const Member& a, const Member& b) { return ViewOf(a) < ViewOf(b); };
  bool more = false;
  kpi.visit(facts, Own(kpi, question), [&](const Member& member) {
    if (!IsOf(member, query.part)) return;
    if (query.group && *query.group != GroupOf(facts, member.groups, query.group_by)) return;
    if (query.series && *query.series != member.series) return;
    ++page.total_count;
    page.total_amount += member.amount;
    if (query.after && ViewOf(member) <= View(query.after->name, query.after->ordinal)) return;
    heap.push_back(member);
    std::push_heap(heap.begin(), heap.end(), before);
    if (heap.size() <= query.size) return;
    std::pop_heap(heap.begin(), heap.end(), before);
    heap.pop_back();
    more = true;
  });
  std::sort_heap(heap.begin(), heap.end(), before);
  for (const Member& member : heap) {
    v1::KpiMember& out = page.members.emplace_back();
    out.set_member(std::string(member.name));
    FromMs(member.at_ms, out.mutable_at());
    out.set_amount(member.amount);
    out.set_exclusion(member.exclusion);
    out.set_group(std::string(GroupOf(facts, member.groups, query.group_by)));
    out.set_series(std::string(member.series));
  }
  if (more) page.last = {std::string(heap.back().name), heap.back().ordinal};
  return page;
}

}  // namespace civicmesh::analytics
