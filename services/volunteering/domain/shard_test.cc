// What lists and snapshots see of an activity, what is published, and what stops the shard.
#include "services/volunteering/domain/shard.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "civicmesh/volunteering/v1/volunteering_journal.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/volunteering/domain/evolve.h"
#include "services/volunteering/domain/names.h"
#include "services/volunteering/domain/text.h"

namespace civicmesh::volunteering {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class ShardTest : public testing::Test {
 protected:
  absl::Status Fold(const v1::JournalEvent& event) {
    return shard_->Evolve({.stream = "v-1", .version = ++version_, .now_ms = 1}, event.SerializeAsString());
  }
  void Publish() {
    v1::JournalEvent event;
    auto& published = *event.mutable_activity_published();
    published.mutable_context()->set_activity("activities/v-1");
    published.mutable_context()->set_organiser("o");
    published.mutable_context()->mutable_starts_at()->set_seconds(7);
    ASSERT_TRUE(Fold(event).ok());
  }
  void SignUp(const std::string& token, int signed_up) {
    v1::JournalEvent event;
    event.mutable_volunteer_signed_up()->set_volunteer_token(token);
    event.mutable_volunteer_signed_up()->mutable_context()->set_signed_up(signed_up);
    ASSERT_TRUE(Fold(event).ok());
  }
  void Cancel(const std::string& token, int signed_up) {
    v1::JournalEvent event;
    event.mutable_sign_up_cancelled()->set_volunteer_token(token);
    event.mutable_sign_up_cancelled()->mutable_context()->set_signed_up(signed_up);
    ASSERT_TRUE(Fold(event).ok());
  }
  v1::ActivityState State() {
    v1::ActivityState state;
    EXPECT_TRUE(state.ParseFromString(shard_->Save("v-1")));
    return state;
  }

  std::unique_ptr<Machine> shard_ = MakeShard(0);
  uint64_t version_ = 0;
};

TEST_F(ShardTest, ListsFindAnActivity) {
  Publish();
  SignUp("p-1", 1);
  EXPECT_THAT(shard_->Rows("v-1"), testing::UnorderedElementsAre("open\x1f\x1f"
                                                                 "000000000007000\x1fv-1",
                                                                 "organiser\x1fo\x1f"
                                                                 "000000000007000\x1fv-1",
                                                                 "volunteer\x1fp-1\x1f"
                                                                 "000000000007000\x1fv-1"));
  v1::JournalEvent ended;
  ended.mutable_activity_ended();
  ASSERT_TRUE(Fold(ended).ok());
  EXPECT_THAT(shard_->Rows("v-1"), Not(Contains(HasSubstr("open"))));
  EXPECT_EQ(shard_->Rows("v-1").size(), 2u);
}

TEST_F(ShardTest, KeepsABoundedNumberOfCancelledSignUps) {
  Publish();
  SignUp("p-stays", 1);
  for (int i = 0; i <= kCancelledKept; ++i) SignUp(absl::StrCat("p-", i), i + 2);
  Cancel("p-1", 101);  // cancels first, so it is the one forgotten
  for (int i = 0; i <= kCancelledKept; ++i)
    if (i != 1) Cancel(absl::StrCat("p-", i), 100 - i);
  const v1::ActivityState state = State();
  EXPECT_EQ(state.participants_size(), kCancelledKept + 1);
  EXPECT_THAT(shard_->Rows("v-1"), Not(Contains(HasSubstr("p-1\x1f"))));
  EXPECT_THAT(shard_->Rows("v-1"), Contains(HasSubstr("p-0\x1f")));
  EXPECT_THAT(shard_->Rows("v-1"), Contains(HasSubstr("p-stays\x1f")));
}

TEST_F(ShardTest, SigningUpAgainLeavesOneRecord) {
  Publish();
  SignUp("p-1", 1);
  Cancel("p-1", 0);
  SignUp("p-1", 1);
  ASSERT_EQ(State().participants_size(), 1);
  EXPECT_EQ(State().participants(0).status(), v1::SERVICE_STATUS_SIGNED_UP);
  EXPECT_FALSE(State().participants(0).has_cancelled_at());
}

TEST_F(ShardTest, PublishesFactsButNotItsOwnTimers) {
  v1::JournalEvent event;
  event.mutable_volunteer_absent()->set_volunteer_token("p-1");
  event.set_age_band(v1::AGE_BAND_FROM_12);
  auto facts = shard_->Publish({.stream = "v-1", .version = 1, .now_ms = 1}, event.SerializeAsString());
  ASSERT_TRUE(facts.ok());
  ASSERT_EQ(facts->size(), 1u);
  EXPECT_EQ((*facts)[0].type, "civicmesh.volunteering.v1.VolunteerAbsent");
  EXPECT_EQ((*facts)[0].subject, "activities/v-1");
  EXPECT_EQ((*facts)[0].bytes, event.volunteer_absent().SerializeAsString());

  event.mutable_activity_ended();
  facts = shard_->Publish({.stream = "v-1", .version = 1, .now_ms = 1}, event.SerializeAsString());
  ASSERT_TRUE(facts.ok());
  EXPECT_TRUE(facts->empty());
}

TEST_F(ShardTest, StopsAtWhatItDoesNotKnow) {
  EXPECT_EQ(Fold(v1::JournalEvent()).code(), absl::StatusCode::kDataLoss);
  Publish();
  v1::JournalEvent event;
  event.mutable_volunteer_checked_in()->set_volunteer_token("p-nobody");
  EXPECT_EQ(Fold(event).code(), absl::StatusCode::kDataLoss);
}

TEST(NamesTest, GoThereAndBack) {
  EXPECT_EQ(ActivityStream(ActivityName("v-1")), "v-1");
  EXPECT_EQ(ActivityStream("activities/v-1/serviceRecords/p-1"), "");
  EXPECT_EQ(ActivityStream("cases/c-1"), "");
  EXPECT_EQ(ActivityStream("activities/"), "");
  const auto record = ParseRecordName(ServiceRecordName({"v-1", "p-1"}));
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->stream, "v-1");
  EXPECT_EQ(record->volunteer_token, "p-1");
  for (const char* no : {"", "activities/v-1", "activities/v-1/serviceRecords/", "activities//serviceRecords/p-1",
                         "activities/v-1/serviceRecords/p-1/x"})
    EXPECT_FALSE(ParseRecordName(no).has_value()) << no;
}

TEST(TextTest, FindsNumbersThatLookPersonal) {
  for (const char* yes : {"电话13812345678", "138 1234 5678", "138-1234-5678", "１３８１２３４５６７８", "0571-8712345",
                          "330106199001011234", "a@b.example"})
    EXPECT_TRUE(MayNamePerson(yes)) << yes;
  for (const char* no :
       {"9月18日 07:00-09:00", "2026-09-18", "2026-09-18 2026-09-20", "12号楼3单元", "99010100", "12345热线"})
    EXPECT_EQ(MayNamePerson(no), std::string(no) == "99010100") << no;
}

TEST(TextTest, CountsCharacters) {
  EXPECT_TRUE(HasLength("望湖路", 3, 3));
  EXPECT_TRUE(HasLength(" 望湖路 ", 3, 3));
  EXPECT_FALSE(HasLength("望湖路口", 1, 3));
  EXPECT_FALSE(HasLength("  ", 1, 3));
}

}  // namespace
}  // namespace civicmesh::volunteering
