#include "services/runtime/rpc/people.h"

#include <utility>

#include "civicmesh/reference/v1/quotas.pb.h"
#include "civicmesh/reference/v1/reference.pb.h"
#include "services/runtime/people/agency_quotas.h"
#include "services/runtime/people/revocations.h"
#include "services/runtime/people/roster.h"

namespace civicmesh {
namespace {

template <typename Made, typename Message>
absl::StatusOr<std::shared_ptr<const void>> Parse(std::string_view content) {
  Message message;
  if (!message.ParseFromArray(content.data(), static_cast<int>(content.size())))
    return absl::InvalidArgumentError("it does not parse");
  auto made = Made::Make(message);
  if (!made.ok()) return made.status();
  return *std::move(made);
}

template <typename Made>
std::shared_ptr<const Made> Newest(const ReferenceLibrary& library, const char* kind) {
  const auto content = library.Newest(kind);
  if (!content) return nullptr;
  return {content, static_cast<const Made*>(content->parsed.get())};
}

}  // namespace

std::map<std::string, ReferenceLibrary::Parser> WithRoster(std::map<std::string, ReferenceLibrary::Parser> parsers) {
  parsers[kRosterKind] = Parse<Roster, reference::v1::Roster>;
  parsers[kRevocationsKind] = Parse<Revocations, reference::v1::Revocations>;
  parsers[kAgencyQuotasKind] = Parse<AgencyQuotas, reference::v1::AgencyQuotas>;
  return parsers;
}

Gate::People PeopleOf(const ReferenceLibrary& library) {
  return {.roster = [&library] { return Newest<Roster>(library, kRosterKind); },
          .revocations = [&library] { return Newest<Revocations>(library, kRevocationsKind); },
          .quotas = [&library] { return Newest<AgencyQuotas>(library, kAgencyQuotasKind); }};
}

}  // namespace civicmesh
