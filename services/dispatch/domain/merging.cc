#include "services/dispatch/domain/merging.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/dispatch/domain/common.h"

namespace civicmesh::dispatch {
namespace {

constexpr int64_t kMinuteMs = 60 * 1000;
constexpr int64_t kDuplicateMs = kDuplicateHours * 60 * kMinuteMs;

using Reports = google::protobuf::RepeatedPtrField<v1::CaseReport>;

CaseDecision Nothing() { return Decided<v1::JournalEvent>(); }

bool NotYetRegistered(const v1::CaseState& c) {
  return StatusIs(c, {v1::CASE_STATUS_REPORTED, v1::CASE_STATUS_ACCEPTED, v1::CASE_STATUS_VERIFYING});
}

// Opened by a report, not by staff.
bool IsLed(const v1::Case& c) { return c.reports_size() > 0 && !c.reports(0).has_merged_at(); }

bool MayBeMerged(const v1::CaseState& c) { return NotYetRegistered(c) && IsLed(c.case_()) && !c.merging().over(); }

bool OpenedBefore(const v1::Case& a, const v1::DistantCase& b) {
  return std::pair(ToMs(a.opened_at()), std::string_view(a.name())) <
         std::pair(ToMs(b.opened_at()), std::string_view(b.case_()));
}

v1::SimilarCase Similar(const std::string& name, const DuplicateIndex::Near& near) {
  v1::SimilarCase similar;
  similar.set_case_(name);
  similar.set_distance_metres(near.metres);
  similar.set_apart_ms(near.apart_ms);
  return similar;
}

void AddFound(v1::Merging& merging, const v1::SimilarCase& found) {
  auto& all = *merging.mutable_found();
  if (all.size() >= kMaxSimilar || merging.into().case_() == found.case_()) return;
  for (const auto& known : all)
    if (known.case_() == found.case_()) return;
  *all.Add() = found;
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.distance_metres() < b.distance_metres(); });
}

void Ask(Change& change, v1::Merging merging, const v1::SimilarCase& into, const Reports& reports, const Context& ctx) {
  *merging.mutable_into() = into;
  v1::CaseMergeAsked& asked = change.Add(&v1::JournalEvent::mutable_case_merge_asked);
  *asked.mutable_into() = merging.into();
  *asked.mutable_reports() = reports;
  *change.event().mutable_merging() = std::move(merging);
  change.Arm(kMergingTimer, ctx.now_ms + kMergingMs);
}

void AskTheNearest(Change& change, const v1::CaseState& c, v1::Merging merging, const Context& ctx) {
  const v1::SimilarCase nearest = merging.found(0);
  merging.mutable_found()->DeleteSubrange(0, 1);
  Ask(change, std::move(merging), nearest, c.case_().reports(), ctx);
}

Decided<v1::JournalEvent> GiveUp(const v1::CaseState& c, v1::Merging merging, v1::MergeRefusal refusal,
                                 const Context& ctx) {
  Change change(c, ctx);
  v1::CaseMergeGivenUp& given_up = change.Add(&v1::JournalEvent::mutable_case_merge_given_up);
  given_up.set_into(c.merging().into().case_());
  given_up.set_refusal(refusal);
  *change.event().mutable_merging() = std::move(merging);
  change.Arm(kMergingTimer, 0);
  return std::move(change).Done();
}

// The case hears of `found` (or of nothing: null) in `shard`; `merging` says who has still to speak after that. Once
// all have spoken, the nearest is asked.
Decided<v1::JournalEvent> Hear(const v1::CaseState& c, v1::Merging merging, int shard, const v1::SimilarCase* found,
                               const Context& ctx) {
  const bool may = MayBeMerged(c);
  if (found && may) AddFound(merging, *found);

  Change change(c, ctx);
  v1::CaseNeighbourHeard& heard = change.Add(&v1::JournalEvent::mutable_case_neighbour_heard);
  heard.set_shard(shard);
  if (found) *heard.mutable_found() = *found;
  if (found && !may)
    *heard.add_explanations() =
        Explain(v1::EXPLANATION_CODE_DUPLICATE_HINT, ctx.now_ms,
                {{"case", found->case_()}, {"distance", absl::StrCat(found->distance_metres())}});
  *change.event().mutable_merging() = merging;
  if (!merging.unanswered().empty() || AsksToMerge(c)) return std::move(change).Done();
  if (may && !merging.found().empty())
    AskTheNearest(change, c, std::move(merging), ctx);
  else
    change.Arm(kMergingTimer, 0);
  return std::move(change).Done();
}

v1::MergeRefusal RefusalOf(const v1::CaseState& c, const v1::DistantCase& asking, bool same) {
  if (c.case_().status() == v1::CASE_STATUS_MERGED) return v1::MERGE_REFUSAL_MERGED;
  if (!IsOpen(c.case_())) return v1::MERGE_REFUSAL_ENDED;
  if (AsksToMerge(c)) return v1::MERGE_REFUSAL_MERGING;
  if (!OpenedBefore(c.case_(), asking)) return v1::MERGE_REFUSAL_OPENED_LATER;
  return same ? v1::MERGE_REFUSAL_UNSPECIFIED : v1::MERGE_REFUSAL_NOT_SIMILAR;
}

void AppendTo(Decided<v1::JournalEvent>& all, Decided<v1::JournalEvent> more) {
  for (auto& event : more.events) all.events.push_back(std::move(event));
  for (auto& timer : more.timers) all.timers.push_back(std::move(timer));
}

// All its reports are another's: it ends.
Decided<v1::JournalEvent> EndMerged(const v1::CaseState& c, const v1::SettleMerge& cmd, const Context& ctx) {
  Change change(c, ctx);
  change.after().set_status(v1::CASE_STATUS_MERGED);
  for (v1::ClockKind kind : {v1::CLOCK_KIND_ACCEPTANCE, v1::CLOCK_KIND_VERIFICATION})
    if (const auto* clock = FindClock(c.case_(), kind); clock && clock->phase() != v1::Clock::PHASE_STOPPED)
      StopClock(change.clock(kind), ctx.now_ms);
  v1::CaseMerged& merged = change.Add(&v1::JournalEvent::mutable_case_merged);
  merged.set_into(cmd.into());
  *merged.add_explanations() = Explain(v1::EXPLANATION_CODE_CASE_MERGED, ctx.now_ms,
                                       {{"case", cmd.into()},
                                        {"distance", absl::StrCat(cmd.distance_metres())},
                                        {"minutes", absl::StrCat(cmd.apart_ms() / kMinuteMs)}});
  change.event().mutable_merging();
  change.Arm(kMergingTimer, 0);
  return std::move(change).Done();
}

// What came while it asked is asked for too.
Decided<v1::JournalEvent> HandOn(const v1::CaseState& c, const v1::SettleMerge& cmd, const Reports& left,
                                 const Context& ctx) {
  Change change(c, ctx);
  v1::EventContext& after = change.after();
  after.clear_reports();
  for (const auto& report : left) after.add_reports(report.report());
  after.set_report_count(after.report_count() - (c.case_().reports_size() - left.size()));
  v1::CaseReportsHandedOn& handed = change.Add(&v1::JournalEvent::mutable_case_reports_handed_on);
  handed.set_into(cmd.into());
  for (const auto& report : c.case_().reports())
    if (Contains(cmd.reports(), report.report())) handed.add_reports(report.report());
  if (AsksToMerge(c) && !left.empty()) Ask(change, c.merging(), c.merging().into(), left, ctx);
  return std::move(change).Done();
}

CaseDecision AfterRefusal(const v1::CaseState& c, const v1::SettleMerge& cmd, const Context& ctx) {
  if (!AsksToMerge(c) || c.merging().into().case_() != cmd.into()) return Nothing();
  v1::Merging merging = c.merging();
  if (!cmd.successor().empty()) AddFound(merging, Similar(cmd.successor(), {}));
  if (merging.found().empty()) {
    merging.clear_into();
    return GiveUp(c, std::move(merging), cmd.refusal(), ctx);
  }
  Change change(c, ctx);
  AskTheNearest(change, c, std::move(merging), ctx);
  return std::move(change).Done();
}

}  // namespace

bool AsksToMerge(const v1::CaseState& c) { return c.merging().has_into() && !c.merging().over(); }

void AskNeighbours(Change& change, const google::protobuf::RepeatedField<int32_t>& near_shards, const Context& ctx) {
  if (near_shards.empty()) return;
  *change.event().mutable_case_opened()->mutable_near_shards() = near_shards;
  *change.event().mutable_merging()->mutable_unanswered() = near_shards;
  change.Arm(kMergingTimer, ctx.now_ms + kMergingMs);
}

void Join(Change& change, const v1::Case& into, v1::CaseReport report, const DuplicateIndex::Near& near,
          const std::string& merged_from, const Context& ctx) {
  v1::EventContext& after = change.after();
  after.set_report_count(after.report_count() + 1);
  if (after.reports_size() < kMaxReports) after.add_reports(report.report());
  report.set_distance_metres(near.metres);
  *report.mutable_merged_at() = ToTimestamp(ctx.now_ms);
  v1::CaseReportMerged& merged = change.Add(&v1::JournalEvent::mutable_case_report_merged);
  *merged.add_explanations() = Explain(v1::EXPLANATION_CODE_DUPLICATE_MERGED, ctx.now_ms,
                                       {{"report", report.report()},
                                        {"distance", absl::StrCat(near.metres)},
                                        {"minutes", absl::StrCat(near.apart_ms / kMinuteMs)}});
  *merged.mutable_report() = std::move(report);
  merged.set_ordinal(after.report_count() - (IsLed(into) ? 1 : 0));
  merged.set_merged_from(merged_from);
}

CaseDecision LookForSimilar(const v1::LookForSimilar& cmd, const CaseBook& book, const Context& ctx) {
  const v1::DistantCase& asking = cmd.asking();
  v1::JournalEvent event;
  v1::NeighbourLooked& looked = *event.mutable_neighbour_looked();
  looked.set_asking_case(asking.case_());
  *looked.mutable_occurred_at() = ToTimestamp(ctx.now_ms);
  looked.set_shard(ctx.shard);
  Decided<v1::JournalEvent> later;
  for (const auto& near : book.duplicates().Find(asking.class_code(), asking.location().latitude(),
                                                 asking.location().longitude(), ToMs(asking.reported_at()))) {
    const v1::CaseState& c = *book.FindCase(near.id);
    if (OpenedBefore(c.case_(), asking)) {
      if (!looked.has_found() && !AsksToMerge(c)) *looked.mutable_found() = Similar(c.case_().name(), near);
    } else if (MayBeMerged(c)) {
      // Opened in the same instant: when it asked, the other one was not there yet.
      const v1::SimilarCase found = Similar(asking.case_(), near);
      AppendTo(later, Hear(c, c.merging(), cmd.asking_shard(), &found, ctx));
    }
  }
  Decided<v1::JournalEvent> decided;
  decided.Add(kBorderStream, std::move(event));
  AppendTo(decided, std::move(later));
  return decided;
}

CaseDecision HearNeighbour(const v1::CaseState& c, const v1::HearNeighbour& cmd, const Context& ctx) {
  v1::Merging merging = c.merging();
  auto& unanswered = *merging.mutable_unanswered();
  const auto spoken = std::remove(unanswered.begin(), unanswered.end(), cmd.shard());
  if (spoken == unanswered.end()) return Nothing();
  unanswered.erase(spoken, unanswered.end());
  return Hear(c, std::move(merging), cmd.shard(), cmd.has_found() ? &cmd.found() : nullptr, ctx);
}

CaseDecision TakeReports(const v1::CaseState& c, const v1::TakeReports& cmd, const Context& ctx) {
  const v1::Case& into = c.case_();
  const v1::DistantCase& asking = cmd.asking();
  const double metres = MetresBetween(into.location().latitude(), into.location().longitude(),
                                      asking.location().latitude(), asking.location().longitude());
  const DuplicateIndex::Near near{"", static_cast<int>(std::lround(metres)),
                                  std::abs(ToMs(into.reported_at()) - ToMs(asking.reported_at()))};
  const bool same =
      into.class_code() == asking.class_code() && metres <= kDuplicateMetres && near.apart_ms <= kDuplicateMs;
  const v1::MergeRefusal refusal = RefusalOf(c, asking, same);

  Change change(c, ctx);
  if (refusal == v1::MERGE_REFUSAL_UNSPECIFIED)
    for (const auto& report : cmd.reports())
      if (!Contains(change.after().reports(), report.report())) Join(change, into, report, near, asking.case_(), ctx);
  v1::CaseMergeAnswered& answered = change.Add(&v1::JournalEvent::mutable_case_merge_answered);
  answered.set_asking_case(asking.case_());
  answered.set_refusal(refusal);
  if (refusal == v1::MERGE_REFUSAL_UNSPECIFIED)
    for (const auto& report : cmd.reports()) answered.add_reports(report.report());
  answered.set_successor(into.merged_into());
  answered.set_distance_metres(near.metres);
  answered.set_apart_ms(near.apart_ms);
  return std::move(change).Done();
}

CaseDecision SettleMerge(const v1::CaseState& c, const v1::SettleMerge& cmd, const Context& ctx) {
  if (cmd.refusal() != v1::MERGE_REFUSAL_UNSPECIFIED) return AfterRefusal(c, cmd, ctx);
  Reports left;
  for (const auto& report : c.case_().reports())
    if (!Contains(cmd.reports(), report.report())) *left.Add() = report;
  if (left.size() == c.case_().reports_size() || c.case_().status() == v1::CASE_STATUS_MERGED) return Nothing();
  if (NotYetRegistered(c) && left.empty()) return EndMerged(c, cmd, ctx);
  return HandOn(c, cmd, left, ctx);
}

CaseDecision GiveUpMerging(const v1::CaseState& c, const Context& ctx) {
  v1::Merging merging = c.merging();
  if (AsksToMerge(c)) {
    merging.set_over(true);
    return GiveUp(c, std::move(merging), v1::MERGE_REFUSAL_UNSPECIFIED, ctx);
  }
  if (merging.unanswered().empty()) return Nothing();
  merging.clear_unanswered();
  if (!MayBeMerged(c) || merging.found().empty())
    return GiveUp(c, std::move(merging), v1::MERGE_REFUSAL_UNSPECIFIED, ctx);
  Change change(c, ctx);
  AskTheNearest(change, c, std::move(merging), ctx);
  return std::move(change).Done();
}

}  // namespace civicmesh::dispatch
