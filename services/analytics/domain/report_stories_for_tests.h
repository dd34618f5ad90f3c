// What happened to one report, or to one camera alert, told to a test.
//
//   ReportStory r("r1");
//   r.Submitted("10-08 09:00").Forwarded("10-08 09:00").Notified("10-08 09:31", intake::v1::NOTICE_KIND_SIGNED);
#pragma once

#include <memory>
#include <string>

#include "civicmesh/intake/v1/intake_events.pb.h"
#include "services/analytics/domain/tales_for_tests.h"

namespace civicmesh::analytics {

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

}  // namespace civicmesh::analytics
