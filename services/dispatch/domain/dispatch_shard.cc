#include "services/dispatch/domain/dispatch_shard.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/dispatch/domain/common.h"
#include "services/dispatch/domain/evolve.h"
#include "services/dispatch/domain/merging.h"
#include "services/dispatch/domain/validate.h"

namespace civicmesh::dispatch {
namespace {

using v1::Command;
using v1::JournalEvent;

// What an open case is found by when something similar is reported; only with a class.
std::optional<DuplicateIndex::Entry> EntryOf(std::string_view id, const v1::DispatchStream& stream) {
  if (!stream.has_case_() || !IsOpen(stream.case_().case_()) || stream.case_().case_().class_code().empty())
    return std::nullopt;
  const v1::Case& c = stream.case_().case_();
  return DuplicateIndex::Entry{.id = std::string(id),
                               .latitude = c.location().latitude(),
                               .longitude = c.location().longitude(),
                               .reported_ms = ToMs(c.reported_at())};
}

}  // namespace

Object ObjectOf(const v1::Case& c) { return {.units = {c.units().begin(), c.units().end()}, .grid = c.grid()}; }

const v1::CaseState* DispatchShard::FindCase(std::string_view stream) const {
  const v1::DispatchStream* found = Find(stream);
  return found && found->has_case_() ? &found->case_() : nullptr;
}

const v1::CaseNumberTaken* DispatchShard::last_number() const {
  const v1::DispatchStream* found = Find(kNumbersStream);
  return found && found->has_last_number() ? &found->last_number() : nullptr;
}

template <typename Request, typename Rule>
CaseDecision DispatchShard::OnCase(const Request& request, const Context& ctx, Rule rule) const {
  const v1::CaseState* c = FindCase(CaseStream(request.name()));
  if (!c || !ctx.actor.Reaches(ObjectOf(c->case_()))) return Refuse(v1::REASON_CASE_NOT_FOUND, "name");
  if (!request.etag().empty() && request.etag() != c->case_().etag()) return Refuse(v1::REASON_ETAG_MISMATCH, "etag");
  return rule(*c);
}

// For policies, which may see every case.
template <typename Rule>
CaseDecision DispatchShard::OnAnyCase(const std::string& name, Rule rule) const {
  const v1::CaseState* c = FindCase(CaseStream(name));
  return c ? rule(*c) : CaseDecision(Refuse(v1::REASON_CASE_NOT_FOUND));
}

// For what only the unit that holds the case may do.
template <typename Request, typename Rule>
CaseDecision DispatchShard::OnOwnCase(const Request& request, const Context& ctx, Rule rule) const {
  return OnCase(request, ctx, [&](const v1::CaseState& c) -> CaseDecision {
    if (!ctx.actor.WorksFor(c.case_().unit())) return Refuse(v1::REASON_NOT_YOUR_UNIT);
    return rule(c);
  });
}

CaseDecision DispatchShard::DecideCommand(const Command& cmd, const Context& ctx) const {
  if (auto wrong = Validate(cmd)) return *std::move(wrong);
  using State = const v1::CaseState&;
  switch (cmd.command_case()) {
    case Command::kOpenCase:
      return OpenCase(cmd, *this, ctx);
    case Command::kOpenCaseFromReport:
      return OpenCaseFromReport(cmd, *this, ctx);
    case Command::kAcceptCase:
      return OnCase(cmd.accept_case(), ctx, [&](State c) { return Accept(c, ctx); });
    case Command::kStartVerification:
      return OnCase(cmd.start_verification(), ctx, [&](State c) { return StartVerification(c, ctx); });
    case Command::kRecordVerification:
      return OnCase(cmd.record_verification(), ctx,
                    [&](State c) { return RecordVerification(c, cmd.record_verification(), ctx); });
    case Command::kRegisterCase:
      return OnCase(cmd.register_case(), ctx, [&](State c) { return Register(c, cmd.register_case(), *this, ctx); });
    case Command::kDeclineCase:
      return OnCase(cmd.decline_case(), ctx, [&](State c) { return Decline(c, cmd.decline_case(), ctx); });
    case Command::kDispatchCase:
      return OnCase(cmd.dispatch_case(), ctx, [&](State c) { return Dispatch(c, cmd.dispatch_case(), ctx); });
    case Command::kSignCase:
      return OnOwnCase(cmd.sign_case(), ctx, [&](State c) { return Sign(c, ctx); });
    case Command::kStartDisposal:
      return OnOwnCase(cmd.start_disposal(), ctx, [&](State c) { return StartDisposing(c, ctx); });
    case Command::kSubmitFeedback:
      return OnOwnCase(cmd.submit_feedback(), ctx,
                       [&](State c) { return SubmitFeedback(c, cmd.submit_feedback(), ctx); });
    case Command::kReturnCase:
      return OnOwnCase(cmd.return_case(), ctx, [&](State c) { return Return(c, cmd.return_case(), ctx); });
    case Command::kJudgeReturn:
      return OnCase(cmd.judge_return(), ctx, [&](State c) { return JudgeReturn(c, cmd.judge_return(), ctx); });
    case Command::kInspectCase:
      return OnCase(cmd.inspect_case(), ctx, [&](State c) { return Inspect(c, cmd.inspect_case(), ctx); });
    case Command::kRevisitCase:
      return OnCase(cmd.revisit_case(), ctx, [&](State c) { return Revisit(c, cmd.revisit_case(), ctx); });
    case Command::kRequestExtension:
      return OnOwnCase(cmd.request_extension(), ctx,
                       [&](State c) { return RequestExtension(c, cmd.request_extension(), ctx); });
    case Command::kDecideExtension:
      return OnCase(cmd.decide_extension(), ctx,
                    [&](State c) { return DecideExtension(c, cmd.decide_extension(), ctx); });
    case Command::kPostponeCase:
      return OnCase(cmd.postpone_case(), ctx, [&](State c) { return Postpone(c, cmd.postpone_case(), ctx); });
    case Command::kUrgeCase:
      return OnCase(cmd.urge_case(), ctx, [&](State c) { return Urge(c, cmd.urge_case(), ctx); });
    case Command::kLookForSimilar:
      return LookForSimilar(cmd.look_for_similar(), *this, ctx);
    case Command::kHearNeighbour:
      return OnAnyCase(cmd.hear_neighbour().asking_case(),
                       [&](State c) { return HearNeighbour(c, cmd.hear_neighbour(), ctx); });
    case Command::kTakeReports:
      return OnAnyCase(cmd.take_reports().into(), [&](State c) { return TakeReports(c, cmd.take_reports(), ctx); });
    case Command::kSettleMerge:
      return OnAnyCase(cmd.settle_merge().asking_case(),
                       [&](State c) { return SettleMerge(c, cmd.settle_merge(), ctx); });
    case Command::COMMAND_NOT_SET:
      break;
  }
  return Refuse(v1::REASON_INVALID_ARGUMENT, "", "a command that this release does not know");
}

CaseDecision DispatchShard::DecideTimer(const FiredTimer& timer, const Context& ctx) const {
  const v1::CaseState* c = FindCase(timer.stream);
  if (!c) return Decided<JournalEvent>();
  CaseDecision decision = OnTimer(*c, timer, ctx);
  if (auto* decided = std::get_if<Decided<JournalEvent>>(&decision)) decided->resource.clear();  // nobody asked
  return decision;
}

absl::Status DispatchShard::EvolveStream(v1::DispatchStream& stream, const EventMeta& meta, const JournalEvent& event) {
  if (auto was = EntryOf(meta.stream, stream)) duplicates_.Remove(stream.case_().case_().class_code(), *was);
  absl::Status evolved = dispatch::Evolve(stream, meta, event);
  if (auto is = EntryOf(meta.stream, stream)) duplicates_.Add(stream.case_().case_().class_code(), *std::move(is));
  return evolved;
}

void DispatchShard::Loaded(std::string_view id, const v1::DispatchStream& before, const v1::DispatchStream& after) {
  if (auto was = EntryOf(id, before)) duplicates_.Remove(before.case_().case_().class_code(), *was);
  if (auto is = EntryOf(id, after)) duplicates_.Add(after.case_().case_().class_code(), *std::move(is));
}

bool DispatchShard::Settled(const v1::DispatchStream& stream) const {
  return stream.has_case_() && !IsOpen(stream.case_().case_());
}

std::vector<std::string> DispatchShard::RowsOf(std::string_view id, const v1::DispatchStream& stream) const {
  if (!stream.has_case_()) return {};
  const v1::Case& c = stream.case_().case_();
  const int64_t opened_ms = ToMs(c.opened_at());
  std::vector<std::string> rows = {Row("all", "", opened_ms, id),
                                   Row("status", absl::StrCat(c.status()), opened_ms, id)};
  if (!c.unit().empty()) rows.push_back(Row("unit", c.unit(), opened_ms, id));
  if (!c.grid().empty()) rows.push_back(Row("grid", c.grid(), opened_ms, id));
  return rows;
}

// One fact each, as it stands in the journal's event; case numbers are no facts for others.
std::vector<PublicEvent> DispatchShard::PublicEvents(const EventMeta& meta, const JournalEvent& event) const {
  static const auto* const facts = JournalEvent::descriptor()->FindOneofByName("fact");
  const auto* field = event.GetReflection()->GetOneofFieldDescriptor(event, facts);
  if (!field || field->number() == JournalEvent::kCaseNumberTakenFieldNumber) return {};
  const google::protobuf::Message& fact = event.GetReflection()->GetMessage(event, field);
  const std::string subject =
      event.has_neighbour_looked() ? event.neighbour_looked().asking_case() : CaseName(meta.stream);
  return {{.type = fact.GetDescriptor()->full_name(), .subject = subject, .bytes = fact.SerializeAsString()}};
}

}  // namespace civicmesh::dispatch
