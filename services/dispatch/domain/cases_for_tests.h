// For the tables of dispatch: the sample district, who acts, and the history of an ordinary case: 暴露垃圾 (E0110,
// condition 1: 4工作时) in grid 990101001001001, the duty of u-sanitation, on Wednesday 2026-11-18.
#pragma once

#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "civicmesh/reference/v1/reference.pb.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "services/dispatch/dispatch_reference.h"
#include "services/dispatch/domain/dispatch_shard.h"
#include "services/runtime/decider/given_when_then.h"
#include "services/runtime/decider/posts_for_tests.h"
#include "services/runtime/workcalendar/work_calendar.h"

namespace civicmesh::dispatch {

template <typename Message>
Message FromSample(const std::string& file) {
  std::ifstream in(std::string(CIVICMESH_SAMPLE "/") + file);
  std::stringstream text;
  text << in.rdbuf();
  Message message;
  const auto status = google::protobuf::util::JsonStringToMessage(text.str(), &message);
  EXPECT_TRUE(status.ok()) << file << ": " << status.ToString();
  return message;
}

inline std::shared_ptr<const WorkCalendar> Calendar(const reference::v1::WorkCalendar& message) {
  return std::make_shared<const WorkCalendar>(WorkCalendar::Make(message).value());
}

inline gwt::References SampleReferences() {
  static const auto standard = MakeStandard(FromSample<reference::v1::Standard>("standard.json")).value();
  static const auto district = MakeDistrict(FromSample<reference::v1::District>("district.json")).value();
  static const auto calendar = Calendar(FromSample<reference::v1::WorkCalendar>("calendar-2026.json"));
  gwt::References references;
  references.Set(kStandardKind, standard);
  references.Set(kDistrictKind, district);
  references.Set(kCalendarKind, calendar);
  return references;
}

// "" where the row holds in a new shard over `references`.
inline std::string CheckRow(const gwt::Row& row, const gwt::References& references = SampleReferences()) {
  gwt::Shard shard(std::make_unique<DispatchShard>(), v1::JournalEvent::default_instance(),
                   v1::Command::default_instance(), &references);
  return gwt::Check(row, shard);
}

template <size_t N>
void CheckRows(const gwt::Row (&rows)[N], const gwt::References& references = SampleReferences()) {
  for (const gwt::Row& row : rows) EXPECT_EQ(CheckRow(row, references), "") << row.name;
}

// A district like the sample's, changed by `change`.
template <typename Change>
std::shared_ptr<const District> DistrictWith(Change change) {
  auto message = FromSample<reference::v1::District>("district.json");
  change(message);
  return MakeDistrict(message).value();
}

inline const ActorView kCollector{.subject = "collector-01", .posts = Posts({"COLLECTOR"})};
inline const ActorView kInspector{.subject = "collector-02", .posts = Posts({"COLLECTOR"})};
inline const ActorView kRegistrar{.subject = "registrar-01", .posts = Posts({"REGISTRAR"})};
inline const ActorView kDispatcher{.subject = "dispatcher-01", .posts = Posts({"DISPATCHER"})};
inline const ActorView kLeader{.subject = "leader-01", .posts = Posts({"SHIFT_LEADER"})};
inline const ActorView kOtherLeader{.subject = "leader-02", .posts = Posts({"SHIFT_LEADER"})};
inline const ActorView kWorker{.subject = "sanitation-01", .posts = Posts({"UNIT_WORKER"}, "u-sanitation")};
inline const ActorView kStranger{.subject = "roads-01", .posts = Posts({"UNIT_WORKER"}, "u-roads")};
inline const ActorView kPolicy{.subject = "policy:open_case", .posts = {}};

inline const std::string kPlace = "location {latitude: 30.3000 longitude: 119.9630} ";
inline const std::string kDigest = "sha256: '0123456789abcdef0123456789abcdef' ";
inline const std::string kPhotoAfter = "photos {uri: 'uploads/u-after' kind: KIND_AFTER " + kDigest + "} ";
inline const std::string kPhotoNear = "photos {uri: 'uploads/u-near' kind: KIND_NEAR " + kDigest + "} ";

// A time as a field's value: Ts("16:03") is that Wednesday's.
inline std::string Ts(std::string_view time) {
  return "{seconds: " + std::to_string(absl::ToUnixSeconds(gwt::At(time))) + "}";
}

// A command about the row's first case.
inline std::string Cmd(const std::string& command, const std::string& fields = "") {
  return command + " {name: 'cases/$1' " + fields + "}";
}

// Each adds its step to what comes before it.
inline gwt::Steps Opened(const std::string& class_code = "E0110") {
  return {gwt::Did("open_case {source: REPORT_SOURCE_COLLECTOR class_code: '" + class_code +
                       "' text: '路口有一堆垃圾' " + kPlace + "} home_cell: '344c01'",
                   "10:00", kCollector)};
}
inline gwt::Steps Accepted(const std::string& class_code = "E0110") {
  return gwt::Given(Opened(class_code), gwt::Did(Cmd("accept_case"), "10:01", kRegistrar));
}
inline gwt::Steps Registered(const std::string& class_code = "E0110", const std::string& condition = "1") {
  return gwt::Given(Accepted(class_code),
                    gwt::Did(Cmd("register_case", "condition_id: '" + condition + "'"), "10:02", kRegistrar));
}
// Due at 16:03: 1 h 57 min before noon, the rest from 14:00 on.
inline gwt::Steps Dispatched(const std::string& class_code = "E0110", const std::string& condition = "1") {
  return gwt::Given(Registered(class_code, condition), gwt::Did(Cmd("dispatch_case"), "10:03", kDispatcher));
}
inline gwt::Steps Signed() { return gwt::Given(Dispatched(), gwt::Did(Cmd("sign_case"), "10:10", kWorker)); }
inline gwt::Steps Started() { return gwt::Given(Signed(), gwt::Did(Cmd("start_disposal"), "10:20", kWorker)); }
inline gwt::Steps FedBack() {
  return gwt::Given(Started(), gwt::Did(Cmd("submit_feedback", kPhotoAfter), "11:00", kWorker));
}
inline gwt::Steps Closed(const gwt::Steps& before = FedBack()) {
  return gwt::Given(before, gwt::Did(Cmd("inspect_case", "passed: true " + kPhotoNear), "11:10", kInspector));
}
// A citizen whose token is known reported the same: there is somebody to ask how it went.
inline gwt::Steps FedBackAndReported() {
  return gwt::Given(FedBack(), gwt::Did("open_case_from_report {report: 'reports/r9' source: REPORT_SOURCE_CITIZEN_APP "
                                        "masked_text: '一堆垃圾' class_code: 'E0110' reporter_token: 'p-9' " +
                                            kPlace + "reported_at " + Ts("11:04") + "} home_cell: '344c01'",
                                        "11:05", kPolicy));
}

}  // namespace civicmesh::dispatch
