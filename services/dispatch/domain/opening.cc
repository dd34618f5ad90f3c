// 案件产生: by staff, or from a report; reports of the same thing are merged (并案).
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/dispatch/domain/common.h"
#include "services/dispatch/domain/merging.h"
#include "services/runtime/decider/uploads.h"

namespace civicmesh::dispatch {
namespace {

// A caller's clock may be ahead of the shard's by this much: such a time is now.
constexpr int64_t kClockDifferenceMs = 60 * 1000;

// Who opens a case by hand says where it comes from as far as the post knows; what citizens and cameras see becomes a
// case by itself.
bool MayNameSource(type::v1::ReportSource source, const ActorView& actor) {
  switch (source) {
    case type::v1::REPORT_SOURCE_COLLECTOR:
      return actor.Has("COLLECTOR");
    case type::v1::REPORT_SOURCE_INSPECTION:
      return true;
    case type::v1::REPORT_SOURCE_SENSOR:
      return actor.Has("GATEWAY");
    case type::v1::REPORT_SOURCE_HOTLINE_12345:
    case type::v1::REPORT_SOURCE_LEADER:
    case type::v1::REPORT_SOURCE_MEDIA:
    case type::v1::REPORT_SOURCE_DEPARTMENT:
      return actor.Has("GATEWAY") || actor.Has("REGISTRAR") || actor.Has("SHIFT_LEADER");
    default:
      return false;
  }
}

// The parts that both ways of opening give.
struct Opening {
  const civicmesh::type::v1::GeoPoint& location;
  int64_t reported_ms = 0;
  const MinorClass* minor = nullptr;  // null: a clerk has to choose
  v1::Explanation why_class;
  std::string text;
  const google::protobuf::RepeatedPtrField<civicmesh::type::v1::Attachment>& photos;
  const v1::Command& command;
};

void Open(Change& change, const Opening& opening, const std::vector<DuplicateIndex::Near>& similar,
          const Context& ctx) {
  const auto* standard = ctx.reference->Get<Standard>(kStandardKind);
  const auto* district = ctx.reference->Get<District>(kDistrictKind);
  v1::EventContext& after = change.after();
  after.set_status(v1::CASE_STATUS_REPORTED);
  *after.mutable_location() = opening.location;
  *after.mutable_reported_at() = ToTimestamp(opening.reported_ms);
  *after.mutable_opened_at() = ToTimestamp(ctx.now_ms);
  if (opening.minor) SetClass(after, *opening.minor, *standard);
  GridChoice grid = ChooseGrid(opening.location, district, ctx.now_ms);
  after.set_grid(grid.grid);
  change.Start(StartMinutes(v1::CLOCK_KIND_ACCEPTANCE, kAcceptanceMinutes, ctx.now_ms));

  v1::CaseOpened& opened = change.Add(&v1::JournalEvent::mutable_case_opened);
  *opened.add_explanations() = opening.why_class;
  *opened.add_explanations() = std::move(grid.why);
  if (opening.minor) *opened.add_explanations() = ExplainSimilar(similar, ctx.now_ms);
  for (const auto& near : similar)
    if (opened.similar_cases_size() < kMaxSimilar) opened.add_similar_cases(CaseName(near.id));
  opened.set_home_cell(opening.command.home_cell());
  AddUploads(opening.photos, &opened);
  if (opening.minor) AskNeighbours(change, opening.command.near_shards(), ctx);
  change.event().set_text(opening.text);
  *change.event().mutable_photos() = opening.photos;
  if (opening.minor) change.event().set_class_name_en(opening.minor->name_en);
}

CaseDecision Merge(const v1::CaseState& into, const DuplicateIndex::Near& near, const v1::OpenCaseFromReport& cmd,
                   int64_t reported_ms, const Context& ctx) {
  Change change(into, ctx);
  v1::CaseReport report;
  report.set_report(cmd.report());
  report.set_reporter_token(cmd.reporter_token());
  *report.mutable_reported_at() = ToTimestamp(reported_ms);
  report.set_source(cmd.source());
  Join(change, into.case_(), std::move(report), near, "", ctx);
  return std::move(change).Done();
}

v1::Explanation ExplainProposal(const v1::OpenCaseFromReport& cmd, const MinorClass* minor, const Standard* standard,
                                int64_t now_ms) {
  if (cmd.class_code().empty()) return Explain(v1::EXPLANATION_CODE_CLASS_NONE, now_ms, {});
  if (!minor)
    return Explain(v1::EXPLANATION_CODE_CLASS_OPEN, now_ms,
                   {{"proposed", cmd.class_code()}, {"standard", standard ? standard->version() : ""}});
  return Explain(
      v1::EXPLANATION_CODE_CLASS_PROPOSED, now_ms,
      {{"class", minor->code}, {"proposed_by", cmd.proposed_by()}, {"confidence", absl::StrCat(cmd.confidence())}});
}

}  // namespace

CaseDecision OpenCase(const v1::Command& opening, const CaseBook& book, const Context& ctx) {
  const v1::OpenCaseRequest& cmd = opening.open_case();
  if (!MayNameSource(cmd.source(), ctx.actor))
    return Refuse(v1::REASON_INVALID_ARGUMENT, "source", "is not for the caller's posts to name");
  const auto* standard = ctx.reference->Get<Standard>(kStandardKind);
  const auto* district = ctx.reference->Get<District>(kDistrictKind);
  if (!standard || !district) return Refuse(v1::REASON_REFERENCE_MISSING);
  const MinorClass* minor = standard->Find(cmd.class_code());
  if (!cmd.class_code().empty() && !minor) return Refuse(v1::REASON_UNKNOWN_CLASS, "class_code");
  int64_t reported_ms = cmd.has_reported_at() ? ToMs(cmd.reported_at()) : ctx.now_ms;
  if (reported_ms > ctx.now_ms + kClockDifferenceMs)
    return Refuse(v1::REASON_INVALID_ARGUMENT, "reported_at", "lies ahead of now");
  reported_ms = std::min(reported_ms, ctx.now_ms);

  Change change(ctx.NewId("c"), ctx);
  change.after().set_source(cmd.source());
  const v1::Explanation why = minor ? Explain(v1::EXPLANATION_CODE_CLASS_CHOSEN, ctx.now_ms, {{"class", minor->code}})
                                    : Explain(v1::EXPLANATION_CODE_CLASS_NONE, ctx.now_ms, {});
  Open(change, {cmd.location(), reported_ms, minor, why, cmd.text(), cmd.photos(), opening},
       FindSimilar(book, cmd.class_code(), cmd.location(), reported_ms, ""), ctx);
  return std::move(change).Done();
}

// A policy's command is never sent again, so nothing here refuses: without reference data the case opens with what has
// to be chosen left open.
CaseDecision OpenCaseFromReport(const v1::Command& opening, const CaseBook& book, const Context& ctx) {
  const v1::OpenCaseFromReport& cmd = opening.open_case_from_report();
  const auto* standard = ctx.reference->Get<Standard>(kStandardKind);
  const MinorClass* minor = standard ? standard->Find(cmd.class_code()) : nullptr;
  const int64_t reported_ms = cmd.has_reported_at() ? std::min(ToMs(cmd.reported_at()), ctx.now_ms) : ctx.now_ms;
  // 相似案件 (DOMAIN section 1.3): the nearest open case answers this report too.
  if (minor) {
    const auto similar = FindSimilar(book, minor->code, cmd.location(), reported_ms, "");
    if (!similar.empty()) return Merge(*book.FindCase(similar[0].id), similar[0], cmd, reported_ms, ctx);
  }
  Change change(ctx.NewId("c"), ctx);
  v1::EventContext& after = change.after();
  after.set_source(cmd.source());
  after.set_lead_report(cmd.report());
  after.set_reporter_token(cmd.reporter_token());
  after.set_report_count(1);
  after.add_reports(cmd.report());
  Open(change,
       {cmd.location(), reported_ms, minor, ExplainProposal(cmd, minor, standard, ctx.now_ms), cmd.masked_text(),
        cmd.photos(), opening},
       {}, ctx);
  return std::move(change).Done();
}

}  // namespace civicmesh::dispatch
