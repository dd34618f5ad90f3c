// 并案 across shards (R11): a case opened close to a cell's border asks the shards beyond it for an earlier open case
// that is the same (duplicates.h), and hands its reports over to it.
//
//   the case's shard                 policy merge_across          a shard near it
//   CaseOpened {near_shards} ──────── LookForSimilar ───────▶ NeighbourLooked
//   CaseNeighbourHeard  ◀──────────── HearNeighbour ─────────────┘
//   CaseMergeAsked ────────────────── TakeReports ──────────▶ CaseReportMerged…, CaseMergeAnswered
//   CaseMerged, or goes on  ◀──────── SettleMerge ───────────────┘
//      └─ or CaseMergeGivenUp by the timer
//
// A case is merged only into one that was opened before it (in the same millisecond: from the higher id into the lower)
// and only before it is registered, so that no deadline ever moves; what staff opened is named as similar, not merged.
// The order of opening never changes, so merging makes no circle, and of two that want each other only one asks. While
// a case asks it is neither registered nor declined, nor is anything merged into it from other shards. An answer that
// comes after the timer still holds: what was taken is the other case's, and where the case was registered meanwhile it
// goes on without those reports.
//
// Pure functions.
#pragma once

#include <string>

#include "services/dispatch/domain/change.h"
#include "services/dispatch/domain/duplicates.h"
#include "services/dispatch/domain/rules.h"

namespace civicmesh::dispatch {

// How long a case waits for another shard's word.
constexpr int64_t kMergingMs = 2 * 60 * 1000;

// It waits for the answer of another case: neither register nor decline it.
bool AsksToMerge(const v1::CaseState& c);

// Adds to the opening just added to `change` whom it asks.
void AskNeighbours(Change& change, const google::protobuf::RepeatedField<int32_t>& near_shards, const Context& ctx);

// Adds CaseReportMerged of `report`, which joins `into` now. `merged_from` is the case that hands it on, or "".
void Join(Change& change, const v1::Case& into, v1::CaseReport report, const DuplicateIndex::Near& near,
          const std::string& merged_from, const Context& ctx);

CaseDecision LookForSimilar(const v1::LookForSimilar& cmd, const CaseBook& book, const Context& ctx);
CaseDecision HearNeighbour(const v1::CaseState& c, const v1::HearNeighbour& cmd, const Context& ctx);
CaseDecision TakeReports(const v1::CaseState& c, const v1::TakeReports& cmd, const Context& ctx);
CaseDecision SettleMerge(const v1::CaseState& c, const v1::SettleMerge& cmd, const Context& ctx);
// Of kMergingTimer.
CaseDecision GiveUpMerging(const v1::CaseState& c, const Context& ctx);

}  // namespace civicmesh::dispatch
