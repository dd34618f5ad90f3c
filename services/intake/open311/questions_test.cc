#include "services/intake/open311/questions.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>

#include "absl/time/time.h"
#include "civicmesh/intake/v1/open311_service.pb.h"
#include "civicmesh/reference/v1/reference.pb.h"

namespace civicmesh::intake::open311 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

reference::v1::Standard Standard() {
  reference::v1::Standard standard;
  google::protobuf::TextFormat::ParseFromString(
      R"pb(
        version: "2026-1"
        classes {
          code: "E0110"
          name_zh: "暴露垃圾"
          conditions { id: "1" text_zh: "零散" }
          conditions { id: "2" text_zh: "成堆" }
        })pb",
      &standard);
  return standard;
}

// What is wrong with a form, as "404 …" each.
std::vector<std::string> WrongWith(const std::string& body) {
  Problems problems;
  const bool read = ReadPost(*DecodeForm(body), Standard(), &problems).has_value();
  EXPECT_EQ(read, problems.empty()) << body;
  std::vector<std::string> out;
  for (const auto& [code, text] : problems) out.push_back(std::to_string(code) + " " + text);
  return out;
}

Posted Read(const std::string& body) {
  Problems problems;
  auto posted = ReadPost(*DecodeForm(body), Standard(), &problems);
  EXPECT_THAT(problems, IsEmpty()) << body;
  return posted.value_or(Posted());
}

TEST(PostTest, BecomesAReport) {
  const Posted posted = Read(
      "api_key=k&service_code=E0110&lat=30.3&long=119.97&address_string=望湖路525号&description= 没人收 "
      "&attribute[condition]=2&attribute[place]=路口&media_url=https://p.test/1.jpg?a%3D1");
  EXPECT_EQ(posted.class_code, "E0110");
  EXPECT_EQ(posted.report.text(), "没人收\n情形：成堆\n图片链接：https://p.test/1.jpg?a=1");
  EXPECT_EQ(posted.report.place_text(), "望湖路525号；路口");
  EXPECT_EQ(posted.report.location().latitude(), 30.3);
  EXPECT_EQ(posted.report.location().longitude(), 119.97);
  EXPECT_EQ(posted.report.source(), type::v1::REPORT_SOURCE_CITIZEN_APP);
}

TEST(PostTest, ADescriptionMayBeLeftOutWhereTheServiceSaysWhatItIs) {
  EXPECT_EQ(Read("service_code=E0110&address_id=7").report.text(), "暴露垃圾");
  EXPECT_EQ(Read("service_code=E0110&address_id=7").report.place_text(), "address_id 7");
  EXPECT_FALSE(Read("service_code=E0110&address_id=7").report.has_location());
  EXPECT_THAT(WrongWith("service_code=other&address_id=7"), ElementsAre(HasSubstr("400 缺少 description")));
  EXPECT_EQ(Read("service_code=other&address_id=7&description=x").class_code, "");
}

// docs/adr/0008: the contact is sealed further on; of the device and the account nothing goes on.
TEST(PostTest, WhoReportsIsTheContactAndNothingElse) {
  const Posted posted = Read(
      "service_code=E0110&lat=1&long=2&description=x&email=a%40b.test&first_name=San&last_name=Zhang&phone=13800000058"
      "&device_id=d1&account_id=acc1");
  Posted same = Read("service_code=E0110&lat=1&long=2&description=x");
  EXPECT_EQ(posted.report.contact().name(), "San Zhang");
  EXPECT_EQ(posted.report.contact().phone(), "13800000058");
  EXPECT_EQ(posted.report.contact().email(), "a@b.test");
  EXPECT_FALSE(same.report.has_contact());
  *same.report.mutable_contact() = posted.report.contact();
  EXPECT_EQ(posted.report.SerializeAsString(), same.report.SerializeAsString());
}

TEST(PostTest, SaysAllThatIsWrong) {
  EXPECT_THAT(WrongWith(""), ElementsAre(HasSubstr("400 缺少 service_code"), HasSubstr("400 缺少位置"),
                                         HasSubstr("400 缺少 description")));
  EXPECT_THAT(WrongWith("service_code=X&lat=1&long=2&description=x"),
              ElementsAre(HasSubstr("404 没有这个 service_code")));
}

TEST(PostTest, RefusesPlacesThatAreNone) {
  for (const char* place :
       {"lat=1", "long=1", "lat=a&long=2", "lat=91&long=2", "lat=1&long=181", "lat=nan&long=1", "lat=inf&long=1"})
    EXPECT_THAT(WrongWith(std::string("service_code=E0110&") + place), ElementsAre(HasSubstr("lat 和 long"))) << place;
  std::string address(201, 'x');
  EXPECT_THAT(WrongWith("service_code=E0110&address_string=" + address), ElementsAre(HasSubstr("200")));
  EXPECT_THAT(WrongWith("service_code=E0110&address_string=" + address.substr(1)), IsEmpty());
}

TEST(PostTest, RefusesAttributesOfNoDefinition) {
  for (const char* attribute :
       {"attribute[colour]=red", "attribute[condition]=3", "attribute[place=x", "attribute[place]x=x", "attribute[]=x"})
    EXPECT_THAT(WrongWith(std::string("service_code=E0110&lat=1&long=2&") + attribute), SizeIs(1)) << attribute;
  EXPECT_THAT(WrongWith("service_code=E0110&lat=1&long=2&attribute[colour]="), IsEmpty());
  EXPECT_THAT(WrongWith("service_code=E0110&lat=1&long=2&attribute[condition][]=1"), IsEmpty());
  EXPECT_THAT(WrongWith("service_code=other&description=x&lat=1&long=2&attribute[condition]=1"), SizeIs(1));
}

TEST(PostTest, TakesNoAddressOfAPictureButOfTheWeb) {
  for (const char* url : {"javascript:alert(1)", "ftp://a.test/x", "http://", "https://u:p@a.test/",
                          "https://a.test/ x", "https://a\\b", "https:///x"})
    EXPECT_THAT(WrongWith(std::string("service_code=E0110&lat=1&long=2&media_url=") + url), SizeIs(1)) << url;
  EXPECT_THAT(WrongWith("service_code=E0110&lat=1&long=2&media_url=HTTP://a.test"), IsEmpty());
}

TEST(PostTest, ADescriptionHasTheSpecificationsBound) {
  std::string text;
  for (int i = 0; i < kMaxDescription; ++i) text += "字";
  EXPECT_THAT(WrongWith("service_code=E0110&lat=1&long=2&description=" + text), IsEmpty());
  EXPECT_THAT(WrongWith("service_code=E0110&lat=1&long=2&description=" + text + "字"), ElementsAre(HasSubstr("4000")));
}

int64_t At(const char* text) {
  absl::Time time;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, nullptr));
  return absl::ToUnixMillis(time);
}

const int64_t kNow = At("2026-11-18T10:00:00+08:00");

v1::ListServiceRequestsRequest Asked(const std::string& text) {
  v1::ListServiceRequestsRequest asked;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &asked)) << text;
  return asked;
}

Filter Filtered(const std::string& text) {
  Problems problems;
  auto filter = ReadFilter(Asked(text), kNow, &problems);
  EXPECT_THAT(problems, IsEmpty()) << text;
  return filter.value_or(Filter());
}

TEST(FilterTest, IsTheLast90DaysWhereNothingIsSaid) {
  const Filter filter = Filtered("");
  EXPECT_EQ(filter.from_ms, At("2026-08-20T10:00:00+08:00"));
  EXPECT_EQ(filter.to_ms, 0);
  EXPECT_TRUE(filter.open && filter.closed);
  EXPECT_EQ(filter.page_size, kMaxListed);
  EXPECT_THAT(filter.services, IsEmpty());
}

TEST(FilterTest, OneEndOfTheSpanGivesTheOther) {
  EXPECT_EQ(Filtered("end_date: '2026-05-01T00:00:00Z'").from_ms, At("2026-01-31T00:00:00Z"));
  EXPECT_EQ(Filtered("end_date: '2026-05-01T00:00:00Z'").to_ms, At("2026-05-01T00:00:00Z") + 1);
  EXPECT_EQ(Filtered("start_date: '2026-01-31T08:00:00 08:00'").to_ms, At("2026-05-01T00:00:00Z") + 1);
  EXPECT_EQ(Filtered("start_date: '2026-01-31T00:00:00Z' end_date: '2026-05-01T00:00:00Z'").from_ms,
            At("2026-01-31T00:00:00Z"));
}

TEST(FilterTest, ListsHaveCommasOrComeSeveralTimes) {
  EXPECT_THAT(Filtered("service_code: 'a, b' service_code: 'c' service_code: ''").services, ElementsAre("a", "b", "c"));
  EXPECT_FALSE(Filtered("status: 'open'").closed);
  EXPECT_FALSE(Filtered("status: 'closed'").open);
  EXPECT_TRUE(Filtered("status: 'closed,open'").open);
  EXPECT_TRUE(Filtered("status: 'closed' status: 'open'").open);
}

TEST(FilterTest, IdsOverrideEverythingElse) {
  EXPECT_THAT(Filtered("service_request_id: 'r-1,r-2' status: 'no' start_date: 'no' page_size: -1").ids,
              ElementsAre("r-1", "r-2"));
}

TEST(FilterTest, RefusesWhatIsWrong) {
  std::string ids;
  for (size_t i = 0; i <= kMaxIds; ++i) ids += "r-1,";
  for (const std::string& text :
       {std::string("status: 'done'"), std::string("start_date: 'yesterday'"),
        std::string("start_date: '2026-01-01T00:00:00'"), std::string("end_date: '2026-01-01'"),
        std::string("page_size: -1"), std::string("page_size: 201"),
        std::string("start_date: '2026-01-31T00:00:00Z' end_date: '2026-05-01T00:00:01Z'"),
        std::string("start_date: '2026-05-01T00:00:00Z' end_date: '2026-04-30T00:00:00Z'"),
        "service_request_id: '" + ids + "'"}) {
    Problems problems;
    EXPECT_FALSE(ReadFilter(Asked(text), kNow, &problems).has_value()) << text;
    EXPECT_THAT(problems, SizeIs(1)) << text;
  }
}

}  // namespace
}  // namespace civicmesh::intake::open311
