// What a replay is fed with: the sample's reports and activities, citizens' messages, answered messages, service
// requests of another city. Each becomes one list of reports with times in the calendar's year; what had to be changed
// and what cannot be used is counted in words.
//
//   auto input = ReadInput("messages.jsonl", text, mapping);
//
// Pure functions over the text of files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "civicmesh/type/v1/type.pb.h"
#include "services/civicctl/replay/mapping.h"

namespace civicmesh::civicctl {

// Counts in words, in the order in which they first came.
class Tally {
 public:
  void Add(const std::string& what, int64_t n = 1);
  int64_t operator[](std::string_view what) const;
  const std::vector<std::pair<std::string, int64_t>>& rows() const { return rows_; }

 private:
  std::vector<std::pair<std::string, int64_t>> rows_;
};

// What a camera's model said.
struct InputAlert {
  std::string camera;
  std::string detected;  // a minor class
  int confidence = 0;    // 0 to 100
  double box[4] = {};    // left, top, width, height
};

struct InputReport {
  std::string id;
  type::v1::ReportSource source = type::v1::REPORT_SOURCE_CITIZEN_APP;
  absl::Time at;
  std::string text;
  std::vector<std::string> more;  // the rest of a text that is longer than a report may be: to be added to it
  std::string place;
  std::string reporter;  // a citizen's or collector's subject; "" where nobody says who
  int photos = 0;
  std::optional<type::v1::GeoPoint> location;  // as it came with the report
  type::v1::GeoPoint found;                    // where it is, or where staff will find it to be
  bool outside = false;
  // The minor classes that a clerk would choose from: none that it is no matter for the city; unset where the input
  // does not say.
  std::optional<std::vector<std::string>> classes;
  bool repeats = false;  // the input says that it was reported before
  std::optional<InputAlert> alert;
};

struct InputSignUp {
  std::string person;
  absl::Time at;
  std::optional<int> age;
  bool guardian_consent = false;
  std::string refused;  // "FULL", "TOO_YOUNG"; "" where it is taken
  bool absent = false;
  absl::Time check_in, check_out;
  int minutes = 0;
};

struct InputActivity {
  std::string id, title_zh, organiser, place_zh, risks_zh;
  type::v1::GeoPoint location;
  absl::Time published_at, starts_at, ends_at;
  int capacity = 0, minimum_age = 0;
  bool insured = false;
  std::vector<InputSignUp> sign_ups;
};

// How long the people behind the input waited.
struct Before {
  std::vector<absl::Duration> answered_after;  // sorted once read
  int64_t asked = 0;                           // with and without an answer
  int64_t due = 0, on_time = 0;                // where the input names a due time
};

struct Input {
  std::string what;
  std::vector<InputReport> reports;  // in the order of time
  std::vector<InputActivity> activities;
  Before before;
  Tally notes;     // what was changed
  Tally unusable;  // what was left out, by reason
};

// By the look of it: a CSV file is service requests; JSON lines are the sample's reports (reported_at), answered
// messages (reply_time) or messages (time). INVALID_ARGUMENT: none of these; the message says what was expected. A line
// that does not parse or lacks something is counted in `unusable`.
absl::StatusOr<Input> ReadInput(const std::string& name, std::string_view text, const Mapping& mapping);
// Adds the sample's activities.
absl::Status ReadActivities(std::string_view text, Input& input);

// Moved by whole weeks into the 44 weeks from 2026-01-05, weekday and hour kept.
absl::Time ShiftIntoCalendar(absl::Time at);

}  // namespace civicmesh::civicctl
