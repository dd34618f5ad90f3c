#include "services/intake/text/classifier.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

namespace civicmesh::intake {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

reference::v1::Standard Standard(const std::string& text) {
  reference::v1::Standard standard;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &standard));
  return standard;
}

const char kThree[] = R"pb(
  version: "2026-1"
  classes {
    code: "E1"
    name_zh: "暴露垃圾"
    keywords { text: "垃圾" weight: 4 }
    keywords { text: "垃圾堆" weight: 3 }
    keywords { text: "KTV" weight: 5 }
    keywords { text: "垃圾" weight: 4 }
  }
  classes {
    code: "E2"
    name_zh: "道路破损"
    keywords { text: "路面" weight: 4 }
    keywords { text: "坑" weight: 3 }
    keywords { text: "垃圾车" weight: 2 }
  }
  classes {
    code: "E3"
    name_zh: "路灯"
    keywords { text: "路灯" weight: 10 }
    keywords { text: "路面" weight: 4 }
  })pb";

std::vector<std::string> EvidenceOf(const v1::CategoryProposal& proposal) {
  std::vector<std::string> out;
  for (const auto& one : proposal.evidence()) out.push_back(one.text() + " " + std::to_string(one.weight()));
  return out;
}

TEST(ClassifierTest, SumsTheWeightsOfTheWordsFoundEachOnce) {
  const auto p = Classifier(Standard(kThree)).Propose("垃圾堆了三天，垃圾没人收，还有垃圾车经过");
  EXPECT_EQ(p.class_code(), "E1");
  EXPECT_EQ(p.second_class_code(), "E2");
  EXPECT_THAT(EvidenceOf(p), ElementsAre("垃圾 4", "垃圾堆 3"));
  EXPECT_EQ(p.confidence(), 100 * 7 / (7 + 2 + 3));
  EXPECT_EQ(p.proposed_by(), "text:keywords-1");
  EXPECT_EQ(p.standard_version(), "2026-1");
}

TEST(ClassifierTest, LettersMatchInEitherCase) {
  EXPECT_EQ(Classifier(Standard(kThree)).Propose("楼下ktv门口").class_code(), "E1");
}

TEST(ClassifierTest, IsUnsureWhereTooLittleSpeaksForIt) {
  const auto p = Classifier(Standard(kThree)).Propose("地上有个坑");
  EXPECT_EQ(p.class_code(), "");
  EXPECT_EQ(p.confidence(), 0);
  EXPECT_EQ(p.second_class_code(), "");
  EXPECT_THAT(EvidenceOf(p), ElementsAre("坑 3"));
}

TEST(ClassifierTest, IsUnsureWhereTwoAreTooClose) {
  const Classifier classifier(Standard(kThree));
  const auto p = classifier.Propose("路面");
  EXPECT_EQ(p.class_code(), "");
  // The earlier of equals is the one whose grounds are shown.
  EXPECT_THAT(EvidenceOf(p), ElementsAre("路面 4"));
  EXPECT_EQ(classifier.Propose("路面的坑").class_code(), "E2");
}

TEST(ClassifierTest, KnowsNothingOfWhatNoWordSpeaksFor) {
  const auto p = Classifier(Standard(kThree)).Propose("你好");
  EXPECT_EQ(p.class_code(), "");
  EXPECT_THAT(p.evidence(), IsEmpty());
  EXPECT_EQ(Classifier(reference::v1::Standard()).Propose("垃圾").class_code(), "");
}

TEST(ClassifierTest, ADecisiveTextIsTrustedMoreThanACloseOne) {
  const Classifier classifier(Standard(kThree));
  EXPECT_GT(classifier.Propose("路灯").confidence(), classifier.Propose("路灯照着垃圾堆").confidence());
}

TEST(ClassifierTest, AStandardWithoutKeywordsIsReadByItsNames) {
  const auto standard = Standard(R"pb(
    classes { code: "1" name_zh: "污水井盖" }
    classes { code: "2" name_zh: "暴露垃圾" }
    classes { code: "3" name_zh: "休息亭（岗亭）" }
    classes { code: "4" name_zh: "雨水井盖" }
    classes { code: "5" name_zh: "电力井盖" }
    classes { code: "6" name_zh: "热力井盖" }
    classes { code: "7" name_zh: "燃气井盖" })pb");
  const Classifier classifier(standard);
  EXPECT_EQ(classifier.Propose("门口的污水井盖没了").class_code(), "1");
  EXPECT_EQ(classifier.Propose("垃圾暴露在外").class_code(), "2");
  EXPECT_EQ(classifier.Propose("岗亭的玻璃碎了").class_code(), "3");
  EXPECT_EQ(classifier.Propose("井盖没了").class_code(), "");
  // 井盖 is shared by five and weighs nothing.
  std::vector<std::string> words;
  const auto derived = DerivedKeywords(standard);
  for (const auto& keyword : derived[0]) words.push_back(keyword.text());
  EXPECT_THAT(words, testing::UnorderedElementsAre("污水", "水井", "污水井盖"));
}

}  // namespace
}  // namespace civicmesh::intake
