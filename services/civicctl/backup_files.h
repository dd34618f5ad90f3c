// A backup on disk: a folder that its owner alone may enter.
//
//   manifest.json                         what is in it (Manifest), and its format
//   civicmesh.intake.journal.v1/3         the records of one partition, in order
//   SHA256SUMS                            of every other file, as sha256sum -c takes it; written last
//   objects/                              photos and recordings, with sums of their own (object_files.h)
//
// A file of records is, one after the other, the length of what follows (4 bytes, big-endian) and a framed CopiedRecord
// (copied_record.proto; base/frame.h). Nothing holds more than one record in memory. Errors name the file.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/runtime/journal/kafka_copy.h"

namespace civicmesh::civicctl {

struct CopiedPartition {
  TopicPartition at;
  // What stands in [begin, end) is here; below `begin` nothing is needed.
  int64_t begin = 0, end = 0;
  int64_t records = 0;  // fewer than end - begin where the topic is compacted
};

struct Manifest {
  std::string made_at;  // RFC 3339, of the moment that it shows
  int shards = 0;
  std::vector<CopiedPartition> partitions;
  GroupOffsets groups;
};

// Makes a backup in a folder that is new or empty. It is one once Finish has returned.
class BackupWriter {
 public:
  // FAILED_PRECONDITION: something is in the folder.
  static absl::StatusOr<std::unique_ptr<BackupWriter>> Create(const std::string& folder);
  ~BackupWriter();

  // Begins the file of a partition; the one before is complete then.
  absl::Status Begin(const TopicPartition& at);
  absl::Status Add(const CopiedRecord& record);
  absl::Status Finish(const Manifest& manifest);

 private:
  struct Impl;
  explicit BackupWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Reads a whole backup and compares every digest, offset and count before it answers. FAILED_PRECONDITION: it was not
// finished, or has another format; DATA_LOSS: it is not as it was made. `progress` is told of bytes.
absl::StatusOr<Manifest> CheckBackup(const std::string& folder, const std::function<void(int64_t)>& progress);
// How many bytes that will be.
int64_t BackupBytes(const std::string& folder);

// The records of a partition, in order, until `take` fails.
absl::Status ReadRecords(const std::string& folder, const TopicPartition& at,
                         const std::function<absl::Status(const CopiedRecord&)>& take);

}  // namespace civicmesh::civicctl
