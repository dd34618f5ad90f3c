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
#include "services/intake/vault/city_key.h"
#include "services/intake/vault/master_keys.h"
#include "services/intake/vault/vault.h"
#include "services/runtime/base/log.h"
#include "services/runtime/base/names.h"
#include "services/runtime/rpc/run_service.h"

int main(int argc, char** argv) {
  using namespace civicmesh;
  SetLogService("intake");
  auto masters = intake::MasterKeys::FromEnvironment();
  auto city_key = intake::CityKey::FromEnvironment();
  auto receipts = intake::ReceiptKeys::FromEnvironment();
  auto open311 = intake::open311::SettingsFile::FromEnvironment();
  for (const absl::Status& status : {masters.status(), city_key.status(), receipts.status(), open311.status()}) {
    if (status.ok()) continue;
    std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
    return 1;
  }
  std::shared_ptr<intake::Vault> vault;
  return RunService(argc, argv,
                    {.domain = "intake",
                     .machines = [](int shard) { return intake::MakeShard(shard); },
                     .references = intake::ReferenceParsers(),
                     .keyed_topic = KeysTopic(),
                     .keyed_topic_lag_ms = intake::Vault::kCompactionLagMs,
                     .secrets = {"CIVICMESH_MASTER_KEYS", "CIVICMESH_DEV_SEAL_KEY", "CIVICMESH_RECEIPT_KEYS"},
                     .services =
                         [&](const ServiceContext& s) {
                           vault = std::make_shared<intake::Vault>(s.keys, **masters, **city_key, *s.clock);
                           return intake::MakeIntakeServices(s, vault, **city_key, **receipts, **open311);
                         },
                     .ready = [&] { return vault && vault->current(); },
                     .policies =
                         [&](int shards) {
                           return intake::Policies(shards, [&](const auto& owner, const auto& key_ids) {
                             return vault->SeeThrough(owner, key_ids);
                           });
                         }});
}
