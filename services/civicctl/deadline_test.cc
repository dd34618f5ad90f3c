#include "services/civicctl/deadline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "services/civicctl/call_for_tests.h"

namespace civicmesh::civicctl {
namespace {

Called Deadline(std::vector<std::string> args) { return Call(DeadlineCommand(), std::move(args)); }

TEST(DeadlineTest, CountsOverTheNationalDay) {
  const Called ran = Deadline({"deadline", "--from", "2026-09-30T16:30:00+08:00", "--limit", "4工作时"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.LastLine(), "2026-10-08T10:30:00+08:00\n");
  EXPECT_THAT(ran.out, testing::HasSubstr("10月1日（周四）至10月7日（周三）：节假日，不计"));
}

TEST(DeadlineTest, TimesOfAnotherZoneAreTheSameInstant) {
  const Called ran = Deadline({"deadline", "--from=2026-09-30T08:30:00Z", "--limit=4工作时"});
  EXPECT_EQ(ran.LastLine(), "2026-10-08T10:30:00+08:00\n");
}

TEST(DeadlineTest, IsProvisionalPastTheCalendar) {
  const Called ran = Deadline({"deadline", "--from", "2026-12-31T16:30:00+08:00", "--limit", "2工作日"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.LastLine(), testing::StartsWith("PROVISIONAL "));
  EXPECT_GT(ran.LastLine().size(), std::string("PROVISIONAL \n").size());
}

TEST(DeadlineTest, SaysWhatIsWrong) {
  Called ran = Deadline({"deadline", "--from", "yesterday", "--limit", "4工作时"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, testing::HasSubstr("write it as 2026-09-30T16:30:00+08:00"));
  ran = Deadline({"deadline", "--from", "2026-09-30T08:30:00Z", "--limit", "4日"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, testing::HasSubstr("4日"));
  ran = Deadline({"deadline", "--from", "2026-09-30T08:30:00Z", "--limit", "1工作日", "--calendar", "/nowhere"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, testing::HasSubstr("/nowhere"));
}

TEST(CommandTest, TellsAWrongCallFromAFailure) {
  EXPECT_EQ(Deadline({"deadline", "--from", "2026-09-30T08:30:00Z"}).code, 2);
  EXPECT_EQ(Deadline({"dedline"}).code, 2);
  EXPECT_THAT(Deadline({"dedline"}).err, testing::HasSubstr("no command dedline"));
  EXPECT_EQ(Deadline({""}).code, 2);
  EXPECT_EQ(Deadline({"deadline", "--kafka=x", "--from", "2026-09-30T08:30:00Z", "--limit", "1工作日"}).code, 2);
}

TEST(CommandTest, HelpNamesEveryCommandAndItsOptions) {
  EXPECT_THAT(Deadline({}).out, testing::HasSubstr("count when a time limit"));
  EXPECT_THAT(Deadline({"help"}).out, testing::HasSubstr("deadline"));
  EXPECT_THAT(Deadline({"help", "deadline"}).out, testing::HasSubstr("--limit"));
  EXPECT_EQ(Deadline({"deadline", "--help"}).code, 0);
}

}  // namespace
}  // namespace civicmesh::civicctl
