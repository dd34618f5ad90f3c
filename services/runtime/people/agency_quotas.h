// How often single agencies may ask (调用配额), of a reference.v1.AgencyQuotas. Whom it does not name has the number
// that the installation gives to all.
//
// The list that was published last holds, in every service, as the roster does (roster.h). Immutable and thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"

namespace civicmesh {

namespace reference::v1 {
class AgencyQuotas;
}

inline constexpr char kAgencyQuotasKind[] = "agency_quotas";

class AgencyQuotas {
 public:
  // INVALID_ARGUMENT: no version, an entry without a subject or with one named before, or a number out of its bounds.
  static absl::StatusOr<std::shared_ptr<const AgencyQuotas>> Make(const reference::v1::AgencyQuotas& message);

  // Calls a minute; `otherwise` where the subject is not named.
  int PerMinute(std::string_view subject, int otherwise) const;

 private:
  AgencyQuotas() = default;
  absl::flat_hash_map<std::string, int> per_minute_;
};

}  // namespace civicmesh
