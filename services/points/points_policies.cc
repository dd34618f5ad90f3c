#include "services/points/points_policies.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "civicmesh/points/v1/points_events.pb.h"
#include "civicmesh/points/v1/points_journal.pb.h"
#include "civicmesh/volunteering/v1/volunteering_events.pb.h"
#include "services/points/domain/account.h"
#include "services/points/domain/earning.h"
#include "services/points/points_names.h"

namespace civicmesh::points {
namespace {

using Commands = std::vector<PolicyCommand>;
using dispatch::v1::CaseReport;

// Of a case's merged reports, the first so many earn (DOMAIN section 5).
constexpr int kMergedThatEarn = 3;

template <typename Fact>
bool Is(const PublicFact& fact) {
  return fact.type == Fact::descriptor()->full_name();
}

template <typename Fact>
absl::StatusOr<Fact> Parse(const PublicFact& fact) {
  Fact parsed;
  if (!parsed.ParseFromString(fact.bytes))
    return absl::InvalidArgumentError(absl::StrCat(fact.type, " does not parse"));
  return parsed;
}

// Staff, cameras and sensors do their duty; points are for citizens, and an anonymous one has no account.
bool Earns(const std::string& token, type::v1::ReportSource source) {
  return !token.empty() &&
         (source == type::v1::REPORT_SOURCE_CITIZEN_APP || source == type::v1::REPORT_SOURCE_HOTLINE_12345);
}

bool RegisteredOrLater(dispatch::v1::CaseStatus status) {
  switch (status) {
    case dispatch::v1::CASE_STATUS_REGISTERED:
    case dispatch::v1::CASE_STATUS_DISPATCHED:
    case dispatch::v1::CASE_STATUS_RETURNED:
    case dispatch::v1::CASE_STATUS_SIGNED:
    case dispatch::v1::CASE_STATUS_IN_DISPOSAL:
    case dispatch::v1::CASE_STATUS_POSTPONED:
    case dispatch::v1::CASE_STATUS_FEEDBACK_SUBMITTED:
    case dispatch::v1::CASE_STATUS_REWORK:
    case dispatch::v1::CASE_STATUS_CLOSED:
    case dispatch::v1::CASE_STATUS_REVISITED:
      return true;
    default:
      return false;
  }
}

PolicyCommand Earn(const std::string& token, const char* rule, const std::string& source, const std::string& report,
                   const google::protobuf::Timestamp& at, int minutes, int shards) {
  v1::Command command;
  auto& earning = *command.mutable_grant_by_policy();
  earning.set_account(AccountName(token, shards));
  earning.set_owner_token(token);
  earning.set_rule(rule);
  earning.set_source(source);
  earning.set_report(report);
  *earning.mutable_occurred_at() = at;
  earning.set_minutes(minutes);
  return {.shard = ShardOfAccount(earning.account(), shards), .payload = command.SerializeAsString()};
}

// Who reported a case again that is one's own earns nothing by it.
void EarnForMerged(const dispatch::v1::EventContext& context, const CaseReport& report, int shards, Commands& to) {
  if (report.reporter_token() == context.reporter_token() || !Earns(report.reporter_token(), report.source())) return;
  to.push_back(
      Earn(report.reporter_token(), kReportMerged, context.case_(), report.report(), context.occurred_at(), 0, shards));
}

absl::StatusOr<Commands> GrantForReport(const PublicFact& fact, int shards) {
  Commands commands;
  if (Is<dispatch::v1::CaseRegistered>(fact)) {
    auto registered = Parse<dispatch::v1::CaseRegistered>(fact);
    if (!registered.ok()) return registered.status();
    const auto& context = registered->context();
    if (Earns(context.reporter_token(), context.source()))
      commands.push_back(Earn(context.reporter_token(),
                              context.safety_hazard() ? kReportRegisteredHazard : kReportRegistered, context.case_(),
                              context.lead_report(), context.occurred_at(), 0, shards));
    for (int i = 1; i < registered->reports_size() && i <= kMergedThatEarn; ++i)
      EarnForMerged(context, registered->reports(i), shards, commands);
  } else if (Is<dispatch::v1::CaseReportMerged>(fact)) {
    auto merged = Parse<dispatch::v1::CaseReportMerged>(fact);
    if (!merged.ok()) return merged.status();
    // Before the registration nothing is earned yet; CaseRegistered then names the report.
    if (merged->ordinal() <= kMergedThatEarn && RegisteredOrLater(merged->context().status()))
      EarnForMerged(merged->context(), merged->report(), shards, commands);
  } else if (Is<dispatch::v1::CaseDeclined>(fact)) {
    auto declined = Parse<dispatch::v1::CaseDeclined>(fact);
    if (!declined.ok()) return declined.status();
    const auto& context = declined->context();
    if (declined->ground() == dispatch::v1::DECLINE_GROUND_FALSE_REPORT &&
        Earns(context.reporter_token(), context.source()))
      commands.push_back(Earn(context.reporter_token(), kFalseReport, context.case_(), context.lead_report(),
                              context.occurred_at(), 0, shards));
  }
  return commands;
}

absl::StatusOr<Commands> GrantForService(const PublicFact& fact, int shards) {
  if (!Is<volunteering::v1::ServiceConfirmed>(fact)) return Commands();
  auto confirmed = Parse<volunteering::v1::ServiceConfirmed>(fact);
  if (!confirmed.ok()) return confirmed.status();
  // The day's limit is that of the day of service, whenever it was confirmed.
  const auto& at = confirmed->has_checked_out_at() ? confirmed->checked_out_at() : confirmed->context().occurred_at();
  return Commands{Earn(confirmed->volunteer_token(), kVolunteering, confirmed->context().activity(),
                       /*report=*/"", at, confirmed->minutes(), shards)};
}

Commands ToItem(v1::Command command, const std::string& item, int shards) {
  const int shard = ShardOfItem(item, shards);
  if (shard < 0) return {};
  return {{.shard = shard, .payload = command.SerializeAsString()}};
}

template <typename Fact>
Commands SettleStock(const Fact& over, bool completed, int shards) {
  v1::Command command;
  auto& settle = *command.mutable_settle_stock();
  settle.set_item(over.item());
  settle.set_redemption(over.redemption());
  settle.set_completed(completed);
  return ToItem(std::move(command), over.item(), shards);
}

absl::StatusOr<Commands> ReserveStock(const PublicFact& fact, int shards) {
  if (Is<v1::RedemptionStarted>(fact)) {
    auto started = Parse<v1::RedemptionStarted>(fact);
    if (!started.ok()) return started.status();
    v1::Command command;
    auto& reserve = *command.mutable_reserve_stock();
    reserve.set_item(started->item());
    reserve.set_redemption(started->redemption());
    reserve.set_quantity(started->quantity());
    reserve.set_points(started->points());
    return ToItem(std::move(command), started->item(), shards);
  }
  if (Is<v1::RedemptionCompleted>(fact)) {
    auto completed = Parse<v1::RedemptionCompleted>(fact);
    if (!completed.ok()) return completed.status();
    return SettleStock(*completed, /*completed=*/true, shards);
  }
  if (Is<v1::RedemptionVoided>(fact)) {
    auto voided = Parse<v1::RedemptionVoided>(fact);
    if (!voided.ok()) return voided.status();
    // What the item refused it has not set aside.
    if (voided->ground() != v1::VOID_GROUND_TIMED_OUT) return Commands();
    return SettleStock(*voided, /*completed=*/false, shards);
  }
  return Commands();
}

Commands ToRedemption(v1::Command command, int shards) {
  const int shard = ShardOfRedemption(command.settle_redemption().redemption(), shards);
  if (shard < 0) return {};
  return {{.shard = shard, .payload = command.SerializeAsString()}};
}

absl::StatusOr<Commands> SettleRedemption(const PublicFact& fact, int shards) {
  v1::Command command;
  auto& settle = *command.mutable_settle_redemption();
  if (Is<v1::StockReserved>(fact)) {
    auto reserved = Parse<v1::StockReserved>(fact);
    if (!reserved.ok()) return reserved.status();
    settle.set_redemption(reserved->redemption());
    settle.set_kind(reserved->kind());
    return ToRedemption(std::move(command), shards);
  }
  if (Is<v1::StockRefused>(fact)) {
    auto refused = Parse<v1::StockRefused>(fact);
    if (!refused.ok()) return refused.status();
    settle.set_redemption(refused->redemption());
    settle.set_refused(refused->ground());
    return ToRedemption(std::move(command), shards);
  }
  return Commands();
}

PolicySpec Spec(const char* name, const char* source,
                absl::StatusOr<Commands> (*react)(const PublicFact& fact, int shards), int shards) {
  return {.name = name, .source_domain = source, .react = [react, shards](const PublicFact& fact) {
            return react(fact, shards);
          }};
}

}  // namespace

std::vector<PolicySpec> Policies(int shards) {
  return {Spec("grant_for_report", "dispatch", GrantForReport, shards),
          Spec("grant_for_service", "volunteering", GrantForService, shards),
          Spec("reserve_stock", "points", ReserveStock, shards),
          Spec("settle_redemption", "points", SettleRedemption, shards)};
}

}  // namespace civicmesh::points
