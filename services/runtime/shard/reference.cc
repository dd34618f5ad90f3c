#include <utility>

#include "absl/strings/str_cat.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/shard/reference_library.h"
#include "services/runtime/shard/reference_view.h"

namespace civicmesh {

absl::Status ReferenceLibrary::Add(const std::string& kind, std::string_view content) {
  const std::string key = kind + "/" + Sha256(content);
  {
    absl::MutexLock lock(&mutex_);
    if (auto known = contents_.find(key); known != contents_.end()) {
      newest_[kind] = known->second;
      return absl::OkStatus();
    }
  }
  auto made = std::make_shared<Content>();
  if (auto parser = parsers_.find(kind); parser != parsers_.end()) {
    auto parsed = parser->second(content);
    if (!parsed.ok()) return parsed.status();
    made->parsed = *std::move(parsed);
  }
  absl::MutexLock lock(&mutex_);
  newest_[kind] = contents_.emplace(key, std::move(made)).first->second;
  return absl::OkStatus();
}

void ReferenceLibrary::BecomeCurrent() {
  absl::MutexLock lock(&mutex_);
  current_ = true;
}

std::shared_ptr<const ReferenceLibrary::Content> ReferenceLibrary::Newest(std::string_view kind) const {
  absl::MutexLock lock(&mutex_);
  if (!current_) return nullptr;
  auto it = newest_.find(kind);
  return it == newest_.end() ? nullptr : it->second;
}

std::shared_ptr<const ReferenceLibrary::Content> ReferenceLibrary::Find(std::string_view kind,
                                                                        std::string_view sha256) const {
  absl::MutexLock lock(&mutex_);
  auto it = contents_.find(std::string(kind) + "/" + std::string(sha256));
  return it == contents_.end() ? nullptr : it->second;
}

const void* ShardReferences::Find(std::string_view kind) const {
  for (auto it = activations_.rbegin(); it != activations_.rend(); ++it) {
    if (it->kind() != kind || (it->valid_from_ms() > now_ms_ && rules_.valid_from)) continue;
    auto content = rules_.content_address ? library_->Find(kind, it->sha256()) : library_->Newest(kind);
    used_[std::string(kind)] = it->version();
    if (!content) return nullptr;
    held_.push_back(content);
    return content->parsed.get();
  }
  return nullptr;
}

void ShardReferences::Record(log::v1::Record& record) const {
  if (!rules_.versions_used) return;
  for (const auto& [kind, version] : used_) {
    auto* use = record.add_references();
    use->set_kind(kind);
    use->set_version(version);
  }
}

}  // namespace civicmesh
