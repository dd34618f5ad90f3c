#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "services/intake/domain/intake_shard.h"
#include "services/intake/intake_policies.h"
#include "services/intake/intake_reference.h"
#include "services/intake/intake_rpc.h"
#include "services/intake/open311/settings.h"
#include "services/intake/receipt.h"
#include "services/intake/seal.h"
#include "services/runtime/base/log.h"
#include "services/runtime/rpc/run_service.h"

int main(int argc, char** argv) {
  using namespace civicmesh;
  SetLogService("intake");
  auto sealer = intake::Sealer::FromEnvironment();
  auto receipts = intake::ReceiptKeys::FromEnvironment();
  auto open311 = intake::open311::SettingsFile::FromEnvironment();
  for (const absl::Status& status : {sealer.status(), receipts.status(), open311.status()}) {
    if (status.ok()) continue;
    std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
    return 1;
  }
  return RunService(
      argc, argv,
      {.domain = "intake",
       .machines = [](int shard) { return intake::MakeShard(shard); },
       .references = intake::ReferenceParsers(),
       .secrets = {"CIVICMESH_DEV_SEAL_KEY", "CIVICMESH_RECEIPT_KEYS"},
       .services =
           [&](const ServiceContext& s) { return intake::MakeIntakeServices(s, **sealer, **receipts, **open311); },
       .policies = intake::Policies});
}
