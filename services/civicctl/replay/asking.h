// Calls of which the caller waits for the answer: what a command does before and after its stories.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "civicmesh/runtime/v1/control_service.pb.h"
#include "services/civicctl/replay/loop.h"
#include "services/civicctl/replay/mesh.h"

namespace civicmesh::civicctl {

// The services with an inbox, in the order in which they act on each other.
inline constexpr const char* kDecidingServices[] = {"intake", "dispatch", "points", "volunteering"};

// Errors name the request and the reason.
template <typename Response>
absl::StatusOr<Response> Ask(Mesh& mesh, Loop& loop, const Caller& caller, const google::protobuf::Message& request) {
  std::optional<absl::StatusOr<Response>> answer;
  mesh.Call<Response>(caller, absl::InfinitePast(), request, [&](const grpc::Status& status, Response response) {
    if (status.ok())
      answer = std::move(response);
    else
      answer = absl::UnknownError(absl::StrCat(request.GetDescriptor()->name(), ": ", NameOfRefusal(status)));
  });
  loop.RunUntil([&] { return answer.has_value(); });
  return *std::move(answer);
}

// Moves the business time of every deciding service to `to`.
absl::Status AdvanceAll(Mesh& mesh, Loop& loop, const Caller& operator_, absl::Time to);

// Waits until two passes over all deciding services found them at rest with the same ends, and analytics has folded
// everything. The ends of the last pass, in the order of kDecidingServices. UNAVAILABLE: they did not come to rest
// within `patience`; the message says what was still under way.
absl::StatusOr<std::vector<runtime::v1::QuiesceResponse>> AwaitRest(Mesh& mesh, Loop& loop, const Caller& operator_,
                                                                    absl::Duration patience);

}  // namespace civicmesh::civicctl
