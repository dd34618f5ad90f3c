// civicmesh-dispatch under a domain's name of the test's own (DISPATCH_TEST_DOMAIN), so that tests share one broker;
// what it takes for intake's facts stands under that name with "-intake" behind it.
#include <cstdlib>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/dispatch/dispatch_policies.h"
#include "services/dispatch/dispatch_reference.h"
#include "services/dispatch/dispatch_rpc.h"
#include "services/dispatch/domain/dispatch_shard.h"
#include "services/runtime/rpc/run_service.h"

int main(int argc, char** argv) {
  using namespace civicmesh;
  const char* domain = std::getenv("DISPATCH_TEST_DOMAIN");
  if (!domain) return 2;
  return RunService(argc, argv,
                    {.domain = domain,
                     .machines = [](int) { return std::make_unique<dispatch::DispatchShard>(); },
                     .references = dispatch::ReferenceParsers(),
                     .services = [](const ServiceContext& s) { return std::vector{dispatch::MakeDispatchRpc(s)}; },
                     .policies =
                         [domain](int shards) {
                           auto policies = dispatch::Policies(shards);
                           for (auto& policy : policies)
                             policy.source_domain = policy.source_domain == "intake" ? absl::StrCat(domain, "-intake")
                                                                                     : std::string(domain);
                           return policies;
                         }});
}
