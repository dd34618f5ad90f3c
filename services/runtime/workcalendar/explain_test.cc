#include "services/runtime/workcalendar/explain.h"

#include "gmock/gmock.h"
#include "services/runtime/workcalendar/calendar_for_tests.h"

namespace civicmesh {
namespace {

using testing::ElementsAre;
using Pause = WorkCalendar::Pause;

std::vector<std::string> Explained(const std::string& start, const std::string& limit, std::vector<Pause> pauses = {}) {
  return ExplainDeadline(Calendar2026(), At(start), ParseTimeLimit(limit).value(), pauses);
}

TEST(Explain, OverAHoliday) {
  EXPECT_THAT(
      Explained("2026-09-30 16:30", "4工作时"),
      ElementsAre(
          "起算：2026年9月30日（周三）16:30，时限4工作时（工作时间08:00—12:00、14:00—18:00，休息日、节假日不计）",
          "9月30日（周三）：计1小时30分", "10月1日（周四）至10月7日（周三）：节假日，不计",
          "10月8日（周四）：计2小时30分", "截止：2026年10月8日（周四）10:30"));
}

TEST(Explain, OverWorkedAndFreeWeekends) {
  EXPECT_THAT(Explained("2026-09-18 18:30", "7工作日"),
              ElementsAre(testing::StartsWith("起算：2026年9月18日（周五）18:30，时限7工作日"),
                          "9月18日（周五）：不在工作时间，不计", "9月19日（周六）：休息日，不计",
                          "9月20日（周日）：调休上班，计8小时", "9月21日（周一）至9月24日（周四）：每日计8小时",
                          "9月25日（周五）至9月27日（周日）：节假日，不计",
                          "9月28日（周一）至9月29日（周二）：每日计8小时", "截止：2026年9月29日（周二）18:00"));
}

TEST(Explain, DaysThatCountDifferentlyHaveLinesOfTheirOwn) {
  EXPECT_THAT(Explained("2026-06-01 09:00", "2工作日"),
              ElementsAre(testing::_, "6月1日（周一）：计7小时", "6月2日（周二）：计8小时", "6月3日（周三）：计1小时",
                          "截止：2026年6月3日（周三）09:00"));
}

TEST(Explain, Urgent) {
  EXPECT_THAT(Explained("2026-09-30 23:30", "2紧急工作时"),
              ElementsAre("起算：2026年9月30日（周三）23:30，时限2紧急工作时（昼夜连续计算，休息日、节假日照计）",
                          "截止：2026年10月1日（周四）01:30"));
}

TEST(Explain, CalendarDays) {
  EXPECT_THAT(Explained("2026-09-26 09:00", "5自然日"),
              ElementsAre("起算：2026年9月26日（周六）09:00，时限5自然日（起算当日不计，《民法典》第201条）",
                          "自9月27日（周日）起算，5日于10月1日（周四）期满",
                          "10月1日（周四）是节假日，顺延至10月8日（周四）（《民法典》第203条）",
                          "截止：2026年10月8日（周四）24:00"));
  EXPECT_THAT(
      Explained("2026-06-01 09:00", "4自然日"),
      ElementsAre(testing::_, "自6月2日（周二）起算，4日于6月5日（周五）期满", "截止：2026年6月5日（周五）24:00"));
}

TEST(Explain, Pauses) {
  EXPECT_THAT(Explained("2026-06-01 09:00", "4工作时", {{At("2026-06-01 10:00"), At("2026-06-02 11:00")}}),
              ElementsAre(testing::_, "6月1日（周一）：计1小时",
                          "6月1日（周一）10:00至6月2日（周二）11:00，暂停计时，尚余3小时", "6月2日（周二）：计3小时",
                          "截止：2026年6月2日（周二）16:00"));
  EXPECT_THAT(Explained("2026-06-01 09:00", "10自然日", {{At("2026-06-02 10:00"), At("2026-06-05 22:00")}}),
              ElementsAre(testing::_, "6月2日（周二）10:00至6月5日（周五）22:00，暂停计时，尚余9日",
                          "自6月6日（周六）起算，9日于6月14日（周日）期满",
                          "6月14日（周日）是休息日，顺延至6月15日（周一）（《民法典》第203条）",
                          "截止：2026年6月15日（周一）24:00"));
  EXPECT_THAT(Explained("2026-06-01 09:00", "4工作时", {{At("2026-06-01 10:00:30"), absl::InfiniteFuture()}}),
              ElementsAre(testing::_, "6月1日（周一）：计1小时30秒",
                          "暂停：自6月1日（周一）10:00:30起，暂停计时，尚余2小时59分30秒"));
}

TEST(Explain, Provisional) {
  EXPECT_THAT(
      Explained("2026-12-31 16:30", "4工作时"),
      ElementsAre(
          testing::_, "12月31日（周四）：计1小时30分",
          "暂定：不早于2027年1月1日（周五）00:00，工作日历2026-1只含2026年1月1日（周四）至2026年12月31日（周四），"
          "尚有2小时30分无法计入"));
  EXPECT_THAT(Explained("2027-03-01 09:00", "1工作日"),
              ElementsAre(testing::_, testing::StartsWith("暂定：不早于2027年3月1日（周一）09:00，")));
  EXPECT_THAT(Explained("2026-12-31 09:00", "1自然日"),
              ElementsAre(testing::_, "自1月1日（周五）起算，1日于1月1日（周五）期满",
                          testing::HasSubstr("期满之日是否放假尚未公布")));
}

}  // namespace
}  // namespace civicmesh
