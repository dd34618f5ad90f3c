// civicmesh-points: accounts, items and redemptions (README.md). Flags as in services/runtime/rpc/run_service.h, and
//
//   --voucher_secret=…    makes vouchers; the same in every replica and never changed; give it by environment
//                         (CIVICMESH_VOUCHER_SECRET, or CIVICMESH_VOUCHER_SECRET_FILE)
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "services/points/domain/points_shard.h"
#include "services/points/points_policies.h"
#include "services/points/points_reference.h"
#include "services/points/points_rpc.h"
#include "services/runtime/base/log.h"
#include "services/runtime/base/secrets.h"
#include "services/runtime/rpc/run_service.h"
#include "services/runtime/rpc/service_flags.h"

namespace {

constexpr char kDevelopmentSecret[] = "civicmesh-development";

std::string FromEnvironment() {
  auto secret = civicmesh::SecretFromEnvironment("CIVICMESH_VOUCHER_SECRET");
  if (secret.ok()) return *std::move(secret);
  std::exit(civicmesh::RefuseToStart(secret.status()));
}

}  // namespace

ABSL_FLAG(std::string, voucher_secret, FromEnvironment(), "makes vouchers; never changed");

int main(int argc, char** argv) {
  using namespace civicmesh;
  return RunService(argc, argv,
                    {.domain = "points",
                     .machines = [](int) { return std::make_unique<points::PointsShard>(); },
                     .references = points::ReferenceParsers(),
                     .secrets = {"CIVICMESH_VOUCHER_SECRET"},
                     .services =
                         [](const ServiceContext& service) {
                           std::string secret = absl::GetFlag(FLAGS_voucher_secret);
                           if (secret.empty()) {
                             Log(Severity::kWarning,
                                 "vouchers are made with the development secret: set CIVICMESH_VOUCHER_SECRET");
                             secret = kDevelopmentSecret;
                           }
                           return std::vector{points::MakePointsRpc(service, std::move(secret))};
                         },
                     .policies = points::Policies});
}
