// Events for tests, told as stories: what happened to one case, report or account, in the order of its partition.
//
//   CaseStory c("c1", {.report = "r1", .reported = "10-08 09:00"});
//   c.Opened("10-08 09:01").Registered("10-08 09:05").Dispatched("10-08 09:10", {.due = "10-08 11:10"});
//   c.Signed("10-08 09:30").FedBack("10-08 10:00").Closed("10-08 10:20");
//
// Times are of 2026 in Asia/Shanghai.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "civicmesh/intake/v1/intake_events.pb.h"
#include "civicmesh/points/v1/points_events.pb.h"
#include "civicmesh/volunteering/v1/volunteering_events.pb.h"
#include "services/analytics/domain/facts.h"

namespace civicmesh::analytics {

inline int64_t At(const std::string& text) {
  absl::Time time;
  std::string error;
  const bool parsed = absl::ParseTime("%Y-%m-%d %H:%M:%E*S",
                                      "2026-" + text + (text.size() == 11 ? ":00" : ""),  // "10-08 09:00"
                                      absl::FixedTimeZone(8 * 3600), &time, &error);
  return parsed ? absl::ToUnixMillis(time) : -1;
}
inline void Set(google::protobuf::Timestamp* time, int64_t ms) {
  time->set_seconds(ms / 1000);
  time->set_nanos(static_cast<int>(ms % 1000) * 1000000);
}

// One event of one partition.
struct Told {
  std::string domain;
  int shard = 0;
  int64_t at_ms = 0;
  std::shared_ptr<const google::protobuf::Message> event;
};
using Tale = std::vector<Told>;

template <typename... Stories>
Tale Together(const Stories&... stories) {
  Tale all;
  (all.insert(all.end(), stories.tale.begin(), stories.tale.end()), ...);
  return all;
}

class CaseStory {
 public:
  struct Beginning {
    std::string report = "";  // empty: staff opened it
    std::string reported = "";
    std::string grid = "990101001001001", major = "市容环境";
    int shard = 0;
  };
  CaseStory(const std::string& name, Beginning b) : shard_(b.shard) {
    context_.set_case_("cases/" + name);
    context_.set_status(dispatch::v1::CASE_STATUS_REPORTED);
    context_.set_grid(b.grid);
    context_.set_major_name_zh(b.major);
    if (!b.report.empty()) context_.set_lead_report("reports/" + b.report);
    if (!b.reported.empty()) Set(context_.mutable_reported_at(), At(b.reported));
  }

  struct Dispatching {
    std::string due;
    std::string unit = "u-1";
    bool provisional = false;
  };
  CaseStory& Opened(const std::string& at) { return Add<dispatch::v1::CaseOpened>(at); }
  // The whole case into another one.
  CaseStory& EndedMerged(const std::string& at) {
    return To<dispatch::v1::CaseMerged>(at, dispatch::v1::CASE_STATUS_MERGED);
  }
  // A report into this case.
  CaseStory& Merged(const std::string& at, const std::string& report) {
    auto e = Make<dispatch::v1::CaseReportMerged>(at);
    e->mutable_report()->set_report("reports/" + report);
    return Push(e);
  }
  CaseStory& Accepted(const std::string& at) {
    return To<dispatch::v1::CaseAccepted>(at, dispatch::v1::CASE_STATUS_ACCEPTED);
  }
  CaseStory& Registered(const std::string& at) {
    return To<dispatch::v1::CaseRegistered>(at, dispatch::v1::CASE_STATUS_REGISTERED);
  }
  CaseStory& Declined(const std::string& at) {
    return To<dispatch::v1::CaseDeclined>(at, dispatch::v1::CASE_STATUS_NOT_REGISTERED);
  }
  CaseStory& Dispatched(const std::string& at, const Dispatching& d) {
    context_.set_unit(d.unit);
    Disposal(dispatch::v1::Clock::PHASE_RUNNING).set_provisional(d.provisional);
    Due(d.due);
    return To<dispatch::v1::CaseDispatched>(at, dispatch::v1::CASE_STATUS_DISPATCHED);
  }
  CaseStory& Signed(const std::string& at) {
    return To<dispatch::v1::CaseSigned>(at, dispatch::v1::CASE_STATUS_SIGNED);
  }
  CaseStory& Returned(const std::string& at) {
    Disposal(dispatch::v1::Clock::PHASE_PAUSED);
    return To<dispatch::v1::CaseReturned>(at, dispatch::v1::CASE_STATUS_RETURNED);
  }
  CaseStory& FedBack(const std::string& at) {
    auto& disposal = Disposal(dispatch::v1::Clock::PHASE_STOPPED);
    if (!disposal.provisional() && At(at) > DueMs()) disposal.set_overdue(true);
    return To<dispatch::v1::FeedbackSubmitted>(at, dispatch::v1::CASE_STATUS_FEEDBACK_SUBMITTED);
  }
  CaseStory& Reworked(const std::string& at) {
    Disposal(dispatch::v1::Clock::PHASE_RUNNING);
    return To<dispatch::v1::ReworkOrdered>(at, dispatch::v1::CASE_STATUS_REWORK);
  }
  CaseStory& Closed(const std::string& at) {
    context_.set_status(dispatch::v1::CASE_STATUS_CLOSED);
    auto e = Make<dispatch::v1::CaseClosed>(at);
    e->set_on_time(!disposal_.overdue());
    return Push(e);
  }
  CaseStory& Revisited(const std::string& at, dispatch::v1::Rating rating) {
    context_.set_status(dispatch::v1::CASE_STATUS_REVISITED);
    auto e = Make<dispatch::v1::CaseRevisited>(at);
    e->set_rating(rating);
    return Push(e);
  }
  CaseStory& Extended(const std::string& at, const std::string& due) {
    Due(due);
    Disposal(dispatch::v1::Clock::PHASE_RUNNING).set_overdue(At(due) < At(at));
    auto e = Make<dispatch::v1::ExtensionDecided>(at);
    e->set_granted(true);
    return Push(e);
  }
  CaseStory& Recounted(const std::string& at, const std::string& due) {
    Due(due);
    Disposal(dispatch::v1::Clock::PHASE_RUNNING).set_provisional(false);
    return Add<dispatch::v1::DeadlineRecounted>(at);
  }
  CaseStory& Postponed(const std::string& at) {
    Disposal(dispatch::v1::Clock::PHASE_PAUSED);
    return To<dispatch::v1::CasePostponed>(at, dispatch::v1::CASE_STATUS_POSTPONED);
  }
  CaseStory& Resumed(const std::string& at, const std::string& due) {
    Due(due);
    Disposal(dispatch::v1::Clock::PHASE_RUNNING);
    return To<dispatch::v1::CaseResumed>(at, dispatch::v1::CASE_STATUS_SIGNED);
  }
  CaseStory& BecameOverdue(const std::string& at) {
    Disposal(dispatch::v1::Clock::PHASE_RUNNING).set_overdue(true);
    return Add<dispatch::v1::CaseBecameOverdue>(at);
  }
  CaseStory& Urged(const std::string& at) { return Add<dispatch::v1::CaseUrged>(at); }
  CaseStory& Moved(const std::string& grid) {
    context_.set_grid(grid);
    return *this;
  }

  Tale tale;

 private:
  void Due(const std::string& text) {
    Set(context_.mutable_disposal_due_at(), At(text));
    *disposal_.mutable_due_at() = context_.disposal_due_at();
  }
  int64_t DueMs() const { return context_.disposal_due_at().seconds() * 1000; }
  // The next event carries the clock; events that do not move it do not.
  dispatch::v1::Clock& Disposal(dispatch::v1::Clock::Phase phase) {
    disposal_.set_kind(dispatch::v1::CLOCK_KIND_DISPOSAL);
    disposal_.set_phase(phase);
    moved_ = true;
    return disposal_;
  }
  template <typename E>
  std::shared_ptr<E> Make(const std::string& at) {
    Set(context_.mutable_occurred_at(), At(at));
    auto e = std::make_shared<E>();
    *e->mutable_context() = context_;
    e->add_clocks()->set_kind(dispatch::v1::CLOCK_KIND_INSPECTION);
    if (std::exchange(moved_, false)) *e->add_clocks() = disposal_;
    return e;
  }
  template <typename E>
  CaseStory& Push(std::shared_ptr<E> e) {
    tale.push_back({"dispatch", shard_, e->context().occurred_at().seconds() * 1000, e});
    return *this;
  }
  template <typename E>
  CaseStory& Add(const std::string& at) {
    return Push(Make<E>(at));
  }
  template <typename E>
  CaseStory& To(const std::string& at, dispatch::v1::CaseStatus status) {
    context_.set_status(status);
    return Add<E>(at);
  }

  const int shard_;
  dispatch::v1::EventContext context_;
  dispatch::v1::Clock disposal_;
  bool moved_ = false;
};

class ReportStory {
 public:
  struct Beginning {
    type::v1::ReportSource source = type::v1::REPORT_SOURCE_CITIZEN_APP;
    std::string token = "p-1";  // empty: anonymous
    int shard = 1;
  };
  ReportStory(const std::string& name, Beginning b) : shard_(b.shard) {
    context_.set_report("reports/" + name);
    context_.set_source(b.source);
    context_.set_reporter_token(b.token);
  }
  explicit ReportStory(const std::string& name) : ReportStory(name, Beginning()) {}

  ReportStory& Submitted(const std::string& at) {
    Set(context_.mutable_reported_at(), At(at));
    context_.set_status(intake::v1::REPORT_STATUS_WAITING_FOR_LOCATION);
    return Push(at, std::make_shared<intake::v1::ReportSubmitted>());
  }
  ReportStory& Forwarded(const std::string& at) {
    context_.set_status(intake::v1::REPORT_STATUS_FORWARDED);
    return Push(at, std::make_shared<intake::v1::ReportForwarded>());
  }
  ReportStory& Withdrawn(const std::string& at) {
    context_.set_status(intake::v1::REPORT_STATUS_WITHDRAWN);
    return Push(at, std::make_shared<intake::v1::ReportWithdrawn>());
  }
  ReportStory& Notified(const std::string& at, intake::v1::NoticeKind kind) {
    using namespace intake::v1;
    context_.set_status(kind == NOTICE_KIND_SIGNED       ? REPORT_STATUS_IN_DISPOSAL
                        : kind == NOTICE_KIND_CLOSED     ? REPORT_STATUS_CLOSED
                        : kind == NOTICE_KIND_DECLINED   ? REPORT_STATUS_DECLINED
                        : kind == NOTICE_KIND_REGISTERED ? REPORT_STATUS_REGISTERED
                                                         : REPORT_STATUS_IN_CASE);
    auto e = std::make_shared<ReporterNotified>();
    e->set_kind(kind);
    return Push(at, e);
  }

  Tale tale;

 private:
  template <typename E>
  ReportStory& Push(const std::string& at, std::shared_ptr<E> e) {
    Set(context_.mutable_occurred_at(), At(at));
    *e->mutable_context() = context_;
    tale.push_back({"intake", shard_, At(at), e});
    return *this;
  }

  const int shard_;
  intake::v1::ReportContext context_;
};

class AlertStory {
 public:
  AlertStory(const std::string& name, int camera_class) : name_("alerts/" + name), class_(camera_class) {}
  AlertStory& Raised(const std::string& at) {
    auto e = std::make_shared<intake::v1::AlertRaised>();
    e->set_alert(name_);
    e->set_camera_class(class_);
    Set(e->mutable_occurred_at(), raised_ms_ = At(at));
    tale.push_back({"intake", 0, At(at), e});
    return *this;
  }
  AlertStory& Reviewed(const std::string& at, bool confirmed, int true_class = 0) {
    auto e = std::make_shared<intake::v1::AlertReviewed>();
    e->set_alert(name_);
    e->set_camera_class(class_);
    e->set_true_camera_class(true_class);
    e->set_verdict(confirmed ? intake::v1::ALERT_VERDICT_CONFIRMED : intake::v1::ALERT_VERDICT_FALSE);
    Set(e->mutable_occurred_at(), At(at));
    Set(e->mutable_raised_at(), raised_ms_);
    tale.push_back({"intake", 0, At(at), e});
    return *this;
  }

  Tale tale;

 private:
  const std::string name_;
  const int class_;
  int64_t raised_ms_ = 0;
};

class AccountStory {
 public:
  explicit AccountStory(const std::string& name, int shard = 0) : name_("accounts/" + name), shard_(shard) {}
  template <typename E>
  AccountStory& Add(const std::string& at, int64_t points) {
    auto e = std::make_shared<E>();
    e->mutable_context()->set_account(name_);
    Set(e->mutable_context()->mutable_occurred_at(), At(at));
    e->set_points(points);
    tale.push_back({"points", shard_, At(at), e});
    return *this;
  }
  AccountStory& Granted(const std::string& at, int64_t p) { return Add<points::v1::PointsGranted>(at, p); }
  AccountStory& Redeemed(const std::string& at, int64_t p) { return Add<points::v1::RedemptionCompleted>(at, p); }
  AccountStory& Expired(const std::string& at, int64_t p) { return Add<points::v1::PointsExpired>(at, p); }
  AccountStory& Reversed(const std::string& at, int64_t p) { return Add<points::v1::PointsReversed>(at, p); }

  Tale tale;

 private:
  const std::string name_;
  const int shard_;
};

struct ActivityStory {
  ActivityStory& Confirmed(const std::string& at, const std::string& activity, const std::string& token, int minutes) {
    auto e = std::make_shared<volunteering::v1::ServiceConfirmed>();
    e->mutable_context()->set_activity("activities/" + activity);
    Set(e->mutable_context()->mutable_occurred_at(), At(at));
    e->set_volunteer_token(token);
    e->set_minutes(minutes);
    tale.push_back({"volunteering", 0, At(at), e});
    return *this;
  }
  Tale tale;
};

// Gives every event the next id of its partition, in the order told.
class Teller {
 public:
  // False: the facts knew it.
  bool Tell(Facts& facts, const Told& told) {
    const EventId id{next_[{told.domain, told.shard}]++, 0};
    return facts.Apply({.domain = told.domain, .shard = told.shard, .id = id}, *told.event);
  }
  void TellAll(Facts& facts, const Tale& tale) {
    for (const Told& told : tale) Tell(facts, told);
  }

 private:
  std::map<std::pair<std::string, int>, int64_t> next_;
};

}  // namespace civicmesh::analytics
