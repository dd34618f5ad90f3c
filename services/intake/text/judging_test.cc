#include "services/intake/text/judging.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "services/intake/text/masking.h"

namespace civicmesh::intake {
namespace {

const std::string kSample = CIVICMESH_SOURCE_DIR "/deploy/sample";

TEST(JudgingTest, CountsRightWrongAndUnsure) {
  reference::v1::Standard standard;
  for (const char* name : {"路灯", "垃圾"}) {
    auto* minor = standard.add_classes();
    minor->set_code(name);
    minor->add_keywords()->set_text(name);
    minor->mutable_keywords(0)->set_weight(5);
  }
  const Judgement judged = JudgeSample(Classifier(standard), {{"路灯坏了", "路灯"},
                                                              {"垃圾没收", "路灯"},
                                                              {"你好", "路灯"},
                                                              {"垃圾没收", "垃圾"},
                                                              {"你好", ""},
                                                              {"垃圾没收", ""}});
  const Tally lamp = judged.rows.at("路灯"), none = judged.rows.at("");
  EXPECT_EQ(std::tuple(lamp.right, lamp.wrong, lamp.unsure), std::tuple(1, 1, 1));
  EXPECT_EQ(std::tuple(none.right, none.wrong, none.unsure), std::tuple(1, 1, 0));
  EXPECT_EQ(std::tuple(judged.total.right, judged.total.wrong, judged.total.unsure), std::tuple(3, 2, 1));
  EXPECT_NE(TableOf(judged, {{"路灯", "LAMP"}}).find("LAMP"), std::string::npos);
}

// Bounds well below what is measured (README.md): they catch a classifier that broke, and leave keywords free to
// change.
TEST(JudgingTest, TheSampleIsClassifiedSensibly) {
  const auto standard = ReadStandard(kSample + "/standard.json");
  const auto held_back = ReadSample(kSample + "/reports.jsonl", true),
             others = ReadSample(kSample + "/reports.jsonl", false);
  ASSERT_TRUE(standard.ok() && held_back.ok() && others.ok());
  const Classifier classifier(*standard);
  const Tally honest = JudgeSample(classifier, *held_back).total;
  EXPECT_GE(honest.all(), 100);
  EXPECT_GE(honest.right * 100, honest.all() * 60);
  EXPECT_GE(honest.right * 100, honest.sure() * 75);
  EXPECT_LE(honest.unsure * 100, honest.all() * 30);
  const Tally known = JudgeSample(classifier, *others).total;
  EXPECT_GE(known.right * 100, known.all() * 85);
}

TEST(JudgingTest, NamesAloneStillClassifySome) {
  auto standard = ReadStandard(kSample + "/standard.json");
  const auto texts = ReadSample(kSample + "/reports.jsonl", false);
  ASSERT_TRUE(standard.ok() && texts.ok());
  for (auto& minor : *standard->mutable_classes()) minor.clear_keywords();
  const Tally tally = JudgeSample(Classifier(*standard), *texts).total;
  EXPECT_GE(tally.right * 100, tally.all() * 10);
  EXPECT_GT(tally.right, tally.wrong);
}

TEST(JudgingTest, MessagesAreJudgedByTheirDepartment) {
  const auto standard = ReadStandard(kSample + "/standard.json");
  ASSERT_TRUE(standard.ok());
  const std::string file = testing::TempDir() + "/intake_judging_messages.jsonl";
  std::ofstream(file) << R"({"subject": "噪音", "text": "工厂排放黑烟，废气污染严重", "label": "环境保护"})"
                      << "\n"
                      << R"({"subject": "", "text": "拖欠工资不发，劳动合同不签", "label": "卫生计生"})"
                      << "\n"
                      << R"({"subject": "", "text": "你好", "label": "卫生计生"})"
                      << "\n";
  const auto judged = JudgeMessages(Classifier(*standard), *standard, kSample + "/mapping.json", file);
  ASSERT_TRUE(judged.ok()) << judged.status();
  EXPECT_EQ(judged->rows.at("环境保护").right, 1);
  EXPECT_EQ(judged->rows.at("卫生计生").wrong, 1);
  EXPECT_EQ(judged->rows.at("卫生计生").unsure, 1);
  EXPECT_FALSE(JudgeMessages(Classifier(*standard), *standard, kSample + "/mapping.json", file + ".none").ok());
}

// What the sample hides in its texts, masking takes out.
TEST(JudgingTest, TheSamplesPersonalDataIsMasked) {
  std::ifstream in(kSample + "/reports.jsonl");
  int found = 0;
  for (std::string line; std::getline(in, line);) {
    const size_t at = line.find("\"personal\": [\"");
    if (at == std::string::npos) continue;
    const size_t begin = at + 14, end = line.find('"', begin);
    const std::string secret = line.substr(begin, end - begin);
    const size_t text = line.find("\"text\": \"") + 9;
    const std::string masked = Mask(line.substr(text, line.find("\", \"", text) - text)).text;
    EXPECT_EQ(masked.find(secret), std::string::npos) << masked;
    ++found;
  }
  EXPECT_GE(found, 5);
}

}  // namespace
}  // namespace civicmesh::intake
