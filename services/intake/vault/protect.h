// What a person wrote, on its way into a command: sealed, and masked where others have to read it. Pure but for the
// nonce.
#pragma once

#include <string>

#include "civicmesh/intake/v1/intake_journal.pb.h"
#include "services/intake/vault/vault.h"

namespace civicmesh::intake {

// Without white space around it.
v1::PersonalText Protect(const std::string& written, const PersonKey& key);

// A name of at most 50 characters, a phone of at most 30 digits, signs and spaces, an email of at most 100 characters;
// any of them may be empty.
bool IsContact(const v1::Contact& contact);
type::v1::Sealed SealContact(const v1::Contact& contact, const PersonKey& key);
// Errors as Vault::Open. Nothing sealed is an empty contact.
absl::StatusOr<v1::Contact> OpenContact(const type::v1::Sealed& sealed, const Vault& vault);

}  // namespace civicmesh::intake
