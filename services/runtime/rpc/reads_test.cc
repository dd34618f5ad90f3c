#include "services/runtime/rpc/reads.h"

#include <gtest/gtest.h>

#include "civicmesh/log/v1/log.pb.h"
#include "services/runtime/decider/typed_machine.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/fake_reads.h"

namespace civicmesh {
namespace {

class ReadsTest : public testing::Test {
 protected:
  void Put(int shard, const std::string& stream, const std::string& state) {
    log::v1::StreamValue value;
    value.set_state(state);
    value.set_version(4);
    reads_.tables[{shard, HotTable::kStreams}][stream] = value.SerializeAsString();
  }
  void PutRow(int shard, const std::string& unit, int64_t at, const std::string& stream) {
    Put(shard, stream, "state of " + stream);
    reads_.rows[shard].insert(Row("unit", unit, at, stream));
  }
  StreamResult Get(const std::string& stream) {
    StreamResult got;
    ReadStream(reads_, 1, stream, [&](StreamResult r) { got = std::move(r); });
    return got;
  }
  ListResult List(ListQuery query) {
    query.index = "unit";
    if (query.value.empty()) query.value = "u1";
    query.shards = 3;
    ListResult got;
    ListRows(reads_, query, [&](ListResult r) { got = std::move(r); });
    return got;
  }
  std::vector<std::string> AllPages(ListQuery query) {
    std::vector<std::string> all;
    for (int pages = 0; pages < 20; ++pages) {
      ListResult page = List(query);
      EXPECT_TRUE(page.status.ok()) << page.status.error_message();
      for (auto& [stream, state] : page.entries) {
        EXPECT_EQ(state, "state of " + stream);
        all.push_back(stream);
      }
      query.page_token = page.next_page_token;
      if (query.page_token.empty()) return all;
    }
    ADD_FAILURE() << "the pages do not end";
    return all;
  }

  FakeReads reads_;
};

TEST_F(ReadsTest, AStreamIsThereOrNotOrUnknown) {
  Put(1, "c-1", "open");
  EXPECT_EQ(Get("c-1").state, "open");
  EXPECT_EQ(Get("c-1").version, 4u);
  EXPECT_EQ(Get("c-2").status.error_code(), grpc::StatusCode::NOT_FOUND);
  reads_.verified = false;
  EXPECT_EQ(Get("c-2").status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Get("c-1").status.error_code(), grpc::StatusCode::UNAVAILABLE);
  reads_.verified = true;
  reads_.failure = absl::UnavailableError("gone");
  EXPECT_EQ(Get("c-1").status.error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ReadsTest, ListsMergeTheShardsInOrderPageByPage) {
  PutRow(0, "u1", 300, "c");
  PutRow(1, "u1", 100, "a");
  PutRow(2, "u1", 200, "b");
  PutRow(0, "u1", 400, "d1");
  PutRow(1, "u1", 400, "d2");
  PutRow(2, "u10", 1, "other");
  PutRow(2, "u", 1, "another");
  const std::vector<std::string> upwards{"a", "b", "c", "d1", "d2"}, downwards{"d2", "d1", "c", "b", "a"};
  for (int page_size : {1, 2, 3, 5, 0}) {
    EXPECT_EQ(AllPages({.page_size = page_size}), upwards) << page_size;
    EXPECT_EQ(AllPages({.descending = true, .page_size = page_size}), downwards) << page_size;
    EXPECT_EQ(AllPages({.from_ms = 200, .to_ms = 400, .page_size = page_size}), (std::vector<std::string>{"b", "c"}));
  }
  EXPECT_EQ(AllPages({.only_shard = 0}), (std::vector<std::string>{"c", "d1"}));
}

TEST_F(ReadsTest, ATokenBelongsToItsQuestion) {
  PutRow(0, "u1", 1, "a");
  PutRow(1, "u1", 2, "b");
  const std::string token = List({.page_size = 1}).next_page_token;
  ASSERT_FALSE(token.empty());
  EXPECT_TRUE(List({.page_token = token}).status.ok());
  for (const ListQuery& other :
       {ListQuery{.value = "u2", .page_token = token}, ListQuery{.descending = true, .page_token = token},
        ListQuery{.page_token = "x" + token}, ListQuery{.page_token = "?"}}) {
    const ListResult refused = List(other);
    EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(ReasonOf(refused.status), "REASON_BAD_PAGE_TOKEN");
  }
  EXPECT_EQ(List({.page_size = -1}).status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(List({.value = "u1\x1f"
                           "5"})
                .status.error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ReadsTest, OneShardThatIsNotVerifiedSpoilsTheList) {
  PutRow(0, "u1", 1, "a");
  reads_.verified = false;
  EXPECT_EQ(List({}).status.error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ReadsTest, WhatLeftMeanwhileIsLeftOut) {
  PutRow(0, "u1", 1, "a");
  reads_.rows[0].insert(Row("unit", "u1", 2, "gone"));
  EXPECT_EQ(AllPages({}), std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace civicmesh
