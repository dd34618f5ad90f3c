// The files of a backup: each is written once, for its owner alone, and its SHA-256 is told; a folder's SHA256SUMS has
// those of all others in it, as sha256sum -c takes it. Errors name the file.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct evp_md_ctx_st;

namespace civicmesh::civicctl {

inline constexpr char kSums[] = "SHA256SUMS";

// DATA_LOSS.
absl::Status Damaged(const std::string& path, const std::string& how);

// UNAVAILABLE, with what the system says of it (errno).
absl::Status Trouble(const std::string& what, const std::string& path);

class Sha256Sum {
 public:
  Sha256Sum();
  void Add(std::string_view bytes);
  // Once, at the end.
  std::string Hex();

 private:
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};

// A new file. UNAVAILABLE: it was there already, or the disk does not take it.
class NewFile {
 public:
  ~NewFile();
  absl::Status Open(std::string path);
  absl::Status Write(std::string_view bytes);
  int64_t size() const { return size_; }
  // The digest of all that was written. kOnDisk: which is on the disk when this returns; kLater: SyncFolder makes it
  // so.
  enum class When { kOnDisk, kLater };
  absl::StatusOr<std::string> Close(When when);

 private:
  std::string path_;
  FILE* file_ = nullptr;
  int64_t size_ = 0;
  Sha256Sum sum_;
};

// Makes what is missing of `folder`, below `root`.
absl::Status MakeFolders(const std::string& root, const std::string& folder);

// All that was written on the file system of `folder` is on the disk.
absl::Status SyncFolder(const std::string& folder);

// DATA_LOSS: the file is not there, cannot be read, or has another digest. `progress` is told of bytes.
absl::Status CheckSum(const std::string& path, const std::string& expected,
                      const std::function<void(int64_t)>& progress);

// Digests by file. NOT_FOUND: there is no SHA256SUMS.
using Sums = std::map<std::string, std::string>;
absl::StatusOr<Sums> ReadSums(const std::string& folder);

// A line of it.
std::string SumsLine(const std::string& file, const std::string& sum);

}  // namespace civicmesh::civicctl
