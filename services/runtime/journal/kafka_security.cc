#include "services/runtime/journal/kafka_security.h"

#include "absl/strings/str_cat.h"
#include "services/runtime/base/secrets.h"

namespace civicmesh {
namespace {

bool IsSecurity(const std::string& name) {
  return name == "security.protocol" || name == "enable.ssl.certificate.verification" || name.starts_with("sasl.") ||
         name.starts_with("ssl.");
}

}  // namespace

absl::StatusOr<std::map<std::string, std::string>> ReadKafkaSecurity(const std::string& path) {
  auto settings = ReadSettings(path);
  if (!settings.ok()) return settings.status();
  for (const auto& [name, value] : *settings)
    // What else there is, the mesh decides: acks and offsets are no operator's business.
    if (!IsSecurity(name))
      return absl::InvalidArgumentError(absl::StrCat(path, ": ", name, " is no matter of security"));
  return settings;
}

}  // namespace civicmesh
