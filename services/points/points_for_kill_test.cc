// civicmesh-points under a domain's name of the test's own (POINTS_TEST_DOMAIN), so that tests share one broker; it
// follows its own facts only.
#include <cstdlib>
#include <memory>
#include <vector>

#include "services/points/domain/points_shard.h"
#include "services/points/points_policies.h"
#include "services/points/points_reference.h"
#include "services/points/points_rpc.h"
#include "services/runtime/rpc/run_service.h"

int main(int argc, char** argv) {
  using namespace civicmesh;
  const char* domain = std::getenv("POINTS_TEST_DOMAIN");
  if (!domain) return 2;
  return RunService(
      argc, argv,
      {.domain = domain,
       .machines = [](int) { return std::make_unique<points::PointsShard>(); },
       .references = points::ReferenceParsers(),
       .services = [](const ServiceContext& s) { return std::vector{points::MakePointsRpc(s, "secret")}; },
       .policies =
           [domain](int shards) {
             std::vector<PolicySpec> own;
             for (auto& policy : points::Policies(shards)) {
               if (policy.source_domain != "points") continue;
               policy.source_domain = domain;
               own.push_back(std::move(policy));
             }
             return own;
           }});
}
