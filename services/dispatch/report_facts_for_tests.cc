#include "services/dispatch/report_facts_for_tests.h"

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "civicmesh/intake/v1/intake_events.pb.h"
#include "gtest/gtest.h"
#include "services/runtime/journal/kafka_topics.h"

namespace civicmesh::dispatch {

ReportFacts::ReportFacts(const std::string& broker, const std::string& domain, int shards)
    : options_{.brokers = broker, .domain = domain, .shards = shards},
      journal_(options_),
      session_(journal_.NewHandlerAppender(absl::Seconds(10))) {
  const auto made = CreateTopics(options_, {});
  EXPECT_TRUE(made.ok()) << made;
}

void ReportFacts::Forward(const std::string& report, const type::v1::GeoPoint& place, int shard) {
  intake::v1::ReportForwarded fact;
  auto& context = *fact.mutable_context();
  context.set_report(report);
  context.set_source(type::v1::REPORT_SOURCE_CITIZEN_APP);
  *context.mutable_location() = place;
  context.mutable_category()->set_class_code("E0110");
  context.mutable_reported_at()->set_seconds(absl::ToUnixSeconds(absl::Now()));
  fact.set_masked_text("路口有一堆垃圾");
  absl::MutexLock lock(&mutex_);
  const Headers headers = {{"ce_id", absl::StrCat(options_.domain, "/", shard, "/", ++facts_, "/0")},
                           {"ce_type", fact.GetDescriptor()->full_name()},
                           {"ce_subject", report},
                           {"ce_time", absl::FormatTime(absl::RFC3339_full, absl::Now(), absl::UTCTimeZone())}};
  absl::Notification answered;
  absl::Status landed;
  const auto queued = session_->Append({Topic::kEvents, shard}, fact.SerializeAsString(), headers,
                                       [&](const absl::StatusOr<int64_t>& at) {
                                         landed = at.status();
                                         answered.Notify();
                                       });
  ASSERT_TRUE(queued.ok()) << queued;
  answered.WaitForNotification();
  ASSERT_TRUE(landed.ok()) << landed;
}

}  // namespace civicmesh::dispatch
