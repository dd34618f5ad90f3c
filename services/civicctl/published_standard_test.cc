#include "services/civicctl/published_standard.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "services/civicctl/files.h"

namespace civicmesh::civicctl {
namespace {

using reference::v1::MinorClass;
using reference::v1::Standard;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

constexpr char kMapping[] = R"({
  "standard_departments": [{"contains": "环卫", "unit_role": "sanitation"}, {"contains": "市政", "unit_role": "municipal_roads"}],
  "standard_minor_names": [{"contains": "灯", "unit_role": "lighting"}],
  "standard_department_default": "general", "standard_hazard_words": ["隐患"]})";

constexpr char kHeader[] =
    "kind,major_code,major_name,minor_code,minor_name,registration_condition,disposal_limit,closure_condition,"
    "disposal_unit,responsible_department\n";

Standard Own() {
  Standard own;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(R"({"code_set": "GB", "version": "own", "classes": [
    {"code": "E0110", "name_zh": "垃圾外露", "name_en": "Litter", "unit_role": "sanitation", "camera_class": 6,
     "keywords": [{"text": "垃圾", "weight": 3}]},
    {"code": "E0199", "name_zh": "打包垃圾", "unit_role": "sanitation", "camera_class": 7},
    {"code": "E0497", "name_zh": "占用消防通道", "unit_role": "fire", "safety_hazard": true},
    {"code": "E0499", "name_zh": "违规撑伞", "unit_role": "urban", "camera_class": 12}]})",
                                                          &own)
                  .ok());
  return own;
}

class PublishedStandardTest : public testing::Test {
 protected:
  absl::StatusOr<AdoptedStandard> Adopt(const std::string& rows) {
    EXPECT_TRUE(WriteFile(file_, kHeader + rows).ok());
    return AdoptStandard(file_, kMapping, Own());
  }
  static const MinorClass& Class(const AdoptedStandard& adopted, const std::string& code) {
    static const MinorClass none;
    for (const auto& c : adopted.standard.classes())
      if (c.code() == code) return c;
    ADD_FAILURE() << "no class " << code;
    return none;
  }

  const std::string file_ = testing::TempDir() + "/city.csv";
};

TEST_F(PublishedStandardTest, TheTableSaysConditionsAndTheDistrictTheRest) {
  auto adopted = Adopt(
      "event,01,市容,10,暴露生活垃圾,\"未入容器,散落\",4小时,清理,A公司、B环卫处,城管局\n"
      "event,01,市容,10,暴露生活垃圾,量大,1天,清理,A公司、B环卫处,城管局\n");
  ASSERT_TRUE(adopted.ok()) << adopted.status();
  const MinorClass& c = Class(*adopted, "E0110");
  EXPECT_EQ(c.name_zh(), "暴露生活垃圾");
  EXPECT_EQ(c.major_zh(), "市容");
  EXPECT_EQ(c.unit_role(), "sanitation");
  EXPECT_EQ(c.camera_class(), 6);
  EXPECT_EQ(c.keywords_size(), 1);
  ASSERT_EQ(c.conditions_size(), 2);
  EXPECT_EQ(c.conditions(0).text_zh(), "未入容器,散落");
  EXPECT_EQ(c.conditions(0).limit(), "4小时");
  EXPECT_EQ(c.conditions(1).id(), "2");
  EXPECT_EQ(adopted->standard.code_set(), "GB");
  EXPECT_THAT(adopted->standard.version(), testing::StartsWith("city-"));
  EXPECT_THAT(adopted->left_out, IsEmpty());
}

TEST_F(PublishedStandardTest, LocalCodesAreToldApartByName) {
  auto adopted = Adopt(
      "event,04,街面,96,占用、堵塞消防通道,堵塞,1天,清除,?,?\n"
      "event,04,街面,95,占用消防通道,堵塞,1天,清除,?,?\n"
      "event,01,市容,99,小产权房,违建,5天,拆除,市政,?\n");
  ASSERT_TRUE(adopted.ok()) << adopted.status();
  // Its twin by name; the other one knows none.
  EXPECT_TRUE(Class(*adopted, "E0495").safety_hazard());
  EXPECT_FALSE(Class(*adopted, "E0496").safety_hazard());
  EXPECT_EQ(Class(*adopted, "E0495").unit_role(), "fire") << "no rule fits the table's unit";
  // The code of 打包垃圾 means another thing there.
  EXPECT_EQ(Class(*adopted, "E0199").name_zh(), "小产权房");
  EXPECT_EQ(Class(*adopted, "E0199").camera_class(), 0);
  EXPECT_EQ(Class(*adopted, "E0198").name_zh(), "打包垃圾");
  EXPECT_EQ(Class(*adopted, "E0198").camera_class(), 7);
  EXPECT_THAT(adopted->recoded, UnorderedElementsAre(Pair("E0497", "E0495"), Pair("E0199", "E0198")));
  EXPECT_EQ(adopted->codes.size(), 4u);
  EXPECT_EQ(adopted->codes["E0499"], "E0499");
  EXPECT_EQ(adopted->shared_classes, 1);
  EXPECT_EQ(adopted->kept_classes, 3);
}

TEST_F(PublishedStandardTest, WhatOnlyTheTableKnowsIsDescribedByItself) {
  auto adopted = Adopt(
      "component,01,公用,01,上水井盖（含阀门）,移位有安全隐患,2紧急工作时,恢复,市政处,?\n"
      "component,01,公用,37,路灯,不亮,3天,修复,市政处,?\n"
      "component,01,公用,40,报刊亭,破损,3天,修复,谁也不是,?\n");
  ASSERT_TRUE(adopted.ok()) << adopted.status();
  const MinorClass& cover = Class(*adopted, "C0101");
  EXPECT_TRUE(cover.component());
  EXPECT_TRUE(cover.safety_hazard());
  EXPECT_EQ(cover.unit_role(), "municipal_roads");
  ASSERT_EQ(cover.keywords_size(), 1);
  EXPECT_EQ(cover.keywords(0).text(), "上水井盖");
  EXPECT_EQ(Class(*adopted, "C0137").unit_role(), "lighting");
  EXPECT_FALSE(Class(*adopted, "C0137").safety_hazard());
  EXPECT_EQ(Class(*adopted, "C0140").unit_role(), "general");
}

TEST_F(PublishedStandardTest, AMisprintedLimitIsReportedAndLeftOut) {
  auto adopted = Adopt(
      "event,01,市容,01,私搭乱建,新建,1紧急工作时制止,拆除,市政,?\n"
      "event,01,市容,01,私搭乱建,已建,5天,拆除,市政,?\n"
      "event,01,市容,02,乱挂,有,三天,拆除,市政,?\n");
  ASSERT_TRUE(adopted.ok()) << adopted.status();
  EXPECT_EQ(Class(*adopted, "E0101").conditions_size(), 1);
  ASSERT_EQ(adopted->left_out.size(), 3u);
  EXPECT_THAT(adopted->left_out[0], HasSubstr("line 2: E0101 私搭乱建"));
  EXPECT_THAT(adopted->left_out[0], HasSubstr("1紧急工作时制止"));
  EXPECT_THAT(adopted->left_out[2], HasSubstr("class E0102 乱挂: no condition is left"));
  EXPECT_EQ(adopted->published_classes, 1);
  EXPECT_EQ(adopted->published_conditions, 1);
}

TEST_F(PublishedStandardTest, WhatIsNoTableIsRefused) {
  EXPECT_FALSE(AdoptStandard("/nowhere.csv", kMapping, Own()).ok());
  EXPECT_FALSE(Adopt("").ok());
  EXPECT_FALSE(Adopt("event,1,市容,01,私搭乱建,新建,1天,拆除,市政,?\n").ok());
  EXPECT_FALSE(Adopt("event,01,市容\n").ok());
  ASSERT_TRUE(WriteFile(file_, "a,b\n1,2\n").ok());
  EXPECT_FALSE(AdoptStandard(file_, kMapping, Own()).ok());
  EXPECT_FALSE(AdoptStandard(file_, "{}", Own()).ok());
}

// The table that a real city published is not ours to keep here.
TEST(RealStandardTest, IsAdoptedWhole) {
  const char* data = std::getenv("CIVICMESH_DATA");
  if (data == nullptr) GTEST_SKIP() << "CIVICMESH_DATA does not name a folder with the real inputs";
  const std::string sample = CIVICMESH_SAMPLE;
  Standard own;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(ReadFile(sample + "/standard.json").value(), &own).ok());
  auto adopted = AdoptStandard(absl::StrCat(data, "/standards/urban-management.csv"),
                               ReadFile(sample + "/mapping.json").value(), own);
  ASSERT_TRUE(adopted.ok()) << adopted.status();
  EXPECT_EQ(adopted->published_classes, 190);
  EXPECT_EQ(adopted->published_conditions, 518);
  EXPECT_EQ(adopted->left_out.size(), 1u);
  EXPECT_EQ(adopted->shared_classes + adopted->kept_classes, own.classes_size());
  EXPECT_EQ(adopted->standard.classes_size(), 190 + adopted->kept_classes);
  for (int camera = 1; camera <= 12; ++camera)
    EXPECT_EQ(std::count_if(adopted->standard.classes().begin(), adopted->standard.classes().end(),
                            [&](const MinorClass& c) { return c.camera_class() == camera; }),
              1)
        << camera;
  for (const auto& [before, now] : adopted->recoded) std::cout << before << " → " << now << "\n";
  for (const auto& line : adopted->left_out) std::cout << line << "\n";
  std::cout << adopted->shared_classes << " shared, " << adopted->kept_classes << " kept\n";
}

}  // namespace
}  // namespace civicmesh::civicctl
