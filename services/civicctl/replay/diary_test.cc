#include "services/civicctl/replay/diary.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/civicctl/files.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/base/names.h"

namespace civicmesh::civicctl {
namespace {

using testing::HasSubstr;

const Diary::MadeOf kMadeOf = {{"input", "a1"}, {"seed", "b2"}};
const Dice kDice("civicmesh");
constexpr int kShards = 8;

absl::Time Minute(int minute) { return absl::FromUnixMillis(1'790'000'000'000) + absl::Minutes(minute); }

class DiaryTest : public testing::Test {
 protected:
  DiaryTest() { std::filesystem::create_directories(folder_); }
  ~DiaryTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Diary> Open(int minute) const { return Diary::Open(path_, kMadeOf, Minute(minute)).value(); }

  const std::string folder_ =
      absl::StrCat(testing::TempDir(), "/diary-", testing::UnitTest::GetInstance()->current_test_info()->name());
  const std::string path_ = folder_ + "/replay.diary";
};

TEST_F(DiaryTest, RemembersAnswersAndWhatIsFinished) {
  const grpc::Status refused(grpc::StatusCode::FAILED_PRECONDITION, "not now,\nnot so", std::string("\0\xff", 2));
  {
    auto diary = Open(0);
    EXPECT_FALSE(diary->goes_on());
    diary->Answered("submit", grpc::Status::OK, std::string("r-1\n\0 x", 7));
    diary->Answered("two words", refused, "");
    diary->Finished("s0001/1 locate");
  }
  auto diary = Open(1);
  EXPECT_TRUE(diary->goes_on());
  EXPECT_EQ(diary->answers(), 2);
  ASSERT_NE(diary->Find("submit"), nullptr);
  EXPECT_TRUE(diary->Find("submit")->status.ok());
  EXPECT_EQ(diary->Find("submit")->bytes, std::string("r-1\n\0 x", 7));
  ASSERT_NE(diary->Find("two words"), nullptr);
  EXPECT_EQ(diary->Find("two words")->status.error_code(), refused.error_code());
  EXPECT_EQ(diary->Find("two words")->status.error_message(), refused.error_message());
  EXPECT_EQ(diary->Find("two words")->status.error_details(), refused.error_details());
  EXPECT_EQ(diary->Find("never"), nullptr);
  EXPECT_TRUE(diary->finished("s0001/1 locate"));
  EXPECT_FALSE(diary->finished("s0001/2"));
}

TEST_F(DiaryTest, WhatWasAskedBeforeIsAskedUnderTheSameId) {
  std::string first;
  {
    auto diary = Open(0);
    first = diary->RequestId(kDice, "s0001/0-submit", kShards);
    EXPECT_EQ(first, kDice.RequestId(Minute(0), "s0001/0-submit"));
    diary->Asked(first);
  }
  auto diary = Open(100);
  EXPECT_EQ(diary->RequestId(kDice, "s0001/0-submit", kShards), first);
  EXPECT_EQ(diary->RequestId(kDice, "s0002/0-submit", kShards), kDice.RequestId(Minute(0), "s0002/0-submit"));
  EXPECT_EQ(diary->unanswered_since(), Minute(0));
  diary->Answered(first, grpc::Status::OK, "");
  diary.reset();
  EXPECT_EQ(Open(200)->unanswered_since(), absl::InfiniteFuture());
}

TEST_F(DiaryTest, AfterADayIdsAreNewAndLieInTheSameShards) {
  constexpr int kDay = 24 * 60;
  const std::string asked = kDice.RequestId(Minute(0), "asked");
  Open(0)->Asked(asked);
  std::string next_day;
  {
    auto diary = Open(kDay);
    EXPECT_EQ(diary->RequestId(kDice, "asked", kShards), asked);
    next_day = diary->RequestId(kDice, "a0", kShards);
    diary->Asked(next_day);
  }
  auto diary = Open(2 * kDay);
  EXPECT_EQ(diary->RequestId(kDice, "a0", kShards), next_day);
  for (int i = 0; i < 20; ++i) {
    const std::string action = absl::StrCat("a", i), id = diary->RequestId(kDice, action, kShards);
    EXPECT_EQ(UuidV7Time(id), absl::ToUnixMillis(Minute(i == 0 ? kDay : 2 * kDay)));
    EXPECT_EQ(ShardOf(id, kShards), ShardOf(kDice.RequestId(Minute(0), action), kShards));
    EXPECT_EQ(id, diary->RequestId(kDice, action, kShards));
  }
}

TEST_F(DiaryTest, HalfALineSaysNothing) {
  {
    auto diary = Open(0);
    diary->Answered("whole", grpc::Status::OK, "x");
    diary->Answered("half", grpc::Status::OK, "y");
  }
  const std::string text = ReadFile(path_).value();
  ASSERT_TRUE(WriteFile(path_, text.substr(0, text.size() - 2)).ok());
  {
    auto diary = Open(1);
    EXPECT_NE(diary->Find("whole"), nullptr);
    EXPECT_EQ(diary->Find("half"), nullptr);
    diary->Answered("half", grpc::Status::OK, "z");
  }
  EXPECT_EQ(Open(2)->Find("half")->bytes, "z");
}

TEST_F(DiaryTest, IsOfUseOnlyToTheSameReplay) {
  Open(0);
  const auto other = Diary::Open(path_, {{"input", "a1"}, {"seed", "c3"}}, Minute(1)).status();
  EXPECT_EQ(other.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(other.message()), HasSubstr("it had another seed"));
  ASSERT_TRUE(WriteFile(path_, "{}\n").ok());
  EXPECT_EQ(Diary::Open(path_, kMadeOf, Minute(1)).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(Diary::Open(folder_ + "/missing/diary", kMadeOf, Minute(1)).ok());
}

TEST_F(DiaryTest, WithoutAPathNothingIsKept) {
  auto diary = Diary::Open("", kMadeOf, Minute(0)).value();
  diary->Answered("submit", grpc::Status::OK, "x");
  EXPECT_TRUE(diary->Sound().ok());
  EXPECT_FALSE(Diary::Open("", kMadeOf, Minute(1)).value()->goes_on());
}

}  // namespace
}  // namespace civicmesh::civicctl
