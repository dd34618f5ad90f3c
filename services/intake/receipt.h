// The receipt of a report that was taken in and is not decided yet (R13): signed, so that whoever shows it can be told
// RECEIVED without a look at the log.
//
//   auto keys = ReceiptKeys::FromEnvironment();        // once; at start-up
//   report->set_receipt(keys->Sign(receipt));
//   auto receipt = keys->Open(request->receipt());
//
// Under CIVICMESH_RECEIPT_KEYS (base/signed_text.h). A key may go once the receipts that it signed are of no use any
// more: 48 hours after the last one was decided. Without the variable a built-in key, which anybody can forge, and says
// so in the log. Thread-safe; nothing blocks.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/runtime/base/signed_text.h"

namespace civicmesh::intake {

namespace v1 {
class Receipt;
}

class ReceiptKeys {
 public:
  // INVALID_ARGUMENT: the variable is set and holds something else than keys; the message does not quote it.
  static absl::StatusOr<std::unique_ptr<ReceiptKeys>> FromEnvironment();
  // 32 bytes each, at least one.
  explicit ReceiptKeys(std::vector<std::string> keys);
  // At least one.
  explicit ReceiptKeys(SigningKeys keys);

  // Text that stands in addresses and JSON as it is, some 200 characters.
  std::string Sign(const v1::Receipt& receipt) const;

  // Nullopt: not signed with one of our keys, or changed since.
  std::optional<v1::Receipt> Open(const std::string& text) const;

 private:
  const SigningKeys keys_;
};

}  // namespace civicmesh::intake
