#include "services/intake/vault/master_keys.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "civicmesh/intake/v1/keys.pb.h"
#include "services/runtime/base/log.h"
#include "services/runtime/base/secrets.h"

namespace civicmesh::intake {
namespace {

constexpr char kVariable[] = "CIVICMESH_MASTER_KEYS";
constexpr std::string_view kBuiltIn = "civicmesh built-in master key's!";

}  // namespace

absl::StatusOr<std::unique_ptr<MasterKeys>> MasterKeys::FromEnvironment() {
  std::vector<AeadKey> keys;
  const auto given = SecretFromEnvironment(kVariable);
  if (!given.ok()) return given.status();
  if (given->empty()) {
    Log(Severity::kWarning, "keys of persons are wrapped under the built-in key, which protects nothing",
        {{"variable", kVariable}});
    AeadKey built_in;
    std::copy_n(kBuiltIn.begin(), built_in.size(), built_in.begin());
    keys.push_back(built_in);
    return std::make_unique<MasterKeys>(std::move(keys));
  }
  for (absl::string_view hex : absl::StrSplit(*given, ',')) {
    const auto key = AeadKeyFromHex({hex.data(), hex.size()});
    if (!key)
      return absl::InvalidArgumentError(absl::StrCat(kVariable, " must be 64 hexadecimal digits, or several such"));
    keys.push_back(*key);
  }
  return std::make_unique<MasterKeys>(std::move(keys));
}

MasterKeys::MasterKeys(std::vector<AeadKey> keys) {
  for (const AeadKey& key : keys) keys_.push_back({absl::StrCat("m-", AeadKeyName(key)), key});
}

v1::WrappedKey MasterKeys::Wrap(const AeadKey& key, std::string_view record_key) const {
  v1::WrappedKey wrapped;
  wrapped.set_master_id(first_id());
  wrapped.set_wrapped(AeadSeal(keys_.front().key, record_key, {reinterpret_cast<const char*>(key.data()), key.size()}));
  return wrapped;
}

absl::StatusOr<AeadKey> MasterKeys::Unwrap(const v1::WrappedKey& wrapped, std::string_view record_key) const {
  const auto master =
      std::find_if(keys_.begin(), keys_.end(), [&](const Named& named) { return named.id == wrapped.master_id(); });
  if (master == keys_.end())
    return absl::FailedPreconditionError(absl::StrCat("the master key ", wrapped.master_id(), " is not given"));
  const auto bytes = AeadOpen(master->key, record_key, wrapped.wrapped());
  AeadKey key;
  if (!bytes || bytes->size() != key.size()) return absl::DataLossError("a wrapped key has been changed");
  std::copy(bytes->begin(), bytes->end(), key.begin());
  return key;
}

}  // namespace civicmesh::intake
