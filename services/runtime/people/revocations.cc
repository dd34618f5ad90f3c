#include "services/runtime/people/revocations.h"

#include <algorithm>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "civicmesh/reference/v1/reference.pb.h"

namespace civicmesh {
namespace {

absl::string_view KeyOf(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

absl::StatusOr<std::shared_ptr<const Revocations>> Revocations::Make(const reference::v1::Revocations& message) {
  std::shared_ptr<Revocations> made(new Revocations());
  if (message.version().empty()) return absl::InvalidArgumentError("the revocations have no version");
  for (const auto& one : message.revocations()) {
    if (one.token_id().empty() == one.subject().empty())
      return absl::InvalidArgumentError("a revocation names a token_id or a subject");
    if (!one.token_id().empty()) {
      made->tokens_.insert(one.token_id());
      continue;
    }
    absl::Time before = absl::InfiniteFuture();
    if (!one.issued_before().empty() && !absl::ParseTime(absl::RFC3339_full, one.issued_before(), &before, nullptr))
      return absl::InvalidArgumentError(absl::StrCat("issued_before of ", one.subject(), " is not RFC 3339"));
    int64_t& ms = made->subjects_.try_emplace(one.subject(), std::numeric_limits<int64_t>::min()).first->second;
    ms = std::max(ms, absl::ToUnixMillis(before));
  }
  return std::shared_ptr<const Revocations>(std::move(made));
}

bool Revocations::Revoked(std::string_view subject, std::string_view token_id, int64_t issued_ms) const {
  if (!token_id.empty() && tokens_.contains(KeyOf(token_id))) return true;
  auto of = subjects_.find(KeyOf(subject));
  return of != subjects_.end() && issued_ms < of->second;
}

}  // namespace civicmesh
