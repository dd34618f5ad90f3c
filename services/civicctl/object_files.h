// The objects of a backup on disk, in a folder of its own below the backup's (backup_files.h):
//
//   objects/civicmesh-media/u-17/photo.jpg    an object's bytes, under its bucket and key
//   objects/manifest.json                     of each its size, digest, type and metadata; and the format
//   objects/SHA256SUMS                        of every other file; written last, once all else is on the disk
//
// No object's bytes are held in memory; of each, what the manifest says is, some 300 bytes. Errors name the file.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/runtime/objects/object_store.h"

namespace civicmesh::civicctl {

struct CopiedObject {
  std::string bucket, key;
  int64_t size = 0;
  std::string sha256;  // in hex
  ObjectFacts facts;
};

// Whether the backup has objects, or at least had been begun to have some.
bool HasObjects(const std::string& folder);

// Where in the backup the object's bytes lie.
std::string ObjectFile(const std::string& folder, const CopiedObject& object);

// Writes the objects of one backup. They are there once Finish has returned.
class ObjectWriter {
 public:
  // Makes the folder objects/, so that a backup that is broken off from now on is known to miss some.
  static absl::StatusOr<std::unique_ptr<ObjectWriter>> Create(const std::string& folder);
  ~ObjectWriter();

  // Begins an object. INVALID_ARGUMENT: its key cannot be a file's name.
  absl::Status Begin(const std::string& bucket, const std::string& key);
  absl::Status Add(std::string_view piece);
  // The object that was begun is whole, or is not wanted.
  absl::Status End(const ObjectFacts& facts);
  absl::Status Drop();

  absl::Status Finish(const std::string& made_at);
  int64_t objects() const;
  int64_t bytes() const;

 private:
  struct Impl;
  explicit ObjectWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Reads all of it and compares every digest before it answers. FAILED_PRECONDITION: it was not finished, or has another
// format; DATA_LOSS: it is not as it was made. `progress` is told of bytes.
absl::StatusOr<std::vector<CopiedObject>> CheckObjects(const std::string& folder,
                                                       const std::function<void(int64_t)>& progress);

}  // namespace civicmesh::civicctl
