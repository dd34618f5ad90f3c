#include "services/civicctl/replay/input.h"

#include <google/protobuf/util/json_util.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace civicmesh::civicctl {
namespace {

using testing::ElementsAre;
using testing::Pair;

absl::TimeZone Shanghai() { return absl::FixedTimeZone(8 * 3600); }
absl::Time At(int year, int month, int day, int hour) {
  return absl::FromCivil(absl::CivilHour(year, month, day, hour), Shanghai());
}

std::string SampleFile(const std::string& name) {
  std::ifstream file(absl::StrCat(CIVICMESH_SAMPLE, "/", name));
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

const reference::v1::District& SampleDistrict() {
  static const auto* district = [] {
    auto* d = new reference::v1::District;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(SampleFile("district.json"), d).ok());
    return d;
  }();
  return *district;
}

Mapping SampleMapping() { return Mapping::Make(SampleFile("mapping.json"), SampleDistrict()).value(); }

std::string StreetOf(const type::v1::GeoPoint& centre) {
  for (const auto& grid : SampleDistrict().grids()) {
    double latitude = 0;
    for (const auto& corner : grid.ring()) latitude += corner.latitude() / grid.ring_size();
    if (std::abs(latitude - centre.latitude()) < 1e-9) {
      double longitude = 0;
      for (const auto& corner : grid.ring()) longitude += corner.longitude() / grid.ring_size();
      if (std::abs(longitude - centre.longitude()) < 1e-9) return grid.code().substr(0, 9);
    }
  }
  return "";
}

TEST(Shift, KeepsWeekdayAndHourAndMovesIntoTheCalendar) {
  for (const absl::Time at : {At(2011, 8, 3, 18), At(2017, 6, 8, 17), At(2019, 7, 19, 9), At(2020, 1, 26, 19),
                              At(2025, 12, 31, 23), At(2026, 12, 30, 0), At(2030, 2, 2, 2)}) {
    const absl::Time moved = ShiftIntoCalendar(at);
    EXPECT_EQ((moved - at) % absl::Hours(168), absl::ZeroDuration());
    EXPECT_GE(moved, At(2026, 1, 5, 0)) << at;
    EXPECT_LT(moved, At(2026, 11, 9, 0)) << at;
  }
  EXPECT_EQ(ShiftIntoCalendar(At(2026, 9, 14, 8)), At(2026, 9, 14, 8)) << "what lies within stays";
  EXPECT_EQ(ShiftIntoCalendar(At(2026, 1, 4, 23)), At(2026, 11, 8, 23));
}

TEST(ReadInput, TheSampleIsUsedWhole) {
  auto input = ReadInput("reports.jsonl", SampleFile("reports.jsonl"), SampleMapping());
  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(input->reports.size(), 633u);
  EXPECT_TRUE(input->unusable.rows().empty());
  EXPECT_EQ(
      input->notes["without coordinates: staff locate them at the centre of a unit grid (what is of one class there "
                   "within 24 hours merges)"],
      67);
  int alerts = 0, outside = 0, repeats = 0;
  for (const auto& report : input->reports) {
    alerts += report.alert.has_value();
    outside += report.outside;
    repeats += report.repeats;
    ASSERT_TRUE(report.classes.has_value());
  }
  EXPECT_EQ(alerts, 48);
  EXPECT_EQ(outside, 9);
  EXPECT_EQ(repeats, 55);
  EXPECT_EQ(input->reports.front().id, "s0001");
  ASSERT_TRUE(ReadActivities(SampleFile("volunteering.jsonl"), *input).ok());
  EXPECT_EQ(input->activities.size(), 10u);
  EXPECT_EQ(input->activities[0].sign_ups[8].refused, "FULL");
}

TEST(ReadInput, MessagesAreLedToAStreetAndTheirTimesMoved) {
  const std::string lines =
      R"({"id":"7","user":"A1","subject":"A3区路灯坏了","time":"2019-07-19T18:19:54+08:00","text":"B市","label":"教育文体"})"
      "\n"
      R"({"id":"8","user":"A2","subject":"路灯坏了","time":"2026-07-19T18:19:54+08:00","text":"没有地名"})"
      "\n{\"id\":\"8\",\"time\":\"2019-07-19T18:19:54+08:00\",\"text\":\"again\"}\n"
      R"({"id":"9","time":"yesterday","text":"x"})"
      "\nnot json\n";
  auto input = ReadInput("m", lines, SampleMapping());
  ASSERT_TRUE(input.ok()) << input.status();
  ASSERT_EQ(input->reports.size(), 2u);
  const InputReport& first = input->reports[0].id == "7" ? input->reports[0] : input->reports[1];
  EXPECT_EQ(first.text, "A3区路灯坏了\nB市");
  EXPECT_EQ(StreetOf(first.found), "990101002") << "the longest key of the first area, in the subject";
  EXPECT_THAT(first.classes.value(), ElementsAre("E0697"));
  EXPECT_EQ(absl::ToCivilHour(first.at, Shanghai()).year(), 2026);
  EXPECT_EQ(input->notes["times moved by whole weeks into 2026 (weekday and hour kept)"], 1);
  EXPECT_THAT(input->unusable.rows(), ElementsAre(Pair("without an id of its own", 1), Pair("time is no time", 1),
                                                  Pair("not a JSON object", 1)));
}

// A sentence that does not fit any more, and a number across the end of what fits.
TEST(ReadInput, WhatDoesNotFitIntoAReportIsAddedToIt) {
  const auto times = [](int count, const char* what) {
    std::string text;
    for (int i = 0; i < count; ++i) text += what;
    return text;
  };
  const std::string first = times(1500, "字") + "。", second = times(1995, "路"),
                    third = "13800000007" + times(30, "灯");
  const std::string line =
      absl::StrCat(R"({"id":"1","user":"A","time":"2026-04-25T09:00:00+08:00","text":")", first, second, third, "\"}");
  auto input = ReadInput("m", line, SampleMapping());
  ASSERT_TRUE(input.ok()) << input.status();
  ASSERT_EQ(input->reports.size(), 1u);
  EXPECT_EQ(input->reports[0].text, first);
  EXPECT_THAT(input->reports[0].more, ElementsAre(second, third));
  EXPECT_EQ(input->notes["texts longer than 2000 characters: the rest added to the report 补充"], 1);
}

TEST(ReadInput, AnswersAreTheBefore) {
  const std::string lines =
      R"({"id":"1","user":"A","subject":"s","time":"2019-04-25T09:00:00+08:00","text":"t","reply":"r","reply_time":"2019-04-27T09:00:00+08:00"})"
      "\n"
      R"({"id":"2","user":"A","subject":"s","time":"2019-04-25T09:00:00+08:00","text":"t","reply":"r","reply_time":"2019-04-24T09:00:00+08:00"})";
  auto input = ReadInput("r", lines, SampleMapping());
  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(input->before.asked, 2);
  EXPECT_THAT(input->before.answered_after, ElementsAre(absl::Hours(48)));
}

TEST(ReadInput, ServiceRequestsOfAnotherCity) {
  const std::string csv =
      "Unique Key,Created Date,Closed Date,Due Date,Agency,Complaint Type,Descriptor,Incident Address,Borough,Open "
      "Data Channel "
      "Type\n"
      "1,06/26/2018 10:58:54 AM,06/26/2018 12:50:01 PM,06/26/2018 06:58:54 PM,NYPD,Illegal Parking,\"Blocked, both "
      "sides\",\"1, 97 "
      "STREET\",QUEENS,PHONE\n"
      "2,06/26/2018 10:58:54 AM,,06/26/2018 06:58:54 PM,NYPD,Unheard Of,x,,BROOKLYN,ONLINE\n"
      "3,soon,,,NYPD,Noise,x,,BROOKLYN,ONLINE\n";
  auto input = ReadInput("nyc.csv", csv, SampleMapping());
  ASSERT_TRUE(input.ok()) << input.status();
  ASSERT_EQ(input->reports.size(), 2u);
  EXPECT_EQ(input->reports[0].text, "Illegal Parking: Blocked, both sides");
  EXPECT_EQ(input->reports[0].source, type::v1::REPORT_SOURCE_HOTLINE_12345);
  EXPECT_THAT(input->reports[0].classes.value(), ElementsAre("E0409"));
  EXPECT_EQ(StreetOf(input->reports[0].found), "990101003");
  EXPECT_FALSE(input->reports[1].classes.has_value());
  EXPECT_EQ(input->before.due, 2);
  EXPECT_EQ(input->before.on_time, 1);
  EXPECT_THAT(input->unusable.rows(), ElementsAre(Pair("Created Date is no time", 1)));
}

TEST(ReadInput, SaysWhatItExpects) {
  EXPECT_FALSE(ReadInput("x", "a,b,c\n1,2,3\n", SampleMapping()).ok());
  EXPECT_FALSE(ReadInput("x", "", SampleMapping()).ok());
}

TEST(Mapping, WordsOfTheDistrictLeadToTheirRoadOrCommunity) {
  const Mapping mapping = SampleMapping();
  const auto community = mapping.PlaceInWords("s1", "学林社区38幢旁边", "");
  EXPECT_EQ(StreetOf(community), "990101001");
  EXPECT_NE(StreetOf(mapping.PlaceInWords("s2", "澜庭路565号", "")), "");
  EXPECT_NE(StreetOf(mapping.PlaceInWords("s3", "某处", "")), "") << "anywhere in the district";
}

TEST(Mapping, SaysWhatIsWrong) {
  EXPECT_FALSE(Mapping::Make("{}", SampleDistrict()).ok());
  EXPECT_FALSE(Mapping::Make("no json", SampleDistrict()).ok());
}

}  // namespace
}  // namespace civicmesh::civicctl
