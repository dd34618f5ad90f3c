// 查阅上报人信息: who may learn who reported something: nobody whose work does not need it (个人信息保护法 §6). Asked
// for with a reason, granted by a second person, read by who asked within a day; all of it audited.
//
// Each function decides one command on the request as it is (null: there is none). Pure. `chain` is the end of the
// shard's audit chain.
#pragma once

#include "services/intake/domain/rules.h"

namespace civicmesh::intake {

constexpr int64_t kRevealValidMs = 24 * 60 * 60 * 1000;
constexpr size_t kMinReasonCharacters = 5, kMaxReasonCharacters = 200;

// 5 to 200 characters.
bool IsReason(const std::string& text);

IntakeDecision RequestReveal(const v1::ReportState* report, const v1::RequestRevealRequest& cmd,
                             const v1::AuditChainAdvanced* chain, const Context& ctx);
// Never by who asked.
IntakeDecision DecideReveal(const v1::RevealState* reveal, const v1::DecideRevealRequest& cmd,
                            const v1::AuditChainAdvanced* chain, const Context& ctx);
// Only by who asked; for everybody else there is no such request.
IntakeDecision ReadRevealed(const v1::RevealState* reveal, const v1::AuditChainAdvanced* chain, const Context& ctx);

// Folds an event of a request's stream.
void EvolveReveal(v1::RevealState& reveal, uint64_t version, const v1::JournalEvent& event);

}  // namespace civicmesh::intake
