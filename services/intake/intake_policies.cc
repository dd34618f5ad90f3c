#include "services/intake/intake_policies.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "civicmesh/intake/v1/intake_journal.pb.h"
#include "civicmesh/points/v1/points_events.pb.h"
#include "services/intake/domain/rules.h"
#include "services/runtime/base/ids.h"

namespace civicmesh::intake {
namespace {

namespace dv1 = dispatch::v1;

// Where a report is, at least, when its case is there.
v1::ReportStatus ReportStatusOf(dv1::CaseStatus status) {
  switch (status) {
    case dv1::CASE_STATUS_REGISTERED:
    case dv1::CASE_STATUS_DISPATCHED:
    case dv1::CASE_STATUS_RETURNED:
      return v1::REPORT_STATUS_REGISTERED;
    case dv1::CASE_STATUS_NOT_REGISTERED:
      return v1::REPORT_STATUS_DECLINED;
    case dv1::CASE_STATUS_SIGNED:
    case dv1::CASE_STATUS_IN_DISPOSAL:
    case dv1::CASE_STATUS_POSTPONED:
    case dv1::CASE_STATUS_FEEDBACK_SUBMITTED:
    case dv1::CASE_STATUS_REWORK:
      return v1::REPORT_STATUS_IN_DISPOSAL;
    case dv1::CASE_STATUS_CLOSED:
    case dv1::CASE_STATUS_REVISITED:
      return v1::REPORT_STATUS_CLOSED;
    default:
      return v1::REPORT_STATUS_IN_CASE;
  }
}

bool TellsDeadline(v1::NoticeKind kind) {
  return kind == v1::NOTICE_KIND_MERGED || kind == v1::NOTICE_KIND_DISPATCHED || kind == v1::NOTICE_KIND_SIGNED;
}

// 处置时限 that the deadline comes of, where the fact moves that clock. An extended one comes of more than the limit.
template <typename Fact>
std::string LimitOf(const Fact& fact) {
  for (const auto& clock : fact.clocks())
    if (clock.kind() == dv1::CLOCK_KIND_DISPOSAL && fact.context().extension_count() == 0) return clock.limit_text();
  return "";
}

absl::StatusOr<PolicyCommand> Tell(const std::string& report, const dv1::EventContext& context, v1::NoticeKind kind,
                                   const std::string& limit, const std::string& decline_ground = "") {
  const auto shard = ShardOfId("r", IdOf("reports/", report));
  if (!shard) return absl::InvalidArgumentError(absl::StrCat(context.case_(), " names no report of ours"));
  v1::Command command;
  auto& progress = *command.mutable_record_case_progress();
  progress.set_report(report);
  progress.set_case_(context.case_());
  progress.set_kind(kind);
  progress.set_status(ReportStatusOf(context.status()));
  *progress.mutable_case_moved_at() = context.occurred_at();
  *progress.mutable_case_opened_at() = context.opened_at();
  if (TellsDeadline(kind) && context.has_disposal_due_at()) {
    *progress.mutable_disposal_due_at() = context.disposal_due_at();
    progress.set_disposal_limit(limit);
  }
  progress.set_decline_ground(decline_ground);
  return PolicyCommand{.shard = *shard, .payload = command.SerializeAsString()};
}

template <typename Fact>
absl::StatusOr<std::vector<PolicyCommand>> TellAll(const Fact& fact, v1::NoticeKind kind,
                                                   const std::string& decline_ground = "") {
  std::vector<PolicyCommand> commands;
  for (const auto& report : fact.context().reports()) {
    auto command = Tell(report, fact.context(), kind, LimitOf(fact), decline_ground);
    if (!command.ok()) return command.status();
    commands.push_back(*std::move(command));
  }
  return commands;
}

// Null where the fact is of another type.
template <typename Fact>
std::optional<absl::StatusOr<Fact>> ParseAs(const PublicFact& fact) {
  if (fact.type != Fact::descriptor()->full_name()) return std::nullopt;
  Fact parsed;
  if (!parsed.ParseFromString(fact.bytes)) return absl::StatusOr<Fact>(absl::InvalidArgumentError("does not parse"));
  return absl::StatusOr<Fact>(std::move(parsed));
}

// What tells every report of the case.
template <typename Fact>
bool TellsAll(const PublicFact& fact, v1::NoticeKind kind, absl::StatusOr<std::vector<PolicyCommand>>* out) {
  const auto parsed = ParseAs<Fact>(fact);
  if (!parsed) return false;
  *out = parsed->ok() ? TellAll(**parsed, kind) : parsed->status();
  return true;
}

}  // namespace

absl::StatusOr<std::vector<PolicyCommand>> FollowCase(const PublicFact& fact) {
  absl::StatusOr<std::vector<PolicyCommand>> out = std::vector<PolicyCommand>();
  if (TellsAll<dv1::CaseOpened>(fact, v1::NOTICE_KIND_CASE_OPENED, &out) ||
      TellsAll<dv1::CaseRegistered>(fact, v1::NOTICE_KIND_REGISTERED, &out) ||
      TellsAll<dv1::CaseSigned>(fact, v1::NOTICE_KIND_SIGNED, &out) ||
      TellsAll<dv1::CasePostponed>(fact, v1::NOTICE_KIND_POSTPONED, &out) ||
      TellsAll<dv1::CaseClosed>(fact, v1::NOTICE_KIND_CLOSED, &out))
    return out;
  if (const auto merged = ParseAs<dv1::CaseReportMerged>(fact)) {
    if (!merged->ok()) return merged->status();
    auto command = Tell((*merged)->report().report(), (*merged)->context(), v1::NOTICE_KIND_MERGED, LimitOf(**merged));
    if (!command.ok()) return command.status();
    out->push_back(*std::move(command));
  } else if (const auto declined = ParseAs<dv1::CaseDeclined>(fact)) {
    if (!declined->ok()) return declined->status();
    return TellAll(**declined, v1::NOTICE_KIND_DECLINED, dv1::DeclineGround_Name((*declined)->ground()));
  } else if (const auto dispatched = ParseAs<dv1::CaseDispatched>(fact)) {
    if (!dispatched->ok()) return dispatched->status();
    if ((*dispatched)->first()) return TellAll(**dispatched, v1::NOTICE_KIND_DISPATCHED);
  }
  return out;
}

absl::StatusOr<std::vector<PolicyCommand>> TellPoints(const PublicFact& fact) {
  const auto granted = ParseAs<points::v1::PointsGranted>(fact);
  if (!granted) return std::vector<PolicyCommand>();
  if (!granted->ok()) return granted->status();
  const points::v1::PointsGranted& grant = **granted;
  if (grant.report().empty()) return std::vector<PolicyCommand>();
  const auto shard = ShardOfId("r", IdOf("reports/", grant.report()));
  if (!shard) return absl::InvalidArgumentError("points for no report of ours");
  v1::Command command;
  auto& told = *command.mutable_record_points();
  told.set_report(grant.report());
  told.set_owner_token(grant.context().owner_token());
  told.set_rule(grant.rule());
  told.set_source(grant.source());
  told.set_points(grant.points());
  *told.mutable_granted_at() = grant.context().occurred_at();
  return std::vector<PolicyCommand>{{.shard = *shard, .payload = command.SerializeAsString()}};
}

absl::Status SeeErasureThrough(const PublicFact& fact, const DestroyKeys& destroy) {
  const auto erased = ParseAs<v1::PersonalDataErased>(fact);
  if (!erased) return absl::OkStatus();
  if (!erased->ok()) return erased->status();
  const v1::PersonalDataErased& of = **erased;
  if (of.key_ids().empty()) return absl::OkStatus();
  return destroy(of.person_token().empty() ? IdOf("reports/", of.report()) : of.person_token(),
                 {of.key_ids().begin(), of.key_ids().end()});
}

std::vector<PolicySpec> Policies(int, DestroyKeys destroy) {
  const auto nothing = [](const PublicFact&) { return std::vector<PolicyCommand>(); };
  return {PolicySpec{.name = "follow_case", .source_domain = "dispatch", .react = FollowCase},
          PolicySpec{.name = "tell_points", .source_domain = "points", .react = TellPoints},
          PolicySpec{.name = "see_erasures_through",
                     .source_domain = "intake",
                     .react = nothing,
                     .act = [destroy = std::move(destroy)](const PublicFact& fact) {
                       return SeeErasureThrough(fact, destroy);
                     }}};
}

}  // namespace civicmesh::intake
