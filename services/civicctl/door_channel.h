// A connection to the door (Envoy).
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "grpcpp/channel.h"
#include "grpcpp/support/channel_arguments.h"

namespace civicmesh::civicctl {

// `url` is http://HOST:PORT or https://HOST:PORT. INVALID_ARGUMENT: another one.
absl::StatusOr<std::shared_ptr<grpc::Channel>> ChannelTo(const std::string& url,
                                                         const grpc::ChannelArguments& arguments = {});

}  // namespace civicmesh::civicctl
