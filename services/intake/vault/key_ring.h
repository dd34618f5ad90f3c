// What the topic of keys says (proto keys.proto), folded: which keys an owner has, which are dead, and which tombstones
// are missing.
//
// Any replica may add a key, and two that do not know of each other may give one owner two: both are good. Nothing is
// overwritten but by a key wrapped anew. An erasure kills the keys that it names and, unless it says that it means no
// others, all that its owner had before it, for ever: a dead key that stands in the topic again, as one that was
// wrapped anew meanwhile, is buried again. So the order in which replicas come by does not matter, and none needs to be
// the only one. Pure; one thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "civicmesh/intake/v1/keys.pb.h"

namespace civicmesh::intake {

std::string KeyRecord(std::string_view owner, std::string_view key_id);
std::string ErasureRecord(std::string_view owner, std::string_view erasure_id);

class KeyRing {
 public:
  struct Entry {
    std::string owner;
    v1::WrappedKey wrapped;
    bool read = false;  // it was seen in the topic
  };

  // A record of the topic. What is no record of keys is passed over.
  void Fold(const std::string& record_key, const std::optional<std::string>& value);
  // A key that has landed in the topic and may not have been read yet.
  void Landed(const std::string& key_id, Entry entry);

  // Null where there is none, or it is dead.
  const Entry* Find(const std::string& key_id) const;
  // Of a living owner; the oldest first.
  std::vector<std::string> KeysOf(const std::string& owner) const;
  const absl::flat_hash_map<std::string, Entry>& keys() const { return keys_; }

  bool AreDead(const std::vector<std::string>& key_ids) const;

  // The records of dead keys that stand in the topic still: they want tombstones.
  const std::set<std::string>& unburied() const { return unburied_; }

  // What an erasure that was read has killed: all that it names and all that stood before it.
  std::vector<std::string> KilledBy(const std::string& erasure_record) const;

 private:
  void Kill(const std::string& key_id, const std::string& owner);

  absl::flat_hash_map<std::string, Entry> keys_;                      // by key id
  absl::flat_hash_map<std::string, std::vector<std::string>> owned_;  // key ids by owner
  absl::flat_hash_set<std::string> dead_;                             // key ids
  std::set<std::string> unburied_;
  std::map<std::string, std::vector<std::string>> erasures_;  // by record: key ids
};

}  // namespace civicmesh::intake
