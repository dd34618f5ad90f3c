// 举报: reports against staff. Sealed as a whole, no public fact, no case; only the discipline channel reads them
// (纪检监察机关处理检举控告工作规则), and each reading is audited. The tracking code is the reporter's only way back.
//
// Each function decides one command on the report as it is (null: there is none). Pure. `chain` is the end of the
// shard's audit chain.
#pragma once

#include "services/intake/domain/rules.h"

namespace civicmesh::intake {

constexpr int kMaxAboutCharacters = 200;

IntakeDecision SubmitSealedReport(const v1::SubmitSealedReport& cmd, const Context& ctx);
// The id of the report that a submission makes, known before it is decided.
std::string SealedReportIdOf(int shard, const std::string& command_id);
IntakeDecision ReadSealedReport(const v1::SealedReportState* report, const v1::AuditChainAdvanced* chain,
                                const Context& ctx);
// 答复: as often as it takes until it is ended.
IntakeDecision AnswerSealedReport(const v1::SealedReportState* report, const v1::AnswerSealedReport& cmd,
                                  const v1::AuditChainAdvanced* chain, const Context& ctx);

v1::SealedReportStatus StatusOf(const v1::SealedReportState& report);

// Folds an event of such a report's stream.
void EvolveSealedReport(v1::SealedReportState& report, uint64_t version, const v1::JournalEvent& event);

}  // namespace civicmesh::intake
