#include "services/civicctl/door_channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace civicmesh::civicctl {

absl::StatusOr<std::shared_ptr<grpc::Channel>> ChannelTo(const std::string& url,
                                                         const grpc::ChannelArguments& arguments) {
  absl::string_view address = url;
  const bool plain = absl::ConsumePrefix(&address, "http://"), tls = absl::ConsumePrefix(&address, "https://");
  absl::ConsumeSuffix(&address, "/");
  if ((!plain && !tls) || address.empty())
    return absl::InvalidArgumentError(absl::StrCat("the door ", url, " is no address; write http://127.0.0.1:8311"));
  return grpc::CreateCustomChannel(std::string(address),
                                   tls ? grpc::SslCredentials({}) : grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace civicmesh::civicctl
