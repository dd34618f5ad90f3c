#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "services/intake/domain/intake_shard.h"
#include "services/intake/intake_policies.h"
#include "services/intake/intake_reference.h"
#include "services/intake/intake_rpc.h"
#include "services/intake/seal.h"
#include "services/runtime/base/log.h"
#include "services/runtime/rpc/run_service.h"

int main(int argc, char** argv) {
  using namespace civicmesh;
  SetLogService("intake");
  auto sealer = intake::Sealer::FromEnvironment();
  if (!sealer.ok()) {
    std::fprintf(stderr, "%s\n", std::string(sealer.status().message()).c_str());
    return 1;
  }
  return RunService(
      argc, argv,
      {.domain = "intake",
       .machines = [](int shard) { return intake::MakeShard(shard); },
       .references = intake::ReferenceParsers(),
       .services = [&](const ServiceContext& s) { return std::vector{intake::MakeIntakeRpc(s, **sealer)}; },
       .policies = intake::Policies});
}
