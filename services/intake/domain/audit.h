// 审计记录: what was done about personal data, in a chain of hashes per shard (GB/T 22239-2019 8.1.4.3: records of
// audit are protected against deletion, change and overwriting).
//
// An entry is decided together with what it records: neither is there without the other.
#pragma once

#include <string>

#include "services/intake/domain/rules.h"

namespace civicmesh::intake {

// The stream that holds the end of the shard's chain.
constexpr char kAuditChain[] = "ac";

struct AuditedAct {
  v1::AuditAction action = v1::AUDIT_ACTION_UNSPECIFIED;
  std::string object;        // as "reports/r-…"
  std::string person_token;  // whose data; empty where nobody knows
  std::string detail;        // never personal data
};

// Adds the entry and the chain's new end. `chain` is its end so far; null: nothing stands there yet. At most once per
// decision. `caller_token` is under which a citizen who acts appears.
void AddAuditEntry(const v1::AuditChainAdvanced* chain, const AuditedAct& act, const std::string& caller_token,
                   const Context& ctx, IntakeDecided* d);

// The entry as auditors read it, hashes included.
v1::AuditEntry AuditEntryOf(const v1::AuditEntryRecorded& recorded);

// What links an entry to the one before it: SHA-256(previous, entry).
std::string AuditHash(const std::string& previous, const std::string& entry);
// What the first entry of a chain follows.
std::string FirstAuditHash();

}  // namespace civicmesh::intake
