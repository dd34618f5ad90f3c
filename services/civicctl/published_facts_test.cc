#include "services/civicctl/published_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "services/civicctl/canonical.h"
#include "services/runtime/journal/memory_journal.h"

namespace civicmesh::civicctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kType[] = "civicmesh.dispatch.v1.CaseUrged";
constexpr char kSubject[] = "cases/c-1";

class PublishedFactsTest : public testing::Test {
 protected:
  void Publish(const std::string& id, const std::string& bytes = "") {
    ASSERT_TRUE(
        door_->Append({Topic::kEvents, 0}, bytes, {{"ce_id", id}, {"ce_type", kType}, {"ce_subject", kSubject}}).ok());
  }
  std::vector<std::string> Compare(std::vector<std::pair<int64_t, int>> said, int64_t until = 100) {
    std::map<std::pair<int64_t, int>, std::string> facts;
    for (const auto& id : said) facts[id] = FactHash(kType, kSubject, "");
    auto lines = CompareFacts(journal_, "toy", 0, facts, until);
    EXPECT_TRUE(lines.ok()) << lines.status();
    return lines.value_or(std::vector<std::string>());
  }

  MemoryLog log_{1, [] { return int64_t{1}; }};
  MemoryJournal journal_{&log_};
  std::unique_ptr<LogAppender> door_ = journal_.NewAppender();
};

TEST_F(PublishedFactsTest, RepeatedFactsAreFine) {
  for (const char* id : {"toy/0/5/0", "toy/0/5/1", "toy/0/5/0", "toy/0/5/1", "toy/0/7/0"}) Publish(id);
  EXPECT_THAT(Compare({{5, 0}, {5, 1}, {7, 0}}), IsEmpty());
}

TEST_F(PublishedFactsTest, WhatIsMissingTooMuchOrOutOfOrderIsNamed) {
  for (const char* id : {"toy/0/7/0", "toy/0/5/0", "toy/0/9/0", "other/0/1/0"}) Publish(id);
  EXPECT_THAT(Compare({{5, 0}, {7, 0}, {8, 0}}), ElementsAre("fact 5/0: published after a later one",
                                                             "fact 9/0: published, does not follow from the journal",
                                                             "event at 3: \"other/0/1/0\" is no id of this shard",
                                                             "fact 8/0: follows from the journal, not published"));
}

TEST_F(PublishedFactsTest, WhatSaysSomethingElseIsNamed) {
  dispatch::v1::CaseUrged other;
  other.mutable_context()->set_case_("cases/c-2");
  Publish("toy/0/5/0", other.SerializeAsString());
  EXPECT_THAT(Compare({{5, 0}}), ElementsAre(HasSubstr("published otherwise")));
}

TEST_F(PublishedFactsTest, WhatWasPublishedSinceIsNotJudged) {
  for (const char* id : {"toy/0/5/0", "toy/0/9/0"}) Publish(id);
  EXPECT_THAT(Compare({{5, 0}}, /*until=*/9), IsEmpty());
}

// The same maps, written in another order.
TEST(CanonicalTest, TheOrderOfMapsDoesNotMatter) {
  dispatch::v1::CaseOpened one, other;
  auto* facts = one.add_explanations()->mutable_facts();
  auto* same = other.add_explanations()->mutable_facts();
  for (int i = 0; i < 50; ++i) {
    (*facts)[absl::StrCat(i)] = "x";
    (*same)[absl::StrCat(49 - i)] = "x";
  }
  EXPECT_EQ(FactHash("civicmesh.dispatch.v1.CaseOpened", "c", one.SerializeAsString()),
            FactHash("civicmesh.dispatch.v1.CaseOpened", "c", other.SerializeAsString()));
  (*same)["1"] = "y";
  EXPECT_NE(FactHash("civicmesh.dispatch.v1.CaseOpened", "c", one.SerializeAsString()),
            FactHash("civicmesh.dispatch.v1.CaseOpened", "c", other.SerializeAsString()));
}

}  // namespace
}  // namespace civicmesh::civicctl
