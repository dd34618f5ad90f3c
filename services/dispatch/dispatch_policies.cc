#include "services/dispatch/dispatch_policies.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "civicmesh/dispatch/v1/dispatch_journal.pb.h"
#include "civicmesh/intake/v1/intake_events.pb.h"
#include "services/dispatch/dispatch_geometry.h"
#include "services/runtime/base/names.h"

namespace civicmesh::dispatch {
namespace {

absl::StatusOr<std::vector<PolicyCommand>> OpenCase(const PublicFact& fact, int shards) {
  if (fact.type != intake::v1::ReportForwarded::descriptor()->full_name()) return std::vector<PolicyCommand>();
  intake::v1::ReportForwarded forwarded;
  if (!forwarded.ParseFromString(fact.bytes)) return absl::DataLossError("ReportForwarded does not parse");
  const auto& report = forwarded.context();
  if (!report.has_location())
    return absl::InvalidArgumentError(absl::StrCat(report.report(), " was forwarded without a location"));

  v1::Command command;
  command.set_home_cell(HomeCell(report.location().latitude(), report.location().longitude()));
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
  return std::vector<PolicyCommand>{
      {.shard = ShardOf(command.home_cell(), shards), .payload = command.SerializeAsString()}};
}

}  // namespace

std::vector<PolicySpec> Policies(int shards) {
  return {{.name = "open_case", .source_domain = "intake", .react = [shards](const PublicFact& fact) {
             return OpenCase(fact, shards);
           }}};
}

}  // namespace civicmesh::dispatch
