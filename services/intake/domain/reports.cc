#include "services/intake/domain/reports.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "services/intake/domain/notice_words.h"
#include "services/intake/domain/reference.h"
#include "services/runtime/decider/uploads.h"

namespace civicmesh::intake {
namespace {

constexpr size_t kHashBytes = 32;
constexpr char kReports[] = "reports/";

bool IsFinal(v1::ReportStatus status) {
  return status == v1::REPORT_STATUS_CLOSED || status == v1::REPORT_STATUS_DECLINED ||
         status == v1::REPORT_STATUS_WITHDRAWN;
}

// Who may report from where. A video comes as an alert only.
bool MayReportFrom(type::v1::ReportSource source, const ActorView& actor) {
  switch (source) {
    case type::v1::REPORT_SOURCE_CITIZEN_APP:
      return actor.subject.empty() || actor.Has("CITIZEN") || actor.Has("GATEWAY");
    case type::v1::REPORT_SOURCE_COLLECTOR:
      return actor.Has("COLLECTOR");
    case type::v1::REPORT_SOURCE_SENSOR:
      return actor.Has("GATEWAY");
    case type::v1::REPORT_SOURCE_HOTLINE_12345:
    case type::v1::REPORT_SOURCE_LEADER:
    case type::v1::REPORT_SOURCE_MEDIA:
    case type::v1::REPORT_SOURCE_DEPARTMENT:
      return ActsForOthers(actor);
    case type::v1::REPORT_SOURCE_INSPECTION:
      return ActsForOthers(actor) || actor.Has("COLLECTOR");
    default:
      return false;
  }
}

// What the post alone implies.
type::v1::ReportSource ImpliedSource(const ActorView& actor) {
  if (ActsForOthers(actor)) return type::v1::REPORT_SOURCE_UNSPECIFIED;
  if (actor.Has("COLLECTOR")) return type::v1::REPORT_SOURCE_COLLECTOR;
  return type::v1::REPORT_SOURCE_CITIZEN_APP;
}

bool TextFits(const v1::PersonalText& text, int most) {
  return text.length() > 0 && text.length() <= most && !text.sealed().ciphertext().empty() && !text.masked().empty();
}

std::optional<Refusal> CheckWhat(const v1::SubmitReport& cmd) {
  const auto wrong = [](const char* field) { return Refuse(v1::REASON_INVALID_ARGUMENT, field); };
  if (!TextFits(cmd.text(), kMaxTextCharacters)) return wrong("text");
  if (cmd.has_place_text() && !TextFits(cmd.place_text(), kMaxPlaceCharacters)) return wrong("place_text");
  if (!AttachmentsFit(cmd.photos(), kMaxPhotos, false)) return wrong("photos");
  if (!AttachmentsFit(cmd.voices(), kMaxVoices, true)) return wrong("voices");
  if (cmd.has_location() && !IsPlace(cmd.location())) return wrong("location");
  if (!IsForeignId(cmd.source_id())) return wrong("source_id");
  return std::nullopt;
}

std::optional<Refusal> CheckWho(const v1::SubmitReport& cmd, const ActorView& actor, type::v1::ReportSource source) {
  if (actor.subject.empty() && !cmd.anonymous()) return Refuse(v1::REASON_LOGIN_OR_ANONYMOUS, "anonymous");
  if (!cmd.reporter_token().empty() && !ActsForOthers(actor))
    return Refuse(v1::REASON_BEHALF_NOT_YOURS, "reporter_reference");
  if (cmd.anonymous() && !cmd.reporter_token().empty())
    return Refuse(v1::REASON_INVALID_ARGUMENT, "reporter_reference");
  if (cmd.anonymous() != (cmd.tracking_hash().size() == kHashBytes))
    return Refuse(v1::REASON_INVALID_ARGUMENT, "anonymous");
  if (source == type::v1::REPORT_SOURCE_UNSPECIFIED) return Refuse(v1::REASON_SOURCE_MISSING, "source");
  if (!MayReportFrom(source, actor)) return Refuse(v1::REASON_SOURCE_NOT_YOURS, "source");
  return std::nullopt;
}

// A citizen's own token, or the one a gateway speaks for; nobody's where the report is anonymous or a post's own.
std::string ReporterToken(const v1::SubmitReport& cmd, const ActorView& actor, const std::string& caller_token,
                          type::v1::ReportSource source) {
  if (cmd.anonymous() || !cmd.reporter_token().empty()) return cmd.reporter_token();
  const bool own = source == type::v1::REPORT_SOURCE_CITIZEN_APP && actor.Has("CITIZEN");
  return own ? caller_token : "";
}

// The context of the next event.
v1::ReportContext Next(const v1::ReportState& report, const Context& ctx) {
  v1::ReportContext next = report.context();
  *next.mutable_occurred_at() = TimeOf(ctx.now_ms);
  next.set_actor(ActorName(ctx.actor, next.reporter_token()));
  return next;
}

IntakeDecided One(const v1::ReportState& report, v1::JournalEvent event) {
  IntakeDecided d;
  d.resource = IdOf(kReports, report.context().report());
  d.Add(d.resource, std::move(event));
  return d;
}

// What every change by the reporter needs.
std::optional<Refusal> CheckReporter(const v1::ReportState* report, const Context& ctx, const std::string& caller_token,
                                     const std::string& hash, const std::string& etag) {
  if (!report || !IsReporter(*report, ctx.actor, caller_token, hash))
    return Refuse(v1::REASON_REPORT_NOT_FOUND, "name");
  if (!EtagFits(etag, report->version())) return Refuse(v1::REASON_ETAG_MISMATCH, "etag");
  return std::nullopt;
}

bool WasTold(const v1::ReportState& report, v1::NoticeKind kind) {
  return std::any_of(report.notices().begin(), report.notices().end(),
                     [kind](const auto& notice) { return notice.kind() == kind; });
}

bool WasToldOf(const v1::ReportState& report, const v1::RecordPoints& grant) {
  return std::any_of(report.notices().begin(), report.notices().end(), [&](const auto& notice) {
    return notice.kind() == v1::NOTICE_KIND_POINTS && notice.points_rule() == grant.rule() &&
           notice.points_source() == grant.source();
  });
}

// Facts carry the clocks that they move only: what the same case said of its limit before still holds.
std::string LimitOf(const v1::ReportState& report, const v1::RecordCaseProgress& cmd) {
  if (!cmd.has_disposal_due_at()) return "";
  std::string limit = cmd.disposal_limit();
  for (int i = report.notices_size() - 1; i >= 0 && limit.empty() && cmd.kind() != v1::NOTICE_KIND_MERGED; --i) {
    limit = report.notices(i).disposal_limit();
    if (report.notices(i).kind() == v1::NOTICE_KIND_MERGED) break;
  }
  return limit;
}

// What the state keeps of a notice.
v1::NoticeState Kept(const v1::JournalEvent& event) {
  const auto& fact = event.reporter_notified();
  v1::NoticeState notice;
  notice.set_kind(fact.kind());
  *notice.mutable_told_at() = fact.context().occurred_at();
  *notice.mutable_case_moved_at() = fact.case_moved_at();
  if (fact.has_disposal_due_at()) *notice.mutable_disposal_due_at() = fact.disposal_due_at();
  notice.set_decline_ground(event.decline_ground());
  notice.set_disposal_limit(fact.disposal_limit());
  notice.set_text_zh(fact.text_zh());
  notice.set_text_en(fact.text_en());
  if (fact.has_push_not_before()) *notice.mutable_push_not_before() = fact.push_not_before();
  notice.set_points(fact.points());
  notice.set_points_rule(event.points_rule());
  notice.set_points_source(event.points_source());
  return notice;
}

// In the words that hold now, and not in the hours in which nobody is disturbed.
IntakeDecided Told(const v1::ReportState& report, v1::JournalEvent event, const Context& ctx) {
  const auto* published = ctx.reference->Get<NoticeWords>(kNotices);
  const NoticeWords& words = published ? *published : NoticeWords::BuiltIn();
  auto& fact = *event.mutable_reporter_notified();
  NoticeText text = words.Say(Kept(event));
  fact.set_text_zh(std::move(text.zh));
  fact.set_text_en(std::move(text.en));
  if (const auto until = words.NotBefore(fact.kind(), ctx.now_ms)) *fact.mutable_push_not_before() = TimeOf(*until);
  return One(report, std::move(event));
}

// A case that was merged into another hands its reports on, always to one that was opened before it. Shards are heard
// in any order, so a word of a later one is old.
bool TakesOver(const v1::RecordCaseProgress& cmd, const v1::ReportContext& now) {
  const auto order = [](const google::protobuf::Timestamp& at, const std::string& name) {
    return std::tuple(at.seconds(), at.nanos(), std::string_view(name));
  };
  return cmd.kind() == v1::NOTICE_KIND_MERGED &&
         order(cmd.case_opened_at(), cmd.case_()) < order(now.case_opened_at(), now.case_());
}

}  // namespace

bool ActsForOthers(const ActorView& actor) {
  return actor.Has("GATEWAY") || actor.Has("REGISTRAR") || actor.Has("SHIFT_LEADER");
}

bool IsPerson(const v1::ReportState& report, const std::string& caller_token, std::string_view tracking_hash) {
  if (tracking_hash.size() == kHashBytes && report.tracking_hash() == tracking_hash) return true;
  return !report.context().reporter_token().empty() && report.context().reporter_token() == caller_token;
}

bool IsReporter(const v1::ReportState& report, const ActorView& actor, const std::string& caller_token,
                std::string_view tracking_hash) {
  if (IsPerson(report, caller_token, tracking_hash)) return true;
  if (actor.subject.empty()) return false;
  return actor.subject == report.submitted_by();
}

v1::CategoryProposal CheckedProposal(v1::CategoryProposal proposal, const Context& ctx) {
  const auto* standard = ctx.reference->Get<IntakeStandard>(kStandard);
  if (proposal.class_code().empty()) return proposal;
  if (!standard || !standard->Find(proposal.class_code())) {
    proposal.clear_class_code();
    proposal.clear_second_class_code();
    proposal.clear_confidence();
    return proposal;
  }
  if (!standard->Find(proposal.second_class_code())) proposal.clear_second_class_code();
  proposal.set_standard_version(standard->version);
  return proposal;
}

v1::JournalEvent Forwarded(const v1::ReportState& report) {
  v1::JournalEvent event;
  auto& fact = *event.mutable_report_forwarded();
  *fact.mutable_context() = report.context();
  fact.mutable_context()->set_status(v1::REPORT_STATUS_FORWARDED);
  fact.set_masked_text(report.text().masked());
  *fact.mutable_photos() = report.photos();
  for (const auto& supplement : report.supplements()) {
    if (supplement.has_text()) absl::StrAppend(fact.mutable_masked_text(), "\n补充：", supplement.text().masked());
    fact.mutable_photos()->MergeFrom(supplement.photos());
  }
  // A proposal while nobody knew the place; nothing that others need.
  for (auto& photo : *fact.mutable_photos()) photo.clear_taken_location();
  return event;
}

std::string ReportIdOf(int shard, const std::string& command_id) {
  return Context{.shard = shard, .actor = {}, .seed = command_id}.NewId("r");
}

IntakeDecision SubmitReport(const v1::SubmitReport& cmd, const std::string& caller_token, const Context& ctx) {
  const auto source = cmd.source() == type::v1::REPORT_SOURCE_UNSPECIFIED ? ImpliedSource(ctx.actor) : cmd.source();
  if (auto refusal = CheckWho(cmd, ctx.actor, source)) return *refusal;
  if (auto refusal = CheckWhat(cmd)) return *refusal;
  const auto reported_ms = CountedTime(cmd.has_reported_at(), cmd.reported_at(), ctx.now_ms);
  if (!reported_ms) return Refuse(v1::REASON_AHEAD_OF_TIME, "reported_at");

  const std::string id = ctx.NewId("r");
  v1::JournalEvent event;
  auto& context = *event.mutable_report_submitted()->mutable_context();
  context.set_report(absl::StrCat(kReports, id));
  context.set_status(cmd.has_location() ? v1::REPORT_STATUS_FORWARDED : v1::REPORT_STATUS_WAITING_FOR_LOCATION);
  *context.mutable_occurred_at() = TimeOf(ctx.now_ms);
  context.set_source(source);
  context.set_reporter_token(ReporterToken(cmd, ctx.actor, caller_token, source));
  context.set_actor(ActorName(ctx.actor, context.reporter_token()));
  *context.mutable_reported_at() = TimeOf(*reported_ms);
  if (cmd.has_location()) *context.mutable_location() = cmd.location();
  *context.mutable_category() = CheckedProposal(cmd.category(), ctx);
  context.set_source_id(cmd.source_id());
  event.mutable_report_submitted()->set_text_length(cmd.text().length());
  event.mutable_report_submitted()->set_photo_count(cmd.photos_size());
  event.mutable_report_submitted()->set_voice_count(cmd.voices_size());
  AddUploads(cmd.photos(), event.mutable_report_submitted());
  AddUploads(cmd.voices(), event.mutable_report_submitted());
  *event.mutable_text() = cmd.text();
  if (cmd.has_place_text()) *event.mutable_place_text() = cmd.place_text();
  *event.mutable_photos() = cmd.photos();
  *event.mutable_voices() = cmd.voices();
  event.set_tracking_hash(cmd.tracking_hash());
  event.set_submitted_by(ctx.actor.subject);
  if (cmd.has_contact()) *event.mutable_contact() = cmd.contact();

  v1::ReportState report;
  EvolveReport(report, 1, event);
  IntakeDecided d = One(report, std::move(event));
  if (cmd.has_location()) d.Add(id, Forwarded(report));
  return d;
}

IntakeDecision LocateReport(const v1::ReportState* report, const v1::LocateReportRequest& cmd, const Context& ctx) {
  if (!report) return Refuse(v1::REASON_REPORT_NOT_FOUND, "name");
  if (!EtagFits(cmd.etag(), report->version())) return Refuse(v1::REASON_ETAG_MISMATCH, "etag");
  if (report->context().status() != v1::REPORT_STATUS_WAITING_FOR_LOCATION)
    return Refuse(v1::REASON_ALREADY_LOCATED, "name");
  if (!cmd.has_location() || !IsPlace(cmd.location())) return Refuse(v1::REASON_INVALID_ARGUMENT, "location");

  v1::JournalEvent event;
  auto& context = *event.mutable_report_located()->mutable_context();
  context = Next(*report, ctx);
  context.set_status(v1::REPORT_STATUS_FORWARDED);
  *context.mutable_location() = cmd.location();
  v1::ReportState located = *report;
  *located.mutable_context() = context;
  IntakeDecided d = One(located, std::move(event));
  d.Add(d.resource, Forwarded(located));
  return d;
}

IntakeDecision AddToReport(const v1::ReportState* report, const v1::AddToReport& cmd, const std::string& caller_token,
                           const Context& ctx) {
  if (auto refusal = CheckReporter(report, ctx, caller_token, cmd.tracking_hash(), cmd.etag())) return *refusal;
  if (IsFinal(report->context().status())) return Refuse(v1::REASON_REPORT_ENDED, "name");
  if (report->supplements_size() >= kMaxSupplements) return Refuse(v1::REASON_TOO_MANY_SUPPLEMENTS, "name");
  if (cmd.has_text() ? !TextFits(cmd.text(), kMaxTextCharacters) : cmd.photos().empty())
    return Refuse(v1::REASON_INVALID_ARGUMENT, "text");
  if (!AttachmentsFit(cmd.photos(), kMaxPhotos, false)) return Refuse(v1::REASON_INVALID_ARGUMENT, "photos");

  v1::JournalEvent event;
  *event.mutable_report_supplemented()->mutable_context() = Next(*report, ctx);
  event.mutable_report_supplemented()->set_photo_count(cmd.photos_size());
  AddUploads(cmd.photos(), event.mutable_report_supplemented());
  if (cmd.has_text()) *event.mutable_text() = cmd.text();
  *event.mutable_photos() = cmd.photos();
  return One(*report, std::move(event));
}

IntakeDecision WithdrawReport(const v1::ReportState* report, const v1::WithdrawReport& cmd,
                              const std::string& caller_token, const Context& ctx) {
  if (auto refusal = CheckReporter(report, ctx, caller_token, cmd.tracking_hash(), cmd.etag())) return *refusal;
  if (report->context().status() >= v1::REPORT_STATUS_REGISTERED)
    return Refuse(v1::REASON_TOO_LATE_TO_WITHDRAW, "name");

  v1::JournalEvent event;
  auto& context = *event.mutable_report_withdrawn()->mutable_context();
  context = Next(*report, ctx);
  context.set_status(v1::REPORT_STATUS_WITHDRAWN);
  return One(*report, std::move(event));
}

IntakeDecision RecordCaseProgress(const v1::ReportState* report, const v1::RecordCaseProgress& cmd,
                                  const Context& ctx) {
  if (!report) return Refuse(v1::REASON_REPORT_NOT_FOUND, "report");
  const v1::ReportContext& now = report->context();
  const bool other = !now.case_().empty() && now.case_() != cmd.case_();
  if (other && !TakesOver(cmd, now)) return Refuse(v1::REASON_OTHER_CASE, "case");
  if (now.status() == v1::REPORT_STATUS_WITHDRAWN || (!other && WasTold(*report, cmd.kind()))) return IntakeDecided();

  v1::JournalEvent event;
  auto& fact = *event.mutable_reporter_notified();
  auto& context = *fact.mutable_context();
  context = Next(*report, ctx);
  context.set_case_(cmd.case_());
  *context.mutable_case_opened_at() = cmd.case_opened_at();
  if (!IsFinal(now.status())) context.set_status(std::max(now.status(), cmd.status()));
  fact.set_kind(cmd.kind());
  *fact.mutable_case_moved_at() = cmd.case_moved_at();
  if (cmd.has_disposal_due_at()) *fact.mutable_disposal_due_at() = cmd.disposal_due_at();
  fact.set_disposal_limit(LimitOf(*report, cmd));
  event.set_decline_ground(cmd.decline_ground());
  return Told(*report, std::move(event), ctx);
}

IntakeDecision RecordPoints(const v1::ReportState* report, const v1::RecordPoints& cmd, const Context& ctx) {
  if (!report) return Refuse(v1::REASON_REPORT_NOT_FOUND, "report");
  if (report->context().reporter_token().empty() || report->context().reporter_token() != cmd.owner_token())
    return Refuse(v1::REASON_REPORT_NOT_FOUND, "owner_token");
  if (report->context().status() == v1::REPORT_STATUS_WITHDRAWN || WasToldOf(*report, cmd)) return IntakeDecided();

  v1::JournalEvent event;
  auto& fact = *event.mutable_reporter_notified();
  *fact.mutable_context() = Next(*report, ctx);
  fact.set_kind(v1::NOTICE_KIND_POINTS);
  *fact.mutable_case_moved_at() = cmd.granted_at();
  fact.set_points(cmd.points());
  event.set_points_rule(cmd.rule());
  event.set_points_source(cmd.source());
  return Told(*report, std::move(event), ctx);
}

void EvolveReport(v1::ReportState& report, uint64_t version, const v1::JournalEvent& event) {
  report.set_version(version);
  switch (event.fact_case()) {
    case v1::JournalEvent::kReportSubmitted:
      *report.mutable_context() = event.report_submitted().context();
      *report.mutable_submitted_at() = event.report_submitted().context().occurred_at();
      report.set_alert(event.report_submitted().alert());
      if (event.has_text()) *report.mutable_text() = event.text();
      if (event.has_place_text()) *report.mutable_place_text() = event.place_text();
      *report.mutable_photos() = event.photos();
      *report.mutable_voices() = event.voices();
      report.set_tracking_hash(event.tracking_hash());
      report.set_submitted_by(event.submitted_by());
      if (event.has_contact()) *report.mutable_contact() = event.contact();
      return;
    case v1::JournalEvent::kReportLocated:
      *report.mutable_context() = event.report_located().context();
      return;
    case v1::JournalEvent::kReportForwarded:
      *report.mutable_context() = event.report_forwarded().context();
      return;
    case v1::JournalEvent::kReportWithdrawn:
      *report.mutable_context() = event.report_withdrawn().context();
      return;
    case v1::JournalEvent::kReportSupplemented: {
      *report.mutable_context() = event.report_supplemented().context();
      auto* supplement = report.add_supplements();
      *supplement->mutable_added_at() = report.context().occurred_at();
      if (event.has_text()) *supplement->mutable_text() = event.text();
      *supplement->mutable_photos() = event.photos();
      return;
    }
    case v1::JournalEvent::kReporterNotified:
      *report.mutable_context() = event.reporter_notified().context();
      *report.add_notices() = Kept(event);
      return;
    case v1::JournalEvent::kPersonalDataErased:
      report.set_erased(true);
      return;
    case v1::JournalEvent::kAlertRaised:
    case v1::JournalEvent::kAlertReviewed:
    case v1::JournalEvent::kRevealRequested:
    case v1::JournalEvent::kRevealDecided:
    case v1::JournalEvent::kRevealRead:
    case v1::JournalEvent::kAuditEntryRecorded:
    case v1::JournalEvent::kAuditChainAdvanced:
    case v1::JournalEvent::kSealedReportSubmitted:
    case v1::JournalEvent::kSealedReportAnswered:
    case v1::JournalEvent::FACT_NOT_SET:
      return;  // the shard tells streams apart before
  }
}

}  // namespace civicmesh::intake
