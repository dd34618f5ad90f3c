#include "services/dispatch/dispatch_policies.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "civicmesh/dispatch/v1/dispatch_journal.pb.h"
#include "civicmesh/intake/v1/intake_events.pb.h"
#include "services/dispatch/dispatch_geometry.h"
#include "services/dispatch/domain/change.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/base/names.h"

namespace civicmesh::dispatch {
namespace {

using Commands = std::vector<PolicyCommand>;

absl::StatusOr<Commands> OpenCase(const PublicFact& fact, int shards) {
  if (fact.type != intake::v1::ReportForwarded::descriptor()->full_name()) return Commands();
  intake::v1::ReportForwarded forwarded;
  if (!forwarded.ParseFromString(fact.bytes)) return absl::DataLossError("ReportForwarded does not parse");
  const auto& report = forwarded.context();
  if (!report.has_location())
    return absl::InvalidArgumentError(absl::StrCat(report.report(), " was forwarded without a location"));

  v1::Command command;
  command.set_home_cell(HomeCell(report.location().latitude(), report.location().longitude()));
  for (int near : NearShards(report.location().latitude(), report.location().longitude(), shards))
    command.add_near_shards(near);
  v1::OpenCaseFromReport& open = *command.mutable_open_case_from_report();
  open.set_report(report.report());
  open.set_source(report.source());
  open.set_masked_text(forwarded.masked_text());
  open.set_class_code(report.category().class_code());
  open.set_proposed_by(report.category().proposed_by());
  open.set_confidence(report.category().confidence());
  *open.mutable_location() = report.location();
  open.set_reporter_token(report.reporter_token());
  if (report.has_reported_at()) *open.mutable_reported_at() = report.reported_at();
  *open.mutable_photos() = forwarded.photos();
  return Commands{{.shard = ShardOf(command.home_cell(), shards), .payload = command.SerializeAsString()}};
}

v1::DistantCase Distant(const v1::EventContext& context) {
  v1::DistantCase distant;
  distant.set_case_(context.case_());
  distant.set_class_code(context.class_code());
  *distant.mutable_location() = context.location();
  *distant.mutable_reported_at() = context.reported_at();
  *distant.mutable_opened_at() = context.opened_at();
  return distant;
}

absl::StatusOr<Commands> ToCase(const std::string& name, const v1::Command& command) {
  const auto shard = ShardOfId("c", CaseStream(name));
  if (!shard) return absl::InvalidArgumentError(absl::StrCat(name, " is no case of ours"));
  return Commands{{.shard = *shard, .payload = command.SerializeAsString()}};
}

absl::StatusOr<Commands> On(const v1::CaseOpened& opened, const PublicFact& fact) {
  Commands commands;
  for (int near : opened.near_shards()) {
    v1::Command command;
    *command.mutable_look_for_similar()->mutable_asking() = Distant(opened.context());
    command.mutable_look_for_similar()->set_asking_shard(fact.source_shard);
    commands.push_back({.shard = near, .payload = command.SerializeAsString()});
  }
  return commands;
}

absl::StatusOr<Commands> On(const v1::NeighbourLooked& looked, const PublicFact&) {
  v1::Command command;
  v1::HearNeighbour& hear = *command.mutable_hear_neighbour();
  hear.set_asking_case(looked.asking_case());
  hear.set_shard(looked.shard());
  if (looked.has_found()) *hear.mutable_found() = looked.found();
  return ToCase(looked.asking_case(), command);
}

absl::StatusOr<Commands> On(const v1::CaseMergeAsked& asked, const PublicFact&) {
  v1::Command command;
  v1::TakeReports& take = *command.mutable_take_reports();
  *take.mutable_asking() = Distant(asked.context());
  take.set_into(asked.into().case_());
  *take.mutable_reports() = asked.reports();
  return ToCase(asked.into().case_(), command);
}

absl::StatusOr<Commands> On(const v1::CaseMergeAnswered& answered, const PublicFact&) {
  v1::Command command;
  v1::SettleMerge& settle = *command.mutable_settle_merge();
  settle.set_asking_case(answered.asking_case());
  settle.set_into(answered.context().case_());
  settle.set_refusal(answered.refusal());
  *settle.mutable_reports() = answered.reports();
  settle.set_successor(answered.successor());
  settle.set_distance_metres(answered.distance_metres());
  settle.set_apart_ms(answered.apart_ms());
  return ToCase(answered.asking_case(), command);
}

// Sets `to` where the fact is a Fact.
template <typename Fact>
void ReactTo(const PublicFact& fact, absl::StatusOr<Commands>& to) {
  if (fact.type != Fact::descriptor()->full_name()) return;
  Fact parsed;
  if (parsed.ParseFromString(fact.bytes))
    to = On(parsed, fact);
  else
    to = absl::DataLossError(absl::StrCat(fact.type, " does not parse"));
}

absl::StatusOr<Commands> MergeAcross(const PublicFact& fact) {
  absl::StatusOr<Commands> commands = Commands();
  ReactTo<v1::CaseOpened>(fact, commands);
  ReactTo<v1::NeighbourLooked>(fact, commands);
  ReactTo<v1::CaseMergeAsked>(fact, commands);
  ReactTo<v1::CaseMergeAnswered>(fact, commands);
  return commands;
}

}  // namespace

std::vector<PolicySpec> Policies(int shards) {
  return {{.name = "open_case",
           .source_domain = "intake",
           .react = [shards](const PublicFact& fact) { return OpenCase(fact, shards); }},
          {.name = "merge_across", .source_domain = "dispatch", .react = MergeAcross}};
}

}  // namespace civicmesh::dispatch
