// For tests: the calendar of deploy/sample, and times as a table writes them.
#pragma once

#include <fstream>
#include <sstream>
#include <string>

#include "absl/time/time.h"
#include "civicmesh/reference/v1/reference.pb.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "services/runtime/workcalendar/work_calendar.h"

namespace civicmesh {

inline reference::v1::WorkCalendar Message2026() {
  std::ifstream file(CIVICMESH_SAMPLE "/calendar-2026.json");
  std::stringstream text;
  text << file.rdbuf();
  reference::v1::WorkCalendar message;
  const auto status = google::protobuf::util::JsonStringToMessage(text.str(), &message);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return message;
}

inline const WorkCalendar& Calendar2026() {
  static const WorkCalendar calendar = WorkCalendar::Make(Message2026()).value();
  return calendar;
}

// "2026-09-30 16:30" or "2026-09-30 16:30:10", local time.
inline absl::Time At(std::string text) {
  if (text.size() == 16) text += ":00";
  absl::Time t;
  std::string error;
  EXPECT_TRUE(absl::ParseTime("%Y-%m-%d %H:%M:%E*S", text, WorkCalendar::Zone(), &t, &error)) << text << ": " << error;
  return t;
}

inline std::string Text(absl::Time t) { return absl::FormatTime("%Y-%m-%d %H:%M:%E*S", t, WorkCalendar::Zone()); }

}  // namespace civicmesh
