// The vault (DESIGN section 2, personal data): keys of persons, and what is sealed under them.
//
//   vault->KeyOf(owner, [=](absl::StatusOr<PersonKey> key) { … key->Seal(text) … });
//   auto text = vault->Open(state.text().sealed());        // NOT_FOUND: the person was erased
//   vault->Erase(owner, [=](absl::StatusOr<int> destroyed) { … });
//
// A key is in the topic, acknowledged, before anything is sealed under it. Every replica reads the whole topic and
// keeps it in memory, wrapped: some 250 bytes a key. What a person wrote is erased by one record, which any replica
// carries out: a kill at any moment leaves it done or undone, and not half. Thread-safe; nothing blocks but SeeThrough
// and the destructor, which does for the time of one poll.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "services/intake/vault/aead.h"

namespace civicmesh {
class Clock;
class KeyedLog;
namespace type::v1 {
class Sealed;
}
}  // namespace civicmesh

namespace civicmesh::intake {

class CityKey;
class MasterKeys;

// One key, in the clear, for as long as a call takes.
class PersonKey {
 public:
  PersonKey(std::string id, const AeadKey& key) : id_(std::move(id)), key_(key) {}
  // Two seals of the same text differ.
  type::v1::Sealed Seal(std::string_view text) const;
  // DATA_LOSS: it was changed, or another key sealed it.
  absl::StatusOr<std::string> Open(const type::v1::Sealed& sealed) const;
  const std::string& id() const { return id_; }

 private:
  std::string id_;
  AeadKey key_;
};

class Vault {
 public:
  // What was replaced is gone from the disks at the latest so long after the record that replaces it, and its next
  // beat.
  static constexpr int64_t kCompactionLagMs = 60 * 60 * 1000;

  // All outlive the vault. `log` is empty for a service without a topic of keys, as a test's: then nothing works.
  Vault(KeyedLog* log, const MasterKeys& masters, const CityKey& before, const Clock& clock);
  // Answers what is left with UNAVAILABLE.
  ~Vault();

  // A key of the owner, made where it has none that opens. An owner is a person's pseudonym or the id of an anonymous
  // report, without a slash. UNAVAILABLE: the topic is away, or not yet read.
  using KeyDone = std::function<void(absl::StatusOr<PersonKey>)>;
  void KeyOf(const std::string& owner, KeyDone done);

  // The key of that id, to seal what belongs to what it sealed. Errors as Open.
  absl::StatusOr<PersonKey> KeyNamed(const std::string& key_id) const;

  // NOT_FOUND: the key was destroyed. FAILED_PRECONDITION: its master key is not given. DATA_LOSS: it was changed.
  // UNAVAILABLE: the topic is not yet read.
  absl::StatusOr<std::string> Open(const type::v1::Sealed& sealed) const;

  // Destroys the owner's keys, those that the decision named and all others that there are: how many. Answered once
  // tombstones stand for all of them. UNAVAILABLE: unknown; to be called again.
  using EraseDone = std::function<void(absl::StatusOr<int>)>;
  void Erase(const std::string& owner, const std::vector<std::string>& named, EraseDone done);

  // Makes good an erasure of which only the decision may stand: destroys these keys of the owner and no others. Blocks
  // for some seconds at most; may be repeated. UNAVAILABLE: unknown; to be called again.
  absl::Status SeeThrough(const std::string& owner, const std::vector<std::string>& key_ids);
  // Of a living owner.
  std::vector<std::string> KeyIdsOf(const std::string& owner) const;

  // The whole topic has been read once.
  bool current() const;

 private:
  struct Impl;
  const std::shared_ptr<Impl> impl_;  // shared with what the topic has still to answer
};

}  // namespace civicmesh::intake
