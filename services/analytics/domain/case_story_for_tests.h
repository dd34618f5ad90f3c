// What happened to one case, told to a test.
//
//   CaseStory c("c1", {.report = "r1", .reported = "10-08 09:00"});
//   c.Opened("10-08 09:01").Registered("10-08 09:05").Dispatched("10-08 09:10", {.due = "10-08 11:10"});
//   c.Signed("10-08 09:30").FedBack("10-08 10:00").Closed("10-08 10:20");
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "services/analytics/domain/tales_for_tests.h"

namespace civicmesh::analytics {

namespace d = dispatch::v1;

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
    context_.set_status(d::CASE_STATUS_REPORTED);
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
  CaseStory& Opened(const std::string& at) { return Add<d::CaseOpened>(at); }
  // The whole case into another one.
  CaseStory& EndedMerged(const std::string& at) {
    return To<dispatch::v1::CaseMerged>(at, dispatch::v1::CASE_STATUS_MERGED);
  }
  // A report into this case.
  CaseStory& Merged(const std::string& at, const std::string& report) {
    auto e = Make<d::CaseReportMerged>(at);
    e->mutable_report()->set_report("reports/" + report);
    return Push(e);
  }
  CaseStory& Accepted(const std::string& at) { return To<d::CaseAccepted>(at, d::CASE_STATUS_ACCEPTED); }
  CaseStory& Registered(const std::string& at) { return To<d::CaseRegistered>(at, d::CASE_STATUS_REGISTERED); }
  CaseStory& Declined(const std::string& at) { return To<d::CaseDeclined>(at, d::CASE_STATUS_NOT_REGISTERED); }
  CaseStory& Dispatched(const std::string& at, const Dispatching& d) {
    context_.set_unit(d.unit);
    Disposal(d::Clock::PHASE_RUNNING).set_provisional(d.provisional);
    Due(d.due);
    return To<d::CaseDispatched>(at, d::CASE_STATUS_DISPATCHED);
  }
  CaseStory& Signed(const std::string& at) { return To<d::CaseSigned>(at, d::CASE_STATUS_SIGNED); }
  CaseStory& Returned(const std::string& at) {
    Disposal(d::Clock::PHASE_PAUSED);
    return To<d::CaseReturned>(at, d::CASE_STATUS_RETURNED);
  }
  CaseStory& FedBack(const std::string& at) {
    auto& disposal = Disposal(d::Clock::PHASE_STOPPED);
    if (!disposal.provisional() && At(at) > DueMs()) disposal.set_overdue(true);
    return To<d::FeedbackSubmitted>(at, d::CASE_STATUS_FEEDBACK_SUBMITTED);
  }
  CaseStory& Reworked(const std::string& at) {
    Disposal(d::Clock::PHASE_RUNNING);
    return To<d::ReworkOrdered>(at, d::CASE_STATUS_REWORK);
  }
  CaseStory& Closed(const std::string& at) {
    context_.set_status(d::CASE_STATUS_CLOSED);
    auto e = Make<d::CaseClosed>(at);
    e->set_on_time(!disposal_.overdue());
    return Push(e);
  }
  CaseStory& Revisited(const std::string& at, d::Rating rating) {
    context_.set_status(d::CASE_STATUS_REVISITED);
    auto e = Make<d::CaseRevisited>(at);
    e->set_rating(rating);
    return Push(e);
  }
  CaseStory& Extended(const std::string& at, const std::string& due) {
    Due(due);
    Disposal(d::Clock::PHASE_RUNNING).set_overdue(At(due) < At(at));
    auto e = Make<d::ExtensionDecided>(at);
    e->set_granted(true);
    return Push(e);
  }
  CaseStory& Recounted(const std::string& at, const std::string& due) {
    Due(due);
    Disposal(d::Clock::PHASE_RUNNING).set_provisional(false);
    return Add<d::DeadlineRecounted>(at);
  }
  CaseStory& Postponed(const std::string& at) {
    Disposal(d::Clock::PHASE_PAUSED);
    return To<d::CasePostponed>(at, d::CASE_STATUS_POSTPONED);
  }
  CaseStory& Resumed(const std::string& at, const std::string& due) {
    Due(due);
    Disposal(d::Clock::PHASE_RUNNING);
    return To<d::CaseResumed>(at, d::CASE_STATUS_SIGNED);
  }
  CaseStory& BecameOverdue(const std::string& at) {
    Disposal(d::Clock::PHASE_RUNNING).set_overdue(true);
    return Add<d::CaseBecameOverdue>(at);
  }
  CaseStory& Urged(const std::string& at) { return Add<d::CaseUrged>(at); }
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
  d::Clock& Disposal(d::Clock::Phase phase) {
    disposal_.set_kind(d::CLOCK_KIND_DISPOSAL);
    disposal_.set_phase(phase);
    moved_ = true;
    return disposal_;
  }
  template <typename E>
  std::shared_ptr<E> Make(const std::string& at) {
    Set(context_.mutable_occurred_at(), At(at));
    auto e = std::make_shared<E>();
    *e->mutable_context() = context_;
    e->add_clocks()->set_kind(d::CLOCK_KIND_INSPECTION);
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
  CaseStory& To(const std::string& at, d::CaseStatus status) {
    context_.set_status(status);
    return Add<E>(at);
  }

  const int shard_;
  d::EventContext context_;
  d::Clock disposal_;
  bool moved_ = false;
};

}  // namespace civicmesh::analytics
