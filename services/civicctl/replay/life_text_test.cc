#include "services/civicctl/replay/life_text.h"

#include "absl/strings/str_join.h"
#include "civicmesh/points/v1/points_events.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/runtime/workcalendar/calendar_for_tests.h"

namespace civicmesh::civicctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
namespace dv1 = dispatch::v1;
namespace iv1 = intake::v1;

void SetTime(const std::string& at, google::protobuf::Timestamp* to) { to->set_seconds(absl::ToUnixSeconds(At(at))); }

template <typename Fact>
PublicFact Happened(const std::string& at, const std::string& actor, Fact fact = {}) {
  fact.mutable_context()->set_actor(actor);
  return {.type = Fact::descriptor()->full_name(),
          .bytes = fact.SerializeAsString(),
          .time_ms = absl::ToUnixMillis(At(at))};
}

reference::v1::District District() {
  reference::v1::District district;
  auto* unit = district.add_units();
  unit->set_id("u-roads");
  unit->set_name_zh("市政中心");
  unit->set_name_en("Roads Centre");
  return district;
}

reference::v1::Roster Roster() {
  reference::v1::Roster roster;
  auto* worker = roster.add_members();
  worker->set_subject("roads-01");
  worker->set_name_zh("林予安");
  auto* post = worker->add_posts();
  post->set_role("UNIT_WORKER");
  post->set_unit("u-roads");
  return roster;
}

// Registered on the last afternoon before the National Day holiday, given back for ten minutes, closed in time.
Life ReturnedOnce() {
  Life life;
  life.report.set_source_id("s0001");
  life.report.set_name("reports/r-1");
  life.answering.set_name("cases/c-1");
  auto* clock = life.answering.add_clocks();
  clock->set_kind(dv1::CLOCK_KIND_DISPOSAL);
  clock->set_phase(dv1::Clock::PHASE_STOPPED);
  clock->set_limit_text("4工作时");
  SetTime("2026-09-30 16:30", clock->mutable_started_at());
  SetTime("2026-10-08 10:40", clock->mutable_due_at());
  SetTime("2026-10-08 09:00", clock->mutable_stopped_at());
  dv1::CaseReturned returned;
  returned.set_duty_entry("duty-09");
  returned.set_cited_unit("u-roads");
  dv1::CaseReturnJudged judged;
  judged.set_verdict(dv1::RETURN_VERDICT_WRONGFUL);
  life.facts = {Happened<iv1::ReportSubmitted>("2026-09-30 16:00", "p-token"),
                Happened<dv1::CaseSigned>("2026-09-30 16:40", "roads-01"),
                Happened("2026-09-30 17:00", "roads-01", returned),
                Happened("2026-09-30 17:10", "dispatcher-09", judged),
                Happened<dv1::CaseBecameOverdue>("2026-10-08 12:00", "timer")};
  return life;
}

std::string Told(const Life& life, Language language) {
  const auto district = District();
  const auto roster = Roster();
  return absl::StrJoin(TellLife(life, {district, roster, Calendar2026()}, language), "\n");
}

TEST(TellLife, SaysWhoDidWhatWhenAndHowTheDeadlineWasCounted) {
  const std::string text = Told(ReturnedOnce(), Language::kChinese);
  EXPECT_THAT(text, HasSubstr("2026-09-30 16:40:00  签收　市政中心处置人员 林予安 (roads-01)"));
  EXPECT_THAT(text, HasSubstr("引用责任清单 duty-09，认为应由 市政中心"));
  EXPECT_THAT(text, HasSubstr("不成立，原单位继续处置"));
  EXPECT_THAT(text, HasSubstr("超期　系统（到时）"));
  EXPECT_THAT(text, HasSubstr("处置  2026-09-30 16:30:00  2026-10-08 10:40:00  2026-10-08 09:00:00  按时"));
  EXPECT_THAT(text, HasSubstr("9月30日（周三）17:00至9月30日（周三）17:10，暂停计时"));
  EXPECT_THAT(text, HasSubstr("节假日，不计"));
  EXPECT_THAT(text, HasSubstr("截止：2026年10月8日（周四）10:40"));
}

TEST(TellLife, InEnglishToo) {
  const std::string text = Told(ReturnedOnce(), Language::kEnglish);
  EXPECT_THAT(text, HasSubstr("signed by the unit  by Roads Centre unit worker 林予安 (roads-01)"));
  EXPECT_THAT(text, HasSubstr("wrongful: the unit goes on"));
  EXPECT_THAT(text, HasSubstr("due 2026-10-08 10:40:00"));
  EXPECT_THAT(text, Not(HasSubstr("截止")));
}

TEST(TellLife, AReportThatNobodyHasTakenUp) {
  Life life;
  life.report.set_source_id("s0002");
  life.facts = {Happened<iv1::ReportSubmitted>("2026-09-30 16:00", "anonymous")};
  const std::string text = Told(life, Language::kChinese);
  EXPECT_THAT(text, HasSubstr("匿名上报人"));
  EXPECT_THAT(text, HasSubstr("没有把握，由受理员选定"));
  EXPECT_THAT(text, Not(HasSubstr("处置时限怎样计算")));
}

TEST(CountInEnglish, WorkingHoursLeaveOutTheHolidayAndThePause) {
  const std::vector<WorkCalendar::Pause> pauses{{At("2026-09-30 17:00"), At("2026-09-30 17:10")}};
  EXPECT_THAT(CountInEnglish(Calendar2026(), At("2026-09-30 16:30"), *ParseTimeLimit("4工作时"), pauses),
              ElementsAre("limit 4工作时 from 2026-09-30 16:30:00: only working time counts",
                          "paused from 2026-09-30 17:00:00 to 2026-09-30 17:10:00", "Wed 30 Sep: 1 h 20 min",
                          "Thu 01 Oct: a day off, not counted", "Fri 02 Oct: a day off, not counted",
                          "Sat 03 Oct: a day off, not counted", "Sun 04 Oct: a day off, not counted",
                          "Mon 05 Oct: a day off, not counted", "Tue 06 Oct: a day off, not counted",
                          "Wed 07 Oct: a day off, not counted", "Thu 08 Oct: 2 h 40 min", "due 2026-10-08 10:40:00"));
}

TEST(CountInEnglish, AroundTheClockAndPastTheCalendar) {
  EXPECT_THAT(CountInEnglish(Calendar2026(), At("2026-10-01 23:00"), *ParseTimeLimit("2紧急工作时"), {}),
              ElementsAre("limit 2紧急工作时 from 2026-10-01 23:00:00: around the clock", "due 2026-10-02 01:00:00"));
  EXPECT_THAT(CountInEnglish(Calendar2026(), At("2026-12-31 17:00"), *ParseTimeLimit("4工作时"), {}).back(),
              HasSubstr("provisional: the calendar counts up to"));
}

}  // namespace
}  // namespace civicmesh::civicctl
