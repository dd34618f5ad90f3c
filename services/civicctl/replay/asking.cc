#include "services/civicctl/replay/asking.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "civicmesh/analytics/v1/analytics_service.pb.h"
#include "services/runtime/base/clock.h"

namespace civicmesh::civicctl {
namespace {

constexpr absl::Duration kBetweenPasses = absl::Milliseconds(50);

void Sleep(Loop& loop, absl::Duration time) {
  bool over = false;
  loop.After(time, [&] { over = true; });
  loop.RunUntil([&] { return over; });
}

bool SameEnds(const std::vector<runtime::v1::QuiesceResponse>& a, const std::vector<runtime::v1::QuiesceResponse>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& one, const auto& other) {
    return one.SerializeAsString() == other.SerializeAsString();
  });
}

// Empty `waiting` where analytics has folded all there is.
absl::Status LookAtAnalytics(Mesh& mesh, Loop& loop, const Caller& operator_, std::vector<std::string>& waiting) {
  auto progress = Ask<analytics::v1::GetProgressResponse>(mesh, loop, operator_, analytics::v1::GetProgressRequest());
  if (!progress.ok()) return progress.status();
  if (!progress->complete()) waiting.push_back("analytics: events to fold");
  return absl::OkStatus();
}

}  // namespace

absl::Status AdvanceAll(Mesh& mesh, Loop& loop, const Caller& operator_, absl::Time to) {
  for (const char* service : kDecidingServices) {
    runtime::v1::AdvanceTimeRequest request;
    request.set_service(service);
    request.mutable_time()->set_seconds(absl::ToUnixSeconds(to));
    auto advanced = Ask<runtime::v1::AdvanceTimeResponse>(mesh, loop, operator_, request);
    if (!advanced.ok()) return advanced.status();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<runtime::v1::QuiesceResponse>> AwaitRest(Mesh& mesh, Loop& loop, const Caller& operator_,
                                                                    absl::Duration patience) {
  std::vector<runtime::v1::QuiesceResponse> before, now;
  std::vector<std::string> waiting;
  const int64_t until = Clock::Real()->steady_ms() + absl::ToInt64Milliseconds(patience);
  do {
    before = std::move(now);
    now.clear();
    waiting.clear();
    for (const char* service : kDecidingServices) {
      runtime::v1::QuiesceRequest request;
      request.set_service(service);
      auto rest = Ask<runtime::v1::QuiesceResponse>(mesh, loop, operator_, request);
      if (!rest.ok()) return rest.status();
      for (const auto& what : rest->waiting_for()) waiting.push_back(absl::StrCat(service, ": ", what));
      now.push_back(*std::move(rest));
    }
    if (waiting.empty() && SameEnds(before, now))
      if (auto status = LookAtAnalytics(mesh, loop, operator_, waiting); !status.ok()) return status;
    if (waiting.empty() && SameEnds(before, now)) return now;
    Sleep(loop, kBetweenPasses);
  } while (Clock::Real()->steady_ms() < until);
  return absl::UnavailableError(
      absl::StrCat("the city did not come to rest within ", absl::FormatDuration(patience), ": ",
                   waiting.empty() ? "something is always being added" : absl::StrJoin(waiting, "; ")));
}

}  // namespace civicmesh::civicctl
