#include "services/points/points_reference.h"

#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "civicmesh/reference/v1/reference.pb.h"
#include "services/points/domain/earning.h"
#include "services/points/domain/item.h"
#include "services/points/domain/redemption.h"

namespace civicmesh::points {
namespace {

using reference::v1::Catalogue;
using reference::v1::PointsRules;

constexpr int kMaxExpiryMonths = 1200;
constexpr int kMaxHoldMinutes = 24 * 60;
constexpr int kMaxFalseReportDays = 366;

absl::Status Wrong(const std::string& what) { return absl::InvalidArgumentError(what); }

absl::Status Check(const PointsRules& rules) {
  std::set<std::string> ids;
  for (const auto& rule : rules.rules()) {
    if (rule.id().empty() || !ids.insert(rule.id()).second)
      return Wrong(absl::StrCat("rules need ids of their own: '", rule.id(), "'"));
    if (rule.points() == 0 || rule.daily_limit() < 0 || rule.per_minutes() < 0)
      return Wrong(absl::StrCat("rule ", rule.id(), " has no points or a limit below zero"));
  }
  if (rules.version().empty()) return Wrong("the rule set has no version");
  if (rules.daily_limit() < 0 || rules.monthly_limit() < 0) return Wrong("a common limit is below zero");
  if (rules.expiry_months() < 1 || rules.expiry_months() > kMaxExpiryMonths) return Wrong("expiry_months is 1 to 1200");
  if (rules.false_reports_to_freeze() < 1 || rules.false_report_days() < 1 ||
      rules.false_report_days() > kMaxFalseReportDays || rules.freeze_days() < 1)
    return Wrong("false_reports_to_freeze and freeze_days are 1 and more, false_report_days 1 to 366");
  if (rules.hold_minutes() < 1 || rules.hold_minutes() > kMaxHoldMinutes) return Wrong("hold_minutes is 1 to 1440");
  return absl::OkStatus();
}

absl::Status Check(const Catalogue& catalogue) {
  std::set<std::string> ids;
  for (const auto& entry : catalogue.items()) {
    if (entry.id().empty() || !ids.insert(entry.id()).second)
      return Wrong(absl::StrCat("entries need ids of their own: '", entry.id(), "'"));
    if (entry.kind() != "GOODS" && entry.kind() != "SERVICE" && entry.kind() != "VENUE")
      return Wrong(absl::StrCat("entry ", entry.id(), " is neither GOODS, SERVICE nor VENUE"));
    if (entry.price_points() < 1 || entry.price_points() > kMaxPrice || entry.stock() < 0 || entry.stock() > kMaxAdded)
      return Wrong(absl::StrCat("entry ", entry.id(), " has a price or stock out of range"));
  }
  return catalogue.version().empty() ? Wrong("the catalogue has no version") : absl::OkStatus();
}

template <typename Content>
absl::StatusOr<std::shared_ptr<const void>> Parse(std::string_view bytes) {
  auto content = std::make_shared<Content>();
  if (!content->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return Wrong("it does not parse");
  if (auto s = Check(*content); !s.ok()) return s;
  return std::shared_ptr<const void>(std::move(content));
}

}  // namespace

std::map<std::string, ReferenceLibrary::Parser> ReferenceParsers() {
  return {{kRulesKind, Parse<PointsRules>}, {kCatalogueKind, Parse<Catalogue>}};
}

}  // namespace civicmesh::points
