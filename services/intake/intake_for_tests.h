// What intake's tests of RPCs run: its spec with keys that protect nothing, and the vault of the process that runs.
//
//   IntakeForTests intake_;
//   ServiceForTests service_{intake_.Spec([this](const ServiceContext& s, std::shared_ptr<Vault> vault) {
//     return std::vector{MakeVaultRpc(s, vault, *intake_.city_key)};
//   })};
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "services/intake/domain/intake_shard.h"
#include "services/intake/intake_policies.h"
#include "services/intake/intake_reference.h"
#include "services/intake/receipt.h"
#include "services/intake/vault/city_key.h"
#include "services/intake/vault/master_keys.h"
#include "services/intake/vault/vault.h"
#include "services/runtime/rpc/service_spec.h"

namespace civicmesh::intake {

struct IntakeForTests {
  using Services =
      std::function<std::vector<std::shared_ptr<grpc::Service>>(const ServiceContext&, std::shared_ptr<Vault>)>;

  // This outlives whoever runs it. Ready once the vault has read its topic, as the service is.
  ServiceSpec Spec(Services services) {
    return {.domain = "intake",
            .machines = [](int shard) { return MakeShard(shard); },
            .references = ReferenceParsers(),
            .services =
                [this, services = std::move(services)](const ServiceContext& s) {
                  auto made = std::make_shared<Vault>(s.keys, *masters, *city_key, *s.clock);
                  vault_ = made;
                  return services(s, std::move(made));
                },
            .ready =
                [this] {
                  const auto running = vault();
                  return running && running->current();
                },
            .policies =
                [this](int shards) {
                  return Policies(shards, [this](const auto& owner, const auto& key_ids) {
                    return vault()->SeeThrough(owner, key_ids);
                  });
                }};
  }
  std::shared_ptr<Vault> vault() const { return vault_.lock(); }

  const std::unique_ptr<MasterKeys> masters = *MasterKeys::FromEnvironment();
  const std::unique_ptr<CityKey> city_key = *CityKey::FromEnvironment();
  const ReceiptKeys receipts{{std::string(32, 'k')}};

 private:
  std::weak_ptr<Vault> vault_;  // its log ends with the process
};

}  // namespace civicmesh::intake
