#include "services/runtime/people/agency_quotas.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "civicmesh/reference/v1/quotas.pb.h"

namespace civicmesh {
namespace {

constexpr int kMost = 1'000'000;

}  // namespace

absl::StatusOr<std::shared_ptr<const AgencyQuotas>> AgencyQuotas::Make(const reference::v1::AgencyQuotas& message) {
  if (message.version().empty()) return absl::InvalidArgumentError("the quotas have no version");
  std::shared_ptr<AgencyQuotas> made(new AgencyQuotas());
  for (const auto& one : message.quotas()) {
    if (one.subject().empty()) return absl::InvalidArgumentError("a quota names nobody");
    if (one.per_minute() < 1 || one.per_minute() > kMost)
      return absl::InvalidArgumentError(absl::StrCat("per_minute of ", one.subject(), " is 1 to ", kMost));
    if (!made->per_minute_.emplace(one.subject(), one.per_minute()).second)
      return absl::InvalidArgumentError(absl::StrCat("two quotas of ", one.subject()));
  }
  return std::shared_ptr<const AgencyQuotas>(std::move(made));
}

int AgencyQuotas::PerMinute(std::string_view subject, int otherwise) const {
  auto of = per_minute_.find(absl::string_view(subject.data(), subject.size()));
  return of == per_minute_.end() ? otherwise : of->second;
}

}  // namespace civicmesh
