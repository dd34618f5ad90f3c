// One person's calls through the door (Envoy), with the person's own token, and what the links in their answers lead
// to.
//
// A call that is not answered, or that the door puts off, is repeated for some seconds. Errors say what to do:
// UNAUTHENTICATED and PERMISSION_DENIED (the token), NOT_FOUND (the door has no such service), UNAVAILABLE (nobody
// answers). One thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "civicmesh/intake/v1/vault_service.pb.h"
#include "civicmesh/points/v1/points_service.pb.h"
#include "civicmesh/volunteering/v1/volunteering_service.pb.h"

namespace civicmesh::civicctl {

class PersonDoor {
 public:
  // `url` is http://HOST:PORT or https://HOST:PORT. INVALID_ARGUMENT: another one.
  static absl::StatusOr<std::unique_ptr<PersonDoor>> Open(const std::string& url, std::string token);
  ~PersonDoor();

  absl::Status Ask(const intake::v1::CopyPersonalDataRequest& request, intake::v1::PersonalData* answer);
  absl::Status Ask(const points::v1::GetAccountRequest& request, points::v1::Account* answer);
  absl::Status Ask(const points::v1::ListTransactionsRequest& request, points::v1::ListTransactionsResponse* answer);
  absl::Status Ask(const points::v1::ListRedemptionsRequest& request, points::v1::ListRedemptionsResponse* answer);
  absl::Status Ask(const volunteering::v1::ListServiceRecordsRequest& request,
                   volunteering::v1::ListServiceRecordsResponse* answer);

  // What is at `link` goes to `take`, piece by piece; the token does not go there. NOT_FOUND: there is nothing any
  // more. What `take` failed with. Otherwise UNAVAILABLE, and a part may have been taken.
  absl::Status Fetch(const std::string& link, const std::function<absl::Status(std::string_view piece)>& take);

 private:
  struct Impl;
  explicit PersonDoor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace civicmesh::civicctl
