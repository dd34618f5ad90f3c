// What may happen to a report (DOMAIN sections 1, 2 and 9): submitted, located, supplemented, withdrawn, followed.
//
// Each function decides one command on the report as it is (null: there is none) and answers events or a refusal. Pure.
// `caller_token` is the person token of the actor (base/person_tokens.h), empty for nobody.
#pragma once

#include "services/intake/domain/rules.h"

namespace civicmesh::intake {

constexpr int kMaxTextCharacters = 4000;  // as Open311 has it
constexpr int kMaxPlaceCharacters = 200;
constexpr int kMaxSupplements = 20;

// 上报. With a place it goes on to dispatch at once; without one it waits for staff (待定位).
IntakeDecision SubmitReport(const v1::SubmitReport& cmd, const std::string& caller_token, const Context& ctx);
// The id of the report that a submission makes, known before it is decided.
std::string ReportIdOf(int shard, const std::string& command_id);
// 定位 by staff: what waited goes on.
IntakeDecision LocateReport(const v1::ReportState* report, const v1::LocateReportRequest& cmd, const Context& ctx);
// 补充 by whoever reported, until the matter has ended.
IntakeDecision AddToReport(const v1::ReportState* report, const v1::AddToReport& cmd, const std::string& caller_token,
                           const Context& ctx);
// 撤回 by whoever reported, before a case is registered (立案).
IntakeDecision WithdrawReport(const v1::ReportState* report, const v1::WithdrawReport& cmd,
                              const std::string& caller_token, const Context& ctx);
// The case moved: the reporter is told, once per kind of notice (首次), and the status never goes back. Nothing happens
// where it was told before, or where the reporter has withdrawn. A case opened earlier may take the report over (并案).
IntakeDecision RecordCaseProgress(const v1::ReportState* report, const v1::RecordCaseProgress& cmd, const Context& ctx);

// The report earned points: the reporter is told once per grant. Nothing happens where the reporter has withdrawn.
IntakeDecision RecordPoints(const v1::ReportState* report, const v1::RecordPoints& cmd, const Context& ctx);

// Registrars, shift leaders and gateways hand in what others say.
bool ActsForOthers(const ActorView& actor);

// Whether a person of that token, or the tracking code of this hash, is who reported: what was written is theirs.
bool IsPerson(const v1::ReportState& report, const std::string& caller_token, std::string_view tracking_hash);
// Whether the actor, or the tracking code of this hash, stands for whoever reported: the person, or the post or system
// that handed it in. Also what GetReport asks.
bool IsReporter(const v1::ReportState& report, const ActorView& actor, const std::string& caller_token,
                std::string_view tracking_hash);

// What dispatch and the data team get of a complete report: the masked texts, supplements included.
v1::JournalEvent Forwarded(const v1::ReportState& report);

// The proposal as far as the standard that holds in this shard knows its class; else none ("unsure").
v1::CategoryProposal CheckedProposal(v1::CategoryProposal proposal, const Context& ctx);

// Folds an event of a report's stream.
void EvolveReport(v1::ReportState& report, uint64_t version, const v1::JournalEvent& event);

}  // namespace civicmesh::intake
