#include "services/intake/open311/answers.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>

#include "civicmesh/reference/v1/reference.pb.h"
#include "nlohmann/json.hpp"
#include "services/intake/open311/settings.h"

namespace civicmesh::intake::open311 {
namespace {

using Json = nlohmann::ordered_json;
using testing::HasSubstr;

reference::v1::Standard Standard() {
  reference::v1::Standard standard;
  google::protobuf::TextFormat::ParseFromString(
      R"pb(
        version: "2026-1"
        classes {
          code: "E0110"
          name_zh: "暴露垃圾"
          name_en: "Litter"
          major_zh: "市容环境"
          conditions { id: "1" text_zh: "零散" }
          keywords { text: "脏" weight: 2 }
          keywords { text: "垃圾" weight: 8 }
        }
        classes { code: "C0102" name_zh: "井盖" })pb",
      &standard);
  return standard;
}

TEST(AnswersTest, ServicesAreTheMinorClassesAndOther) {
  const Json list = Json::parse(ServicesDocument(Format::kJson, Standard()));
  ASSERT_EQ(list.size(), 3);
  EXPECT_EQ(list[0], Json::parse(R"({"service_code": "E0110", "service_name": "暴露垃圾", "description": "暴露垃圾",
      "metadata": true, "type": "realtime", "keywords": "Litter, 垃圾, 脏", "group": "市容环境"})"));
  EXPECT_TRUE(list[1]["group"].is_null());
  EXPECT_EQ(list[2]["service_code"], "other");
}

TEST(AnswersTest, ADefinitionHasTheConditionsOfItsClass) {
  const Json one = Json::parse(*DefinitionDocument(Format::kJson, Standard(), "E0110"));
  EXPECT_EQ(one["service_code"], "E0110");
  ASSERT_EQ(one["attributes"].size(), 2);
  EXPECT_EQ(one["attributes"][0]["code"], kPlace);
  EXPECT_FALSE(one["attributes"][0].contains("values"));
  EXPECT_EQ(one["attributes"][1]["values"], Json::parse(R"([{"key": "1", "name": "零散"}])"));
  EXPECT_EQ(Json::parse(*DefinitionDocument(Format::kJson, Standard(), "C0102"))["attributes"].size(), 1);
  EXPECT_EQ(Json::parse(*DefinitionDocument(Format::kJson, Standard(), "other"))["attributes"].size(), 1);
  EXPECT_EQ(DefinitionDocument(Format::kXml, Standard(), "E9999"), std::nullopt);
}

TEST(AnswersTest, ARequestIsWrittenWithAllItsFields) {
  const Request open{.id = "r-1",
                     .service_code = "E0110",
                     .service_name = "暴露垃圾",
                     .description = std::nullopt,
                     .requested_ms = 1794967200000,
                     .updated_ms = 1794967201500,
                     .expected_ms = 1794970800000,
                     .place = std::pair(30.3, 119.97)};
  const Request closed{.id = "r-2",
                       .open = false,
                       .status_notes = "已办结",
                       .description = "x<y",
                       .expected_ms = std::nullopt,
                       .place = std::nullopt};
  const std::string xml = RequestsDocument(Format::kXml, {open, closed});
  EXPECT_THAT(xml,
              HasSubstr("<service_requests><request><service_request_id>r-1</service_request_id><status>open</status>"
                        "<status_notes/><service_name>暴露垃圾</service_name><service_code>E0110</service_code>"
                        "<description/>"));
  EXPECT_THAT(xml, HasSubstr("<requested_datetime>2026-11-18T10:00:00+08:00</requested_datetime>"
                             "<updated_datetime>2026-11-18T10:00:01+08:00</updated_datetime>"
                             "<expected_datetime>2026-11-18T11:00:00+08:00</expected_datetime>"));
  EXPECT_THAT(xml, HasSubstr("<lat>30.3</lat><long>119.97</long><media_url/></request>"));
  EXPECT_THAT(xml, HasSubstr("<status>closed</status><status_notes>已办结</status_notes>"));
  const Json json = Json::parse(RequestsDocument(Format::kJson, {open, closed}));
  EXPECT_EQ(json[1]["service_code"], "other");
  EXPECT_EQ(json[1]["description"], "x<y");
  EXPECT_TRUE(json[1]["lat"].is_null());
}

TEST(AnswersTest, WhatWasPostedHasAnIdOrAToken) {
  const Json posted = Json::parse(PostedDocument(Format::kJson, "r-1", ""));
  EXPECT_EQ(posted[0]["service_request_id"], "r-1");
  EXPECT_FALSE(posted[0].contains("token"));
  const Json waiting = Json::parse(PostedDocument(Format::kJson, "", "t"));
  EXPECT_EQ(waiting[0]["token"], "t");
  EXPECT_FALSE(waiting[0].contains("service_request_id"));
  EXPECT_THAT(TokenDocument(Format::kXml, "", "t"),
              HasSubstr("<request><service_request_id/><token>t</token></request>"));
}

TEST(AnswersTest, ErrorsAreAList) {
  EXPECT_EQ(ErrorsDocument(Format::kJson, {{403, "a"}, {400, "b"}}),
            R"([{"code":403,"description":"a"},{"code":400,"description":"b"}])");
  EXPECT_THAT(ErrorsDocument(Format::kXml, {{403, "a"}}),
              HasSubstr("<errors><error><code>403</code><description>a</description></error></errors>"));
}

TEST(AnswersTest, DiscoverySaysWhatTheSettingsSay) {
  const Settings settings{.url = "https://c.test/open311/v2",
                          .changeset = "2026-11-29",
                          .contact = "c",
                          .key_service = "k",
                          .clients = {{"digest", {"app-street"}}}};
  const std::string xml = DiscoveryDocument(Format::kXml, settings, "2026-1");
  EXPECT_THAT(xml, HasSubstr("<formats><format>text/xml</format><format>application/json</format></formats>"));
  EXPECT_THAT(xml, testing::Not(HasSubstr("app-street")));
  EXPECT_EQ(Json::parse(DiscoveryDocument(Format::kJson, settings, "2026-1"))["endpoints"][0]["changeset"], "2026-1");
}

}  // namespace
}  // namespace civicmesh::intake::open311
