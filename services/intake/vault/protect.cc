#include "services/intake/vault/protect.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "services/intake/text/masking.h"
#include "services/runtime/personal/utf8.h"

namespace civicmesh::intake {
namespace {

constexpr size_t kMaxName = 50, kMaxPhone = 30, kMaxEmail = 100;

}  // namespace

v1::PersonalText Protect(const std::string& written, const PersonKey& key) {
  const std::string_view text = Trim(written);
  v1::PersonalText out;
  *out.mutable_sealed() = key.Seal(text);
  out.set_masked(Mask(text).text);
  out.set_length(static_cast<int>(CountCharacters(text)));
  return out;
}

bool IsContact(const v1::Contact& contact) {
  return CountCharacters(contact.name()) <= kMaxName && CountCharacters(contact.email()) <= kMaxEmail &&
         contact.phone().size() <= kMaxPhone && std::all_of(contact.phone().begin(), contact.phone().end(), [](char c) {
           return absl::ascii_isdigit(c) || std::string_view("+-(). ").find(c) != std::string_view::npos;
         });
}

type::v1::Sealed SealContact(const v1::Contact& contact, const PersonKey& key) {
  return key.Seal(contact.SerializeAsString());
}

absl::StatusOr<v1::Contact> OpenContact(const type::v1::Sealed& sealed, const Vault& vault) {
  v1::Contact contact;
  if (sealed.ciphertext().empty()) return contact;
  auto bytes = vault.Open(sealed);
  if (!bytes.ok()) return bytes.status();
  if (!contact.ParseFromString(*bytes)) return absl::DataLossError("a contact does not parse");
  return contact;
}

}  // namespace civicmesh::intake
