// The reference data of a process: contents by their SHA-256, each parsed once (R10).
//
// Filled from the reference topic by ReferenceReader (reference_reader.h) or by a test; read by the owners
// of shards. Thread-safe; nothing blocks.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"

namespace civicmesh {

class ReferenceLibrary {
 public:
  // What a domain reads of a kind, made from the content's bytes (a reference.v1 message). INVALID_ARGUMENT when the
  // content does not hold what the kind promises. Kinds without a parser are accepted and parse to null.
  using Parser = std::function<absl::StatusOr<std::shared_ptr<const void>>(std::string_view content)>;

  explicit ReferenceLibrary(std::map<std::string, Parser> parsers) : parsers_(std::move(parsers)) {}

  // Parses and keeps. The same content twice is kept once; it is the newest of its kind from now on.
  absl::Status Add(const std::string& kind, std::string_view content);

  // To be called once everything that was published before this process began has been added.
  void BecomeCurrent();

  // Null until the content is there.
  struct Content {
    std::shared_ptr<const void> parsed;
  };
  std::shared_ptr<const Content> Find(std::string_view kind, std::string_view sha256) const;
  // What was published last, whether it was activated or not; null before BecomeCurrent, since it may be an old one.
  std::shared_ptr<const Content> Newest(std::string_view kind) const;

 private:
  const std::map<std::string, Parser> parsers_;
  mutable absl::Mutex mutex_;
  std::map<std::string, std::shared_ptr<const Content>> contents_ ABSL_GUARDED_BY(mutex_);  // by kind + sha256
  std::map<std::string, std::shared_ptr<const Content>, std::less<>> newest_ ABSL_GUARDED_BY(mutex_);  // by kind
  bool current_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace civicmesh
