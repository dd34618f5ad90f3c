// The in-memory twin of the object store, for tests. Single-threaded; nothing blocks.
#pragma once

#include <functional>
#include <istream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "services/runtime/objects/object_store.h"

namespace civicmesh {

class MemoryObjectStore : public ObjectStore {
 public:
  explicit MemoryObjectStore(std::function<absl::Time()> now) : now_(std::move(now)) {}

  // UNAVAILABLE from the call on that makes this 0, which still has its effect; negative: never.
  int calls_left = -1;

  absl::StatusOr<std::string> Get(const std::string& bucket, const std::string& key, size_t max_bytes) override {
    const auto found = objects_.find({bucket, key});
    if (Fails()) return absl::UnavailableError("away");
    if (found == objects_.end()) return absl::NotFoundError(key);
    if (found->second.bytes.size() > max_bytes) return absl::OutOfRangeError(key);
    return found->second.bytes;
  }
  absl::Status Put(const std::string& bucket, const std::string& key, const std::string& bytes,
                   const std::string& content_type) override {
    if (calls_left == 0) return absl::UnavailableError("away");
    objects_[{bucket, key}] = {bytes, now_(), {content_type, {}}};
    return Fails() ? absl::UnavailableError("away") : absl::OkStatus();
  }
  absl::StatusOr<ObjectFacts> Read(const std::string& bucket, const std::string& key, const Take& take) override {
    const auto found = objects_.find({bucket, key});
    if (Fails()) return absl::UnavailableError("away");
    if (found == objects_.end()) return absl::NotFoundError(key);
    const std::string_view bytes = found->second.bytes;
    for (size_t at = 0; at < bytes.size(); at += kPiece)
      if (auto taken = take(bytes.substr(at, kPiece)); !taken.ok()) return taken;
    return found->second.facts;
  }
  absl::Status Write(const std::string& bucket, const std::string& key, const ObjectFacts& facts, std::istream& from,
                     int64_t size) override {
    std::string bytes(static_cast<size_t>(size), '\0');
    if (calls_left == 0 || !from.read(bytes.data(), size)) return absl::UnavailableError("away, or too little");
    objects_[{bucket, key}] = {bytes, now_(), facts};
    return Fails() ? absl::UnavailableError("away") : absl::OkStatus();
  }
  absl::Status Delete(const std::string& bucket, const std::string& key) override {
    if (calls_left == 0) return absl::UnavailableError("away");
    objects_.erase({bucket, key});
    return Fails() ? absl::UnavailableError("away") : absl::OkStatus();
  }
  absl::StatusOr<std::vector<Listed>> List(const std::string& bucket, const std::string& prefix,
                                           const std::string& after, int max) override {
    if (Fails()) return absl::UnavailableError("away");
    std::vector<Listed> listed;
    for (auto at = objects_.lower_bound({bucket, prefix}); at != objects_.end(); ++at) {
      const auto& [where, object] = *at;
      if (where.first != bucket || where.second.rfind(prefix, 0) != 0 || static_cast<int>(listed.size()) == max) break;
      if (where.second > after)
        listed.push_back({where.second, object.modified, static_cast<int64_t>(object.bytes.size())});
    }
    return listed;
  }

  std::vector<std::string> Keys() const {
    std::vector<std::string> keys;
    for (const auto& [where, object] : objects_) keys.push_back(where.first + "/" + where.second);
    return keys;
  }

 private:
  static constexpr size_t kPiece = 16 << 10;
  struct Object {
    std::string bytes;
    absl::Time modified;
    ObjectFacts facts;
  };
  bool Fails() { return calls_left == 0 || (calls_left > 0 && --calls_left == 0); }

  const std::function<absl::Time()> now_;
  std::map<std::pair<std::string, std::string>, Object> objects_;
};

}  // namespace civicmesh
