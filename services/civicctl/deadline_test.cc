#include "services/civicctl/deadline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

namespace civicmesh::civicctl {
namespace {

struct Ran {
  int code;
  std::string out, err;
  std::string LastLine() const { return out.substr(out.rfind('\n', out.size() - 2) + 1); }
};

Ran Call(std::vector<std::string> args) {
  const std::vector<Command> commands = {DeadlineCommand()};
  std::ostringstream out, err;
  const int code = RunCommand(commands, args, out, err);
  return {code, out.str(), err.str()};
}

TEST(Deadline, CountsOverTheNationalDay) {
  const Ran ran = Call({"deadline", "--from", "2026-09-30T16:30:00+08:00", "--limit", "4工作时"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.LastLine(), "2026-10-08T10:30:00+08:00\n");
  EXPECT_THAT(ran.out, testing::HasSubstr("10月1日（周四）至10月7日（周三）：节假日，不计"));
}

TEST(Deadline, TimesOfAnotherZoneAreTheSameInstant) {
  const Ran ran = Call({"deadline", "--from=2026-09-30T08:30:00Z", "--limit=4工作时"});
  EXPECT_EQ(ran.LastLine(), "2026-10-08T10:30:00+08:00\n");
}

TEST(Deadline, IsProvisionalPastTheCalendar) {
  const Ran ran = Call({"deadline", "--from", "2026-12-31T16:30:00+08:00", "--limit", "2工作日"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.LastLine(), testing::StartsWith("PROVISIONAL "));
  EXPECT_GT(ran.LastLine().size(), std::string("PROVISIONAL \n").size());
}

TEST(Deadline, SaysWhatIsWrong) {
  Ran ran = Call({"deadline", "--from", "yesterday", "--limit", "4工作时"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, testing::HasSubstr("write it as 2026-09-30T16:30:00+08:00"));
  ran = Call({"deadline", "--from", "2026-09-30T08:30:00Z", "--limit", "4日"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, testing::HasSubstr("4日"));
  ran = Call({"deadline", "--from", "2026-09-30T08:30:00Z", "--limit", "1工作日", "--calendar", "/nowhere"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, testing::HasSubstr("/nowhere"));
}

TEST(Command, TellsAWrongCallFromAFailure) {
  EXPECT_EQ(Call({"deadline", "--from", "2026-09-30T08:30:00Z"}).code, 2);
  EXPECT_EQ(Call({"dedline"}).code, 2);
  EXPECT_EQ(Call({"deadline", "--kafka=x", "--from", "2026-09-30T08:30:00Z", "--limit", "1工作日"}).code, 2);
}

TEST(Command, HelpNamesEveryCommandAndItsOptions) {
  EXPECT_THAT(Call({}).out, testing::HasSubstr("count when a time limit"));
  EXPECT_THAT(Call({"help"}).out, testing::HasSubstr("deadline"));
  EXPECT_THAT(Call({"help", "deadline"}).out, testing::HasSubstr("--limit"));
  EXPECT_EQ(Call({"deadline", "--help"}).code, 0);
}

}  // namespace
}  // namespace civicmesh::civicctl
