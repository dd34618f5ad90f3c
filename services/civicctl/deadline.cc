#include "services/civicctl/deadline.h"

#include <google/protobuf/util/json_util.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "civicmesh/reference/v1/reference.pb.h"
#include "services/civicctl/files.h"
#include "services/civicctl/sample_calendar.h"
#include "services/runtime/workcalendar/explain.h"
#include "services/runtime/workcalendar/work_calendar.h"

namespace civicmesh::civicctl {
namespace {

struct Options {
  std::string from;
  std::string limit;
  std::string calendar;
};

absl::StatusOr<std::string> CalendarText(const std::string& file) {
  if (file.empty()) return std::string(kSampleCalendar);
  return ReadFile(file);
}

absl::StatusOr<WorkCalendar> ReadCalendar(const std::string& file) {
  auto text = CalendarText(file);
  if (!text.ok()) return text.status();
  reference::v1::WorkCalendar message;
  const auto parsed = google::protobuf::util::JsonStringToMessage(*text, &message);
  if (!parsed.ok())
    return absl::InvalidArgumentError(
        absl::StrCat(file, " is no calendar (as deploy/sample/calendar-2026.json): ", parsed.message().as_string()));
  return WorkCalendar::Make(message);
}

absl::Status Deadline(const Options& options, std::ostream& out) {
  absl::Time from;
  std::string why;
  if (!absl::ParseTime(absl::RFC3339_full, options.from, &from, &why))
    return absl::InvalidArgumentError(
        absl::StrCat("--from ", options.from, " is no time; write it as 2026-09-30T16:30:00+08:00"));
  auto limit = ParseTimeLimit(options.limit);
  if (!limit.ok()) return limit.status();
  auto calendar = ReadCalendar(options.calendar);
  if (!calendar.ok()) return calendar.status();

  for (const std::string& line : ExplainDeadline(*calendar, from, *limit)) out << line << "\n";
  const WorkCalendar::Deadline due = calendar->AddLimit(from, *limit);
  if (due.provisional)
    out << "PROVISIONAL " << due.reason << "\n";
  else
    out << absl::FormatTime("%Y-%m-%dT%H:%M:%E*S%Ez", due.at, WorkCalendar::Zone()) << "\n";
  return absl::OkStatus();
}

}  // namespace

Command DeadlineCommand() {
  return {"deadline", "count when a time limit (时限) runs out", [](CLI::App& app) {
            auto options = std::make_shared<Options>();
            app.add_option("--from", options->from, "when the clock starts, as 2026-09-30T16:30:00+08:00")->required();
            app.add_option("--limit", options->limit, "as 4工作时, 2紧急工作时, 1工作日, 5自然日")->required();
            app.add_option("--calendar", options->calendar, "a calendar file; the sample's year 2026 where not given");
            return [options](std::ostream& out) { return Deadline(*options, out); };
          }};
}

}  // namespace civicmesh::civicctl
