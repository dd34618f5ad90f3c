#include "services/intake/open311_listing.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "civicmesh/intake/v1/intake_journal.pb.h"
#include "civicmesh/log/v1/log.pb.h"
#include "services/runtime/decider/typed_machine.h"
#include "services/runtime/rpc/fake_reads.h"

namespace civicmesh::intake {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class ListingTest : public testing::Test {
 protected:
  void Add(const std::string& list, int64_t at, const std::string& id, int shard = 0) {
    v1::IntakeStream stream;
    auto& context = *stream.mutable_report()->mutable_context();
    context.set_report(id);
    context.mutable_reported_at()->set_seconds(at);
    log::v1::StreamValue value;
    value.set_state(stream.SerializeAsString());
    reads_.tables[{shard, HotTable::kStreams}][id] = value.SerializeAsString();
    reads_.rows[shard].insert(Row("status", list, at * 1000, id));
  }
  std::vector<std::string> List(ListingQuery query, std::function<bool(const std::string&)> wanted = nullptr) {
    std::vector<std::string> ids;
    int answers = 0;
    ListReports(
        reads_, std::move(query),
        [&](const v1::ReportState& report) {
          if (wanted && !wanted(report.context().report())) return false;
          ids.push_back(report.context().report());
          return true;
        },
        [&](const grpc::Status& status) {
          ++answers;
          status_ = status;
        });
    EXPECT_EQ(answers, 1);
    return ids;
  }

  FakeReads reads_;
  grpc::Status status_;
};

const ListingQuery kBoth{.lists = {{"status", "A"}, {"status", "B"}}, .shards = 2, .page_size = 3};

TEST_F(ListingTest, ListsAreOneTheNewestFirst) {
  Add("A", 1, "a1");
  Add("B", 2, "b2", 1);
  Add("A", 3, "a3", 1);
  Add("B", 3, "b3");
  Add("C", 9, "c9");
  EXPECT_THAT(List(kBoth), ElementsAre("b3", "a3", "b2"));
  ListingQuery query = kBoth;
  query.page_size = 9;
  EXPECT_THAT(List(query), ElementsAre("b3", "a3", "b2", "a1"));
  query.from_ms = 2000;
  query.to_ms = 3000;
  EXPECT_THAT(List(query), ElementsAre("b2"));
  query.lists.clear();
  EXPECT_THAT(List(query), IsEmpty());
}

TEST_F(ListingTest, WhatIsNotWantedCostsNoPlace) {
  for (int i = 100; i < 300; ++i) Add(i % 2 ? "A" : "B", i, absl::StrCat("r", i));
  EXPECT_THAT(List(kBoth, [](const std::string& id) { return id < "r103"; }), ElementsAre("r102", "r101", "r100"));
}

TEST_F(ListingTest, AReportInBothListsIsListedOnce) {
  Add("A", 1, "r1");
  Add("B", 1, "r1");
  EXPECT_THAT(List(kBoth), ElementsAre("r1"));
}

TEST_F(ListingTest, ReadsSoManyRowsAndNoMore) {
  for (int i = 0; i < 3 * kMaxRows; ++i) Add("A", i, absl::StrCat("r", i));
  int looked_at = 0;
  EXPECT_THAT(List({.lists = {{"status", "A"}}, .page_size = 3}, [&](const std::string&) { return ++looked_at < 0; }),
              IsEmpty());
  EXPECT_EQ(looked_at, kMaxRows);
  EXPECT_TRUE(status_.ok());
}

// What is newer in a list that was not read on may not be skipped.
TEST_F(ListingTest, AtTheBoundNothingIsMissingInBetween) {
  for (int i = 0; i < kMaxRows; ++i) Add("A", 2 * i, absl::StrCat("a", 2 * i));
  for (int i = 0; i < kMaxRows; ++i) Add("B", 2 * i + 1, absl::StrCat("b", 2 * i + 1));
  int64_t next = 2 * kMaxRows - 1;
  bool gap = false;
  List(kBoth, [&](const std::string& id) {
    gap |= id.substr(1) != absl::StrCat(next--);
    return false;
  });
  EXPECT_FALSE(gap);
  EXPECT_LT(next, kMaxRows + 100);
}

TEST_F(ListingTest, WhatCannotBeReadIsSaid) {
  Add("A", 1, "r1");
  reads_.verified = false;
  EXPECT_THAT(List(kBoth), IsEmpty());
  EXPECT_EQ(status_.error_code(), grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace civicmesh::intake
