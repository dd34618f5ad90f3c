// What a notice says: our words, a district's, and which of a district's are refused.
#include "services/intake/domain/notice_words.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>

namespace civicmesh::intake {
namespace {

using reference::v1::Notices;
using testing::HasSubstr;

v1::NoticeState Notice(const std::string& text) {
  v1::NoticeState notice;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &notice)) << text;
  return notice;
}
std::string Zh(const std::string& text) { return NoticeWords::BuiltIn().Say(Notice(text)).zh; }
std::string En(const std::string& text) { return NoticeWords::BuiltIn().Say(Notice(text)).en; }

constexpr char kDue[] = "disposal_due_at {seconds: 1794981600} ";

TEST(NoticeWordsTest, TellsADeadlineWithItsLimitAsFarAsTheyAreKnown) {
  const std::string dispatched = "kind: NOTICE_KIND_DISPATCHED ";
  EXPECT_EQ(Zh(dispatched), "已派遣至责任单位。");
  EXPECT_EQ(Zh(dispatched + kDue), "已派遣至责任单位，处置时限至 2026-11-18 14:00。");
  EXPECT_EQ(Zh(dispatched + kDue + "disposal_limit: '4工作时'"),
            "已派遣至责任单位，处置时限至 2026-11-18 14:00（4工作时）。");
  EXPECT_EQ(En(dispatched), "Dispatched to the unit in charge.");
  EXPECT_EQ(En(dispatched + kDue + "disposal_limit: '4工作时'"),
            "Dispatched to the unit in charge, due by 2026-11-18 14:00 (4 working hours).");
  EXPECT_THAT(Zh(std::string("kind: NOTICE_KIND_MERGED ") + kDue), HasSubstr("处置时限至 2026-11-18 14:00。"));
}

TEST(NoticeWordsTest, ALimitInEnglish) {
  const auto limit = [](const std::string& printed) {
    const std::string said = En("kind: NOTICE_KIND_SIGNED disposal_limit: '" + printed + "'");
    return said.substr(said.find('(') + 1, said.find(')') - said.find('(') - 1);
  };
  EXPECT_EQ(limit("2紧急工作时"), "2 hours around the clock");
  EXPECT_EQ(limit("1紧急工作日"), "1 day around the clock");
  EXPECT_EQ(limit("1工作时"), "1 working hour");
  EXPECT_EQ(limit("3工作日"), "3 working days");
  EXPECT_EQ(limit("5自然日"), "5 calendar days");
  EXPECT_EQ(limit("soon"), "soon");
}

TEST(NoticeWordsTest, TellsWhyAndHowMany) {
  EXPECT_EQ(Zh("kind: NOTICE_KIND_DECLINED decline_ground: 'DECLINE_GROUND_DUPLICATE'"),
            "不予立案：同一问题已由其他案件办理。");
  EXPECT_EQ(En("kind: NOTICE_KIND_DECLINED decline_ground: 'DECLINE_GROUND_OF_A_LATER_RELEASE'"),
            "Declined: It does not qualify for a case.");
  EXPECT_EQ(Zh("kind: NOTICE_KIND_POINTS points: 5"), "积分到账：感谢您的反映，已获得 5 积分。");
  EXPECT_EQ(NoticeWords::BuiltIn().Say(Notice("")).zh, "");
}

// Ours with one thing changed: `at` of a kind's Chinese words.
Notices With(const std::string& kind, const std::string& zh) {
  Notices notices = BuiltInNotices();
  for (auto& one : *notices.mutable_templates())
    if (one.kind() == kind) one.set_text_zh(zh);
  return notices;
}
std::string Refused(const Notices& notices) {
  const auto made = NoticeWords::Make(notices);
  EXPECT_FALSE(made.ok());
  return std::string(made.status().message());
}

TEST(NoticeWordsTest, TheDistrictsWordsHold) {
  const auto words = NoticeWords::Make(With("SIGNED", "[时限{limit}，至 {due}]单位已接单[！]"));
  ASSERT_TRUE(words.ok()) << words.status();
  EXPECT_EQ(words->Say(Notice(std::string("kind: NOTICE_KIND_SIGNED disposal_limit: '4工作时' ") + kDue)).zh,
            "时限4工作时，至 2026-11-18 14:00单位已接单！");
  // One that is not known takes the whole bracket with it.
  EXPECT_EQ(words->Say(Notice(std::string("kind: NOTICE_KIND_SIGNED ") + kDue)).zh, "单位已接单！");
}

TEST(NoticeWordsTest, RefusesWhatItCouldNotSayAndNamesThePlace) {
  EXPECT_EQ(Refused(With("SIGNED", "[至 {dew}]")), "template SIGNED: text_zh may not say {dew} here");
  EXPECT_EQ(Refused(With("SIGNED", "至 {due}")), "template SIGNED: text_zh may not say {due} here");
  EXPECT_EQ(Refused(With("SIGNED", "[{reason}]")), "template SIGNED: text_zh may not say {reason} here");
  EXPECT_EQ(Refused(With("CLOSED", "{points}")), "template CLOSED: text_zh may not say {points} here");
  EXPECT_EQ(Refused(With("CLOSED", "{")), "template CLOSED: text_zh may not say {} here");
  EXPECT_EQ(Refused(With("CLOSED", "好}")), "template CLOSED: text_zh has a } too many");
  EXPECT_EQ(Refused(With("CLOSED", "好]")), "template CLOSED: text_zh has a ] too many");
  EXPECT_EQ(Refused(With("CLOSED", "[好")), "template CLOSED: text_zh has a [ too many");
  EXPECT_EQ(Refused(With("CLOSED", "[好[吗]]")), "template CLOSED: text_zh has a [ too many");
  EXPECT_EQ(Refused(With("CLOSED", "")), "template CLOSED: text_zh is missing");

  Notices notices = BuiltInNotices();
  notices.mutable_templates(1)->clear_text_en();
  EXPECT_EQ(Refused(notices), "template MERGED: text_en is missing");
  notices = BuiltInNotices();
  *notices.add_templates() = notices.templates(0);
  EXPECT_EQ(Refused(notices), "template CASE_OPENED stands twice");
  notices.mutable_templates()->rbegin()->set_kind("UNSPECIFIED");
  EXPECT_EQ(Refused(notices), "template UNSPECIFIED: there is no such kind of notice");
}

TEST(NoticeWordsTest, AKindWithoutWordsHasOursAndIsNotPublished) {
  Notices notices = BuiltInNotices();
  EXPECT_TRUE(CheckEveryKind(notices).ok()) << CheckEveryKind(notices);
  notices.mutable_templates()->RemoveLast();
  EXPECT_EQ(CheckEveryKind(notices).message(), "template POINTS is missing");
  const auto words = NoticeWords::Make(notices);
  ASSERT_TRUE(words.ok()) << words.status();
  EXPECT_EQ(words->Say(Notice("kind: NOTICE_KIND_POINTS points: 5")).zh, Zh("kind: NOTICE_KIND_POINTS points: 5"));
}

TEST(NoticeWordsTest, RefusesGroundsWithoutWords) {
  Notices notices = BuiltInNotices();
  notices.mutable_decline_words(0)->clear_text_en();
  EXPECT_EQ(Refused(notices), "decline_words NOT_EXISTING: text_en is missing");
  notices = BuiltInNotices();
  notices.mutable_decline_words(0)->clear_text_zh();
  EXPECT_EQ(Refused(notices), "decline_words NOT_EXISTING: text_zh is missing");
  notices = BuiltInNotices();
  *notices.add_decline_words() = notices.decline_words(0);
  EXPECT_EQ(Refused(notices), "decline_words NOT_EXISTING stands twice");
  notices = BuiltInNotices();
  notices.mutable_decline_words()->RemoveLast();
  EXPECT_EQ(Refused(notices), "decline_words UNSPECIFIED is missing");
}

TEST(NoticeWordsTest, InQuietHoursOnlyWhatIsUrgentGoesOut) {
  const int64_t night_ms = 1'795'014'000'000, morning_ms = 1'795'042'800'000;  // 23:00 and 07:00, local time
  EXPECT_EQ(NoticeWords::BuiltIn().NotBefore(v1::NOTICE_KIND_CLOSED, night_ms), std::nullopt);
  Notices notices = BuiltInNotices();
  notices.mutable_quiet_hours()->set_from("22:00");
  EXPECT_EQ(Refused(notices), "quiet_hours: from and to are two different times of day, as 22:00");
  notices.mutable_quiet_hours()->set_to("07:00");
  for (auto& one : *notices.mutable_templates()) one.set_urgent(one.kind() == "DECLINED");
  const auto words = NoticeWords::Make(notices);
  ASSERT_TRUE(words.ok()) << words.status();
  EXPECT_EQ(words->NotBefore(v1::NOTICE_KIND_CLOSED, night_ms), morning_ms);
  EXPECT_EQ(words->NotBefore(v1::NOTICE_KIND_DECLINED, night_ms), std::nullopt);
  EXPECT_EQ(words->NotBefore(v1::NOTICE_KIND_CLOSED, morning_ms), std::nullopt);
}

}  // namespace
}  // namespace civicmesh::intake
