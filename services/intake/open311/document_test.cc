#include "services/intake/open311/document.h"

#include <gmock/gmock.h>

#include "nlohmann/json.hpp"
#include "pugixml.hpp"

namespace civicmesh::intake::open311 {
namespace {

using Json = nlohmann::ordered_json;

TEST(DocumentTest, BothFormatsSayTheSame) {
  const Json attribute{{"code", "how"},
                       {"required", false},
                       {"order", 1},
                       {"description", nullptr},
                       {"values", {{{"key", "1"}, {"name", "a<b & \"c\""}}}}};
  const Json content{{"service_code", "E0110"}, {"attributes", Json::array({attribute})}};
  EXPECT_EQ(
      Render(Format::kXml, "service_definition", content),
      "<?xml version=\"1.0\" encoding=\"utf-8\"?><service_definition><service_code>E0110</service_code><attributes>"
      "<attribute><code>how</code><required>false</required><order>1</order><description/>"
      "<values><value><key>1</key><name>a&lt;b &amp; \"c\"</name></value></values></attribute></attributes>"
      "</service_definition>");
  EXPECT_EQ(Render(Format::kJson, "service_definition", content),
            "{\"service_code\":\"E0110\",\"attributes\":[{\"code\":\"how\",\"required\":false,\"order\":1,"
            "\"description\":null,\"values\":[{\"key\":\"1\",\"name\":\"a<b & \\\"c\\\"\"}]}]}");
}

TEST(DocumentTest, AnEmptyListIsAnEmptyElement) {
  EXPECT_EQ(Render(Format::kXml, "services", Json::array()), "<?xml version=\"1.0\" encoding=\"utf-8\"?><services/>");
  EXPECT_EQ(Render(Format::kJson, "services", Json::array()), "[]");
}

TEST(DocumentTest, NumbersAreWrittenAlike) {
  const Json place{{"lat", 30.3}, {"long", 119.97}};
  EXPECT_EQ(Render(Format::kJson, "request", place), "{\"lat\":30.3,\"long\":119.97}");
  EXPECT_THAT(Render(Format::kXml, "request", place), testing::HasSubstr("<lat>30.3</lat><long>119.97</long>"));
}

TEST(DocumentTest, WhateverStandsInATextTheDocumentIsGood) {
  std::string text;
  for (int c = 0; c < 0x80; ++c) text.push_back(static_cast<char>(c));
  text += "]]> 垃圾 \xEF\xBF\xBE \xEF\xBF\xBF 😀";
  pugi::xml_document read;
  const std::string xml = Render(Format::kXml, "errors", Json::array({{{"description", text}}}));
  ASSERT_TRUE(read.load_string(xml.c_str()));
  const std::string got = read.child("errors").child("error").child("description").text().get();
  EXPECT_THAT(got, testing::AllOf(testing::HasSubstr("<=>"), testing::HasSubstr("]]> 垃圾   😀")));
  for (char c : got) EXPECT_TRUE(c == '\t' || c == '\n' || c == '\r' || static_cast<unsigned char>(c) >= 0x20);
  EXPECT_EQ(xml.find("&#x"), std::string::npos);
  EXPECT_EQ(Json::parse(Render(Format::kJson, "errors", Json::array({text})))[0], text);
  EXPECT_TRUE(Json::accept(Render(Format::kJson, "errors", Json::array({"no UTF-8: \xFF"}))));
}

TEST(DocumentTest, TheFormatIsTheEnding) {
  std::string name;
  EXPECT_EQ(SplitFormat("requests/r-1.json", &name), Format::kJson);
  EXPECT_EQ(name, "requests/r-1");
  EXPECT_EQ(SplitFormat("services.xml", &name), Format::kXml);
  EXPECT_EQ(name, "services");
  for (const char* file : {"services", "services.txt", "services.XML", "xml", ""})
    EXPECT_EQ(SplitFormat(file, &name), std::nullopt) << file;
}

}  // namespace
}  // namespace civicmesh::intake::open311
