#include "services/intake/vault/key_ring.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace civicmesh::intake {
namespace {

std::string Record(const char* kind, std::string_view owner, std::string_view id) {
  std::string record(kind);
  return record.append("/").append(owner).append("/").append(id);
}

}  // namespace

std::string KeyRecord(std::string_view owner, std::string_view key_id) { return Record("k", owner, key_id); }
std::string ErasureRecord(std::string_view owner, std::string_view erasure_id) {
  return Record("e", owner, erasure_id);
}

void KeyRing::Fold(const std::string& record_key, const std::optional<std::string>& value) {
  const std::vector<std::string> parts = absl::StrSplit(record_key, '/');
  if (parts.size() != 3) return;
  const std::string &owner = parts[1], &id = parts[2];
  if (parts[0] == "k" && !value) {
    Kill(id, owner);
    unburied_.erase(record_key);
  } else if (parts[0] == "k") {
    Entry entry{.owner = owner, .wrapped = {}, .read = true};
    if (!entry.wrapped.ParseFromString(*value)) return;
    if (dead_.contains(id)) {
      unburied_.insert(record_key);
    } else {
      Landed(id, std::move(entry));
    }
  } else if (parts[0] == "e" && value) {
    v1::KeyErasure erasure;
    if (!erasure.ParseFromString(*value)) return;
    std::vector<std::string> killed(erasure.key_ids().begin(), erasure.key_ids().end());
    for (const std::string& key_id : erasure.only_named() ? std::vector<std::string>() : KeysOf(owner))
      if (keys_.at(key_id).read && std::find(killed.begin(), killed.end(), key_id) == killed.end())
        killed.push_back(key_id);
    for (const std::string& key_id : killed) {
      if (const Entry* entry = Find(key_id); entry && entry->read) unburied_.insert(KeyRecord(owner, key_id));
      Kill(key_id, owner);
    }
    erasures_[record_key] = std::move(killed);
  }
}

void KeyRing::Landed(const std::string& key_id, Entry entry) {
  if (dead_.contains(key_id)) return;
  auto [there, fresh] = keys_.try_emplace(key_id);
  if (fresh) owned_[entry.owner].push_back(key_id);
  entry.read |= there->second.read;
  there->second = std::move(entry);
}

void KeyRing::Kill(const std::string& key_id, const std::string& owner) {
  dead_.insert(key_id);
  keys_.erase(key_id);
  auto owned = owned_.find(owner);
  if (owned == owned_.end()) return;
  std::erase(owned->second, key_id);
  if (owned->second.empty()) owned_.erase(owned);
}

bool KeyRing::AreDead(const std::vector<std::string>& key_ids) const {
  return std::all_of(key_ids.begin(), key_ids.end(), [this](const std::string& id) { return dead_.contains(id); });
}

const KeyRing::Entry* KeyRing::Find(const std::string& key_id) const {
  const auto entry = keys_.find(key_id);
  return entry == keys_.end() ? nullptr : &entry->second;
}

std::vector<std::string> KeyRing::KeysOf(const std::string& owner) const {
  const auto owned = owned_.find(owner);
  return owned == owned_.end() ? std::vector<std::string>() : owned->second;
}

std::vector<std::string> KeyRing::KilledBy(const std::string& erasure_record) const {
  const auto erasure = erasures_.find(erasure_record);
  return erasure == erasures_.end() ? std::vector<std::string>() : erasure->second;
}

}  // namespace civicmesh::intake
