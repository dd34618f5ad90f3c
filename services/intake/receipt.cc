#include "services/intake/receipt.h"

#include <utility>

#include "civicmesh/intake/v1/intake_journal.pb.h"
#include "services/runtime/base/log.h"

namespace civicmesh::intake {
namespace {

constexpr char kVariable[] = "CIVICMESH_RECEIPT_KEYS";
constexpr char kBuiltIn[] = "civicmesh built-in receipts' key";
static_assert(sizeof kBuiltIn - 1 == 32);

}  // namespace

absl::StatusOr<std::unique_ptr<ReceiptKeys>> ReceiptKeys::FromEnvironment() {
  auto keys = SigningKeys::FromEnvironment(kVariable, "");
  if (!keys.ok()) return keys.status();
  if (!keys->empty()) return std::make_unique<ReceiptKeys>(*std::move(keys));
  Log(Severity::kWarning, "receipts are signed with the built-in key, which anybody can forge",
      {{"variable", kVariable}});
  return std::make_unique<ReceiptKeys>(std::vector<std::string>{kBuiltIn});
}

ReceiptKeys::ReceiptKeys(std::vector<std::string> keys) : ReceiptKeys(SigningKeys(std::move(keys), "")) {}
ReceiptKeys::ReceiptKeys(SigningKeys keys) : keys_(std::move(keys)) {}

std::string ReceiptKeys::Sign(const v1::Receipt& receipt) const { return keys_.Sign(receipt.SerializeAsString()); }

std::optional<v1::Receipt> ReceiptKeys::Open(const std::string& text) const {
  const auto bytes = keys_.Open(text);
  v1::Receipt receipt;
  if (!bytes || !receipt.ParseFromString(*bytes)) return std::nullopt;
  return receipt;
}

}  // namespace civicmesh::intake
