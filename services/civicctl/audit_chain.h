// The audit chain of one shard, checked link by link as it stands in the journal. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "civicmesh/intake/v1/intake_journal.pb.h"

namespace civicmesh::civicctl {

class AuditChain {
 public:
  explicit AuditChain(int shard) : shard_(shard) {}

  // The links in their order. What is wrong with one is kept in faults().
  void Take(const intake::v1::AuditEntryRecorded& link);

  const std::vector<intake::v1::AuditEntry>& entries() const { return entries_; }
  const std::vector<std::string>& faults() const { return faults_; }

 private:
  const int shard_;
  std::string end_ = std::string(32, '\0');
  std::vector<intake::v1::AuditEntry> entries_;
  std::vector<std::string> faults_;
};

// One line of JSON per entry, as `civicctl audit --out` writes them.
std::string AuditLine(const intake::v1::AuditEntry& entry);

// By shard and number: the hash that an export says, in hexadecimal. False where a line is none of an export.
using AuditHashes = std::map<std::pair<int, int64_t>, std::string>;
bool ReadAuditExport(const std::string& text, AuditHashes* hashes);

// What an earlier export has and the journal has not, or not so.
std::vector<std::string> AuditDifferences(const AuditHashes& before, const AuditHashes& now);

}  // namespace civicmesh::civicctl
