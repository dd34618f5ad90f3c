// What a person may ask about the own data (个人信息保护法 §45, §47): a copy, and to be erased. The keys are destroyed
// by the vault; here stands that it was asked for, by whom and when.
//
// Pure. `chain` is the end of the shard's audit chain, `caller_token` the caller's own.
#pragma once

#include "services/intake/domain/rules.h"

namespace civicmesh::intake {

// In the shard of the person's token.
IntakeDecision CopyPersonalData(const std::string& caller_token, const v1::AuditChainAdvanced* chain,
                                const Context& ctx);

// Of a person, in the shard of the token: by the person, or by a security officer who says on whose word.
IntakeDecision ErasePerson(const v1::ErasePersonalData& cmd, const std::string& caller_token,
                           const v1::AuditChainAdvanced* chain, const Context& ctx);

// Of one anonymous report, or report against staff, of that tracking hash: by who has its code. `name` is the report's;
// empty where there is none.
IntakeDecision EraseReport(const std::string& name, const std::string& tracking_hash, const v1::ErasePersonalData& cmd,
                           const v1::AuditChainAdvanced* chain, const Context& ctx);

}  // namespace civicmesh::intake
