#include "services/civicctl/replay/input.h"

#include <libfccp/csv.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/runtime/personal/utf8.h"

namespace civicmesh::civicctl {
namespace {

using nlohmann::json;
using type::v1::GeoPoint;

// As intake takes them: characters of a text and of a place, and how often something may be added to a report.
constexpr size_t kMaxText = 2000, kMaxPlace = 200, kMaxAdded = 20;
constexpr char kWithoutCoordinates[] =
    "without coordinates: staff locate them at the centre of a unit grid (what is of one class there within 24 hours "
    "merges)";
constexpr int kWeeks = 44;
constexpr absl::Duration kWeek = absl::Hours(7 * 24);

absl::TimeZone Shanghai() { return absl::FixedTimeZone(8 * 60 * 60); }
absl::Time FirstMonday() { return absl::FromCivil(absl::CivilDay(2026, 1, 5), Shanghai()); }

std::string Text(const json& line, const char* key) {
  const auto at = line.find(key);
  return at != line.end() && at->is_string() ? at->get<std::string>() : "";
}

double Number(const json& line, const char* key) {
  const auto at = line.find(key);
  return at != line.end() && at->is_number() ? at->get<double>() : 0;
}

bool Flag(const json& line, const char* key) {
  const auto at = line.find(key);
  return at != line.end() && at->is_boolean() && at->get<bool>();
}

bool ParseTime(const std::string& text, absl::Time* to) {
  return absl::ParseTime(absl::RFC3339_full, text, to, nullptr);
}

GeoPoint Point(double latitude, double longitude) {
  GeoPoint point;
  point.set_latitude(latitude);
  point.set_longitude(longitude);
  return point;
}

bool EndsSentence(char32_t c) { return std::u32string_view(U"。!?;\n").find(c) != std::u32string_view::npos; }

bool InWord(char32_t c) { return c < 0x80 && absl::ascii_isalnum(static_cast<unsigned char>(c)); }

// Where the piece from `from` on ends: behind the last sentence that fits, where that leaves no short piece; else not
// within a number or word, which can only be masked whole.
size_t EndOfPiece(const std::vector<Character>& characters, size_t from) {
  const size_t most = from + kMaxText;
  if (most >= characters.size()) return characters.size();
  for (size_t end = most; end > from + kMaxText / 2; --end)
    if (EndsSentence(characters[end - 1].code)) return end;
  size_t end = most;
  while (end > from + kMaxText / 2 && InWord(characters[end - 1].code) && InWord(characters[end].code)) --end;
  return end;
}

// In pieces of at most kMaxText characters, none of blanks alone.
std::vector<std::string> Pieces(std::string_view text) {
  const std::vector<Character> characters = Characters(text);
  std::vector<std::string> pieces;
  for (size_t from = 0; from < characters.size();) {
    const size_t end = EndOfPiece(characters, from);
    const size_t begin = characters[from].begin;
    const std::string_view piece = text.substr(begin, characters[end - 1].end - begin);
    if (!Trim(piece).empty()) pieces.emplace_back(piece);
    from = end;
  }
  return pieces;
}

// Nothing that a citizen wrote is left out: what does not fit into a report is added to it at once (补充).
void TakeText(InputReport& report, Input& input) {
  std::vector<std::string> pieces = Pieces(report.text);
  if (pieces.size() < 2) return;
  input.notes.Add(absl::StrCat("texts longer than ", kMaxText, " characters: the rest added to the report 补充"));
  report.text = pieces.front();
  report.more.assign(pieces.begin() + 1, pieces.end());
  if (report.more.size() <= kMaxAdded) return;
  input.notes.Add(absl::StrCat("texts of which all beyond ", kMaxAdded, " additions was cut off"));
  report.more.resize(kMaxAdded);
}

void Take(InputReport report, Input& input) {
  const absl::Time shifted = ShiftIntoCalendar(report.at);
  if (shifted != report.at) input.notes.Add("times moved by whole weeks into 2026 (weekday and hour kept)");
  report.at = shifted;
  TakeText(report, input);
  if (const auto place = Characters(report.place); place.size() > kMaxPlace)
    report.place.resize(place[kMaxPlace].begin);
  if (!report.location && !report.alert) input.notes.Add(kWithoutCoordinates);
  if (report.reporter.empty() && !report.alert) input.notes.Add("reported anonymously or by a device");
  input.reports.push_back(std::move(report));
}

// Whether its class is sought, and where it lies, is what the line says; `why` is set where it cannot be used.
std::optional<InputReport> SampleReport(const json& line, const Mapping& mapping, Input&, std::string* why) {
  InputReport report{.id = Text(line, "id"),
                     .text = Text(line, "text"),
                     .place = Text(line, "place"),
                     .reporter = Text(line, "reporter"),
                     .photos = static_cast<int>(Number(line, "photos")),
                     .outside = Flag(line, "outside"),
                     .repeats = line.contains("duplicate_of")};
  if (!type::v1::ReportSource_Parse("REPORT_SOURCE_" + Text(line, "source"), &report.source))
    *why = "an unknown source";
  if (!ParseTime(Text(line, "reported_at"), &report.at)) *why = "reported_at is no time";
  const std::string code = Text(line, "class");
  report.classes = code.empty() ? std::vector<std::string>() : std::vector{code};
  if (line.contains("latitude")) report.location = Point(Number(line, "latitude"), Number(line, "longitude"));
  report.found = report.location ? *report.location : mapping.PlaceInWords(report.id, report.place, report.text);
  if (report.source == type::v1::REPORT_SOURCE_VIDEO) {
    InputAlert alert{.camera = Text(line, "camera"),
                     .detected = Text(line, "detected"),
                     .confidence = static_cast<int>(std::lround(Number(line, "confidence") * 100))};
    const json box = line.value("box", json());
    for (size_t i = 0; i < 4 && box.is_array() && i < box.size(); ++i)
      if (box[i].is_number()) alert.box[i] = box[i].get<double>();
    report.alert = alert;
  }
  return report;
}

GeoPoint PlaceIn(const std::string& street, const std::string& id, const Mapping& mapping, Input& input) {
  input.notes.Add(street.empty() ? "places that mapping.json cannot lead to a street: anywhere in the district"
                                 : "places of another city led to a street of the district by mapping.json");
  return mapping.CentreIn(street, id);
}

std::optional<InputReport> Message(const json& line, const Mapping& mapping, Input& input, std::string* why) {
  const std::string subject = Text(line, "subject"), text = Text(line, "text"), label = Text(line, "label");
  InputReport report{.id = Text(line, "id"),
                     .text = subject.empty() || text.empty() ? subject + text : absl::StrCat(subject, "\n", text),
                     .reporter = Text(line, "user")};
  absl::Time asked, replied;
  if (!ParseTime(Text(line, "time"), &asked)) {
    *why = "time is no time";
    return std::nullopt;
  }
  if (line.contains("reply_time")) {
    ++input.before.asked;
    if (ParseTime(Text(line, "reply_time"), &replied) && replied >= asked)
      input.before.answered_after.push_back(replied - asked);
    else
      input.notes.Add("answers before the question, or without a time: not counted in \"before\"");
  }
  report.at = asked;
  report.found = PlaceIn(mapping.StreetOfMessage(subject, text), report.id, mapping, input);
  if (!label.empty()) report.classes = mapping.ClassesOfLabel(label);
  return report;
}

void ReadLines(std::string_view text, const Mapping& mapping, Input& input,
               std::optional<InputReport> (*read)(const json&, const Mapping&, Input&, std::string*)) {
  std::set<std::string> ids;
  for (absl::string_view line :
       absl::StrSplit(absl::string_view(text.data(), text.size()), '\n', absl::SkipWhitespace())) {
    const json parsed = json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
    if (!parsed.is_object()) {
      input.unusable.Add("not a JSON object");
      continue;
    }
    std::string why;
    const std::string id = Text(parsed, "id");
    if (Text(parsed, "subject").empty() && Text(parsed, "text").empty()) why = "without a text";
    if (why.empty() && (id.empty() || ids.count(id))) why = "without an id of its own";
    // Only now, for it counts what it changes.
    auto report = why.empty() ? read(parsed, mapping, input, &why) : std::nullopt;
    if (!why.empty()) {
      input.unusable.Add(why);
      continue;
    }
    ids.insert(id);
    Take(*std::move(report), input);
  }
}

// 06/26/2018 10:58:54 AM, taken as local time.
bool ParseRequestTime(const std::string& text, absl::Time* to) {
  return absl::ParseTime("%m/%d/%Y %I:%M:%S %p", text, Shanghai(), to, nullptr);
}

struct RequestRow {
  std::string key, created, closed, due, kind, descriptor, address, borough, channel;
};

// The library throws; nothing of it leaves this function.
absl::StatusOr<std::vector<RequestRow>> ReadRequestRows(const std::string& name, std::string_view text) {
  std::vector<RequestRow> rows;
  try {
    std::istringstream in{std::string(text)};
    io::CSVReader<9, io::trim_chars<' ', '\t'>, io::double_quote_escape<',', '"'>> reader(name, in);
    reader.read_header(io::ignore_extra_column, "Unique Key", "Created Date", "Closed Date", "Due Date",
                       "Complaint Type", "Descriptor", "Incident Address", "Borough", "Open Data Channel Type");
    RequestRow row;
    while (reader.read_row(row.key, row.created, row.closed, row.due, row.kind, row.descriptor, row.address,
                           row.borough, row.channel))
      rows.push_back(row);
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": ", error.what()));
  }
  return rows;
}

void CountBefore(const RequestRow& row, absl::Time created, Before& before) {
  absl::Time closed, due;
  ++before.asked;
  const bool has_closed = ParseRequestTime(row.closed, &closed) && closed >= created;
  if (has_closed) before.answered_after.push_back(closed - created);
  if (ParseRequestTime(row.due, &due)) {
    ++before.due;
    before.on_time += has_closed && closed <= due;
  }
}

absl::Status ReadRequests(std::string_view text, const Mapping& mapping, Input& input) {
  auto rows = ReadRequestRows(input.what, text);
  if (!rows.ok()) return rows.status();
  std::set<std::string> ids;
  for (const RequestRow& row : *rows) {
    InputReport report{.id = row.key, .text = absl::StrCat(row.kind, ": ", row.descriptor), .place = row.address};
    if (!ParseRequestTime(row.created, &report.at)) {
      input.unusable.Add("Created Date is no time");
      continue;
    }
    if (report.id.empty() || !ids.insert(report.id).second) {
      input.unusable.Add("without a key of its own");
      continue;
    }
    CountBefore(row, report.at, input.before);
    if (row.channel == "PHONE") report.source = type::v1::REPORT_SOURCE_HOTLINE_12345;
    report.found = PlaceIn(mapping.StreetOfRequest(row.borough), report.id, mapping, input);
    const auto code = mapping.ClassOfRequest(row.kind);
    if (code) report.classes = std::vector{*code};
    input.notes.Add(code ? "complaint types led to a minor class by mapping.json"
                         : "complaint types that mapping.json does not know: the clerk's own choice");
    Take(std::move(report), input);
  }
  input.notes.Add("coordinates of another city: left out", static_cast<int64_t>(input.reports.size()));
  return absl::OkStatus();
}

InputSignUp SignUp(const json& in) {
  InputSignUp out{.person = Text(in, "person"),
                  .guardian_consent = Flag(in, "guardian_consent"),
                  .refused = Text(in, "refused"),
                  .absent = Flag(in, "absent"),
                  .check_in = absl::InfinitePast(),
                  .check_out = absl::InfinitePast(),
                  .minutes = static_cast<int>(Number(in, "minutes"))};
  ParseTime(Text(in, "at"), &out.at);
  if (in.contains("age")) out.age = static_cast<int>(Number(in, "age"));
  ParseTime(Text(in, "check_in"), &out.check_in);
  ParseTime(Text(in, "check_out"), &out.check_out);
  return out;
}

}  // namespace

void Tally::Add(const std::string& what, int64_t n) {
  for (auto& [known, count] : rows_) {
    if (known != what) continue;
    count += n;
    return;
  }
  rows_.emplace_back(what, n);
}

int64_t Tally::operator[](std::string_view what) const {
  for (const auto& [known, count] : rows_)
    if (known == what) return count;
  return 0;
}

absl::Time ShiftIntoCalendar(absl::Time at) {
  const absl::Duration since = at - FirstMonday();
  absl::Duration within;
  const int64_t week = absl::IDivDuration(since, kWeek, &within);
  // Before the first Monday, division truncates towards it.
  const bool before = within < absl::ZeroDuration();
  const int64_t whole = before ? week - 1 : week;
  const int64_t target = ((whole % kWeeks) + kWeeks) % kWeeks;
  return at + (target - whole) * kWeek;
}

absl::StatusOr<Input> ReadInput(const std::string& name, std::string_view text, const Mapping& mapping) {
  Input input{.what = name};
  const absl::string_view first = absl::string_view(text.data(), std::min(text.size(), text.find('\n')));
  const json line = json::parse(first.begin(), first.end(), nullptr, /*allow_exceptions=*/false);
  if (line.is_object() && line.contains("reported_at")) {
    ReadLines(text, mapping, input, SampleReport);
  } else if (line.is_object() && line.contains("time") && line.contains("text")) {
    ReadLines(text, mapping, input, Message);
  } else if (absl::StrContains(first, "Unique Key") && absl::StrContains(first, "Complaint Type")) {
    if (auto status = ReadRequests(text, mapping, input); !status.ok()) return status;
  } else {
    return absl::InvalidArgumentError(absl::StrCat(
        name,
        " is no input that can be replayed: expected are JSON lines with reported_at (as deploy/sample/reports.jsonl) "
        "or with time and text (citizens' messages), or a CSV file with Unique Key and Complaint Type (service "
        "requests)"));
  }
  std::sort(input.reports.begin(), input.reports.end(),
            [](const InputReport& a, const InputReport& b) { return std::tie(a.at, a.id) < std::tie(b.at, b.id); });
  std::sort(input.before.answered_after.begin(), input.before.answered_after.end());
  return input;
}

absl::Status ReadActivities(std::string_view text, Input& input) {
  for (absl::string_view line :
       absl::StrSplit(absl::string_view(text.data(), text.size()), '\n', absl::SkipWhitespace())) {
    const json in = json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
    if (!in.is_object()) return absl::InvalidArgumentError("volunteering.jsonl: a line is no JSON object");
    InputActivity out{.id = Text(in, "id"),
                      .title_zh = Text(in, "title_zh"),
                      .organiser = Text(in, "organiser"),
                      .place_zh = Text(in, "place_zh"),
                      .risks_zh = Text(in, "risks_zh"),
                      .location = Point(Number(in, "latitude"), Number(in, "longitude")),
                      .capacity = static_cast<int>(Number(in, "capacity")),
                      .minimum_age = static_cast<int>(Number(in, "minimum_age")),
                      .insured = Flag(in, "insured")};
    if (!ParseTime(Text(in, "published_at"), &out.published_at) || !ParseTime(Text(in, "starts_at"), &out.starts_at) ||
        !ParseTime(Text(in, "ends_at"), &out.ends_at))
      return absl::InvalidArgumentError(absl::StrCat("volunteering.jsonl: ", out.id, " lacks a time"));
    const auto sign_ups = in.find("signups");
    if (sign_ups != in.end() && sign_ups->is_array())
      for (const auto& sign_up : *sign_ups) out.sign_ups.push_back(SignUp(sign_up));
    input.activities.push_back(std::move(out));
  }
  return absl::OkStatus();
}

}  // namespace civicmesh::civicctl
