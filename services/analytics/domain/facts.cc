#include "services/analytics/domain/facts.h"

#include <google/protobuf/arena.h>

#include <algorithm>

#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "civicmesh/intake/v1/intake_events.pb.h"
#include "civicmesh/points/v1/points_events.pb.h"
#include "civicmesh/volunteering/v1/volunteering_events.pb.h"

namespace civicmesh::analytics {
namespace {

using google::protobuf::Arena;
using google::protobuf::Message;

// GB/T 30428.1: a unit grid's code is district (6), street (3), community (3), serial (3).
constexpr size_t kStreetDigits = 9;
// Most events need less, parsed.
constexpr size_t kRoomBytes = 64 * 1024;

int64_t ToMs(const google::protobuf::Timestamp& time) { return time.seconds() * 1000 + time.nanos() / 1000000; }

bool SameState(const CaseStep& a, const CaseStep& b) {
  return a.due_ms == b.due_ms && a.street == b.street && a.major == b.major && a.unit == b.unit &&
         a.status == b.status && a.hand == b.hand && a.provisional == b.provisional && a.overdue == b.overdue;
}

Hand HandOf(dispatch::v1::Clock::Phase phase) {
  switch (phase) {
    case dispatch::v1::Clock::PHASE_RUNNING:
      return Hand::kRunning;
    case dispatch::v1::Clock::PHASE_PAUSED:
      return Hand::kPaused;
    case dispatch::v1::Clock::PHASE_STOPPED:
      return Hand::kStopped;
    default:
      return Hand::kNone;
  }
}

}  // namespace

// Applies one event; `at_ms` says its time afterwards.
class Folder {
 public:
  Folder(Facts& facts, EventId id) : facts_(facts), id_(id) {}

  template <typename E>
  void On(const E& e) requires requires {
    e.context().disposal_due_at();
  }
  {
    Case& c = CaseOf(e.context());
    CaseStep step = After(e, c);
    if constexpr (std::is_same_v<E, dispatch::v1::CaseRegistered>) step.fact = CaseFact::kRegistered;
    if constexpr (std::is_same_v<E, dispatch::v1::CaseDispatched>) step.fact = CaseFact::kDispatched;
    if constexpr (std::is_same_v<E, dispatch::v1::CaseSigned>) step.fact = CaseFact::kSigned;
    if constexpr (std::is_same_v<E, dispatch::v1::CaseReturned>) step.fact = CaseFact::kReturned;
    if constexpr (std::is_same_v<E, dispatch::v1::ReworkOrdered>) step.fact = CaseFact::kReworked;
    if constexpr (std::is_same_v<E, dispatch::v1::CaseClosed>) {
      step.fact = CaseFact::kClosed;
      step.on_time = e.on_time();
    }
    if constexpr (std::is_same_v<E, dispatch::v1::CaseRevisited>) {
      step.fact = CaseFact::kRevisited;
      step.rating = static_cast<uint8_t>(e.rating());
    }
    if constexpr (std::is_same_v<E, dispatch::v1::CaseOpened>)
      if (c.lead_report != kNone) TakeUp(c.lead_report, e.context(), /*merged=*/false);
    if constexpr (std::is_same_v<E, dispatch::v1::CaseReportMerged>)
      TakeUp(facts_.ReportNamed(e.report().report()), e.context(), /*merged=*/true);
    if (step.fact != CaseFact::kOther || c.steps.empty() || !SameState(step, c.steps.back())) c.steps.push_back(step);
    at_ms = step.at_ms;
  }

  template <typename E>
  void On(const E& e) requires requires {
    e.context().report();
  }
  {
    const auto& context = e.context();
    Report& report = facts_.reports_[facts_.ReportNamed(context.report())];
    ReportStep step{.at_ms = ToMs(context.occurred_at()), .status = static_cast<uint8_t>(context.status())};
    if constexpr (std::is_same_v<E, intake::v1::ReporterNotified>) step.notice = static_cast<uint8_t>(e.kind());
    if (report.steps.empty()) {
      report.reported_ms = context.has_reported_at() ? ToMs(context.reported_at()) : step.at_ms;
      report.source = static_cast<uint8_t>(context.source());
    }
    if (step.notice || report.steps.empty() || report.steps.back().status != step.status) report.steps.push_back(step);
    at_ms = step.at_ms;
  }

  void On(const intake::v1::AlertRaised& e) {
    Alert& alert = facts_.alerts_[facts_.AlertNamed(e.alert())];
    alert.camera_class = static_cast<uint8_t>(e.camera_class());
    at_ms = alert.raised_ms = ToMs(e.occurred_at());
  }

  void On(const intake::v1::AlertReviewed& e) {
    Alert& alert = facts_.alerts_[facts_.AlertNamed(e.alert())];
    alert.camera_class = static_cast<uint8_t>(e.camera_class());
    alert.true_camera_class = static_cast<uint8_t>(e.true_camera_class());
    alert.confirmed = e.verdict() == intake::v1::ALERT_VERDICT_CONFIRMED;
    alert.raised_ms = ToMs(e.raised_at());
    at_ms = alert.reviewed_ms = ToMs(e.occurred_at());
  }

  void On(const points::v1::PointsGranted& e) { Points(AmountKind::kGranted, e); }
  void On(const points::v1::RedemptionCompleted& e) { Points(AmountKind::kRedeemed, e); }
  void On(const points::v1::PointsExpired& e) { Points(AmountKind::kExpired, e); }
  void On(const points::v1::PointsReversed& e) { Points(AmountKind::kReversed, e); }

  void On(const volunteering::v1::ServiceConfirmed& e) {
    Add(AmountKind::kMinutes, e.context().activity(), e.context().occurred_at(), e.minutes());
  }

  int64_t at_ms = 0;

 private:
  Case& CaseOf(const dispatch::v1::EventContext& context) {
    const uint32_t index = facts_.CaseNamed(context.case_());
    Case& c = facts_.cases_[index];
    if (c.steps.empty()) {
      c.reported_ms = ToMs(context.has_reported_at() ? context.reported_at() : context.occurred_at());
      c.opened_ms = ToMs(context.has_opened_at() ? context.opened_at() : context.occurred_at());
      if (!context.lead_report().empty()) c.lead_report = facts_.ReportNamed(context.lead_report());
    }
    index_ = index;
    return c;
  }

  // An event carries only the clocks that it moved; the others stand as they stood.
  template <typename E>
  CaseStep After(const E& e, const Case& c) {
    const dispatch::v1::EventContext& context = e.context();
    CaseStep step = c.steps.empty() ? CaseStep{} : c.steps.back();
    step.at_ms = ToMs(context.occurred_at());
    step.due_ms = context.has_disposal_due_at() ? ToMs(context.disposal_due_at()) : 0;
    step.street = facts_.Intern(std::string_view(context.grid()).substr(0, kStreetDigits));
    step.major = facts_.Intern(context.major_name_zh());
    step.unit = facts_.Intern(context.unit());
    step.status = static_cast<uint8_t>(context.status());
    step.fact = CaseFact::kOther;
    step.rating = 0;
    step.on_time = false;
    for (const auto& clock : e.clocks()) {
      if (clock.kind() != dispatch::v1::CLOCK_KIND_DISPOSAL) continue;
      step.hand = HandOf(clock.phase());
      step.provisional = clock.provisional();
      step.overdue = clock.overdue();
    }
    return step;
  }

  void TakeUp(uint32_t report, const dispatch::v1::EventContext& context, bool merged) {
    facts_.reports_[report].takings.push_back({.by = index_, .at_ms = ToMs(context.occurred_at()), .merged = merged});
  }

  template <typename E>
  void Points(AmountKind kind, const E& e) {
    Add(kind, e.context().account(), e.context().occurred_at(), e.points());
  }

  void Add(AmountKind kind, const std::string& of, const google::protobuf::Timestamp& at, int64_t amount) {
    at_ms = ToMs(at);
    facts_.amounts_[static_cast<int>(kind)].push_back(
        {.of = facts_.Intern(of), .at_ms = at_ms, .amount = amount, .id = id_});
  }

  Facts& facts_;
  const EventId id_;
  uint32_t index_ = kNone;
};

namespace {

struct EventType {
  Message* (*make)(Arena*);
  void (*fold)(Folder&, const Message&);
};

template <typename... E>
absl::flat_hash_map<std::string_view, EventType> Types() {
  return {{E::descriptor()->full_name(),
           {[](Arena* arena) -> Message* { return Arena::CreateMessage<E>(arena); },
            [](Folder& folder, const Message& event) { folder.On(static_cast<const E&>(event)); }}}...};
}

const absl::flat_hash_map<std::string_view, EventType>& AllTypes() {
  using namespace dispatch::v1;
  using namespace intake::v1;
  static const auto* const types =
      new auto(Types<CaseOpened, CaseReportMerged, CaseAccepted, VerificationStarted, VerificationRecorded,
                     CaseRegistered, CaseDeclined, CaseDispatched, CaseSigned, DisposalStarted, FeedbackSubmitted,
                     CaseReturned, CaseReturnJudged, CaseClosed, ReworkOrdered, CaseRevisited, ExtensionRequested,
                     ExtensionEndorsed, ExtensionDecided, DeadlineRecounted, CasePostponed, CaseResumed, CaseUrged,
                     CaseBecameOverdue, CaseEscalated, BuckPassMarked, CaseNeighbourHeard, CaseMergeAsked,
                     CaseMergeAnswered, CaseMerged, CaseReportsHandedOn, CaseMergeGivenUp,  //
                     ReportSubmitted, ReportLocated, ReportSupplemented, ReportWithdrawn, ReportForwarded,
                     ReporterNotified, AlertRaised, AlertReviewed,  //
                     points::v1::PointsGranted, points::v1::RedemptionCompleted, points::v1::PointsExpired,
                     points::v1::PointsReversed, volunteering::v1::ServiceConfirmed>());
  return *types;
}

// The index of the element named so in `all`, made where there is none.
template <typename T>
uint32_t Named(std::string_view name, std::deque<T>& all, absl::flat_hash_map<std::string_view, uint32_t>& index) {
  if (auto known = index.find(name); known != index.end()) return known->second;
  const uint32_t at = static_cast<uint32_t>(all.size());
  T& made = all.emplace_back();
  made.name = std::string(name);
  index.emplace(made.name, at);
  return at;
}

}  // namespace

const Taking* Facts::TakenBefore(const Report& report, int64_t before_ms) const {
  const Taking* first = nullptr;
  const auto order = [this](const Taking& taking) {
    return std::pair(cases_[taking.by].opened_ms, std::string_view(cases_[taking.by].name));
  };
  for (const Taking& taking : report.takings)
    if (taking.at_ms < before_ms && (!first || order(taking) < order(*first))) first = &taking;
  return first;
}

bool Facts::Apply(const Origin& origin, const Message& event) {
  auto source = sources_.find(origin.domain);
  if (source == sources_.end()) source = sources_.try_emplace(std::string(origin.domain)).first;
  if (source->second.size() <= static_cast<size_t>(origin.shard)) source->second.resize(origin.shard + 1);
  SourcePoint& point = source->second[origin.shard];
  if (origin.id <= point.highest) return false;
  Folder folder(*this, origin.id);
  AllTypes().at(event.GetDescriptor()->full_name()).fold(folder, event);
  point = {.highest = origin.id, .last_ms = folder.at_ms};
  latest_ms_ = std::max(latest_ms_, folder.at_ms);
  return true;
}

Text Facts::Intern(std::string_view text) {
  if (auto known = text_index_.find(text); known != text_index_.end()) return known->second;
  const Text at = static_cast<Text>(texts_.size());
  text_index_.emplace(texts_.emplace_back(text), at);
  return at;
}

uint32_t Facts::CaseNamed(std::string_view name) { return Named(name, cases_, case_index_); }
uint32_t Facts::ReportNamed(std::string_view name) { return Named(name, reports_, report_index_); }
uint32_t Facts::AlertNamed(std::string_view name) { return Named(name, alerts_, alert_index_); }

bool IsFolded(std::string_view type) { return AllTypes().contains(type); }

EventParser::EventParser() : room_(kRoomBytes) {
  google::protobuf::ArenaOptions options;
  options.initial_block = room_.data();
  options.initial_block_size = room_.size();
  arena_ = std::make_unique<Arena>(options);
}
EventParser::~EventParser() = default;

const Message* EventParser::Parse(std::string_view type, std::string_view bytes) {
  arena_->Reset();
  Message* event = AllTypes().at(type).make(arena_.get());
  return event->ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ? event : nullptr;
}

}  // namespace civicmesh::analytics
