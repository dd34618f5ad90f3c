// civicctl topics on a real broker. The topics are the installation's own, with as many shards as other tests give theirs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "services/civicctl/call_for_tests.h"
#include "services/civicctl/topics.h"

namespace civicmesh::civicctl {
namespace {

using testing::HasSubstr;

std::string Broker() {
  const char* broker = std::getenv("CIVICMESH_TEST_BROKER");
  EXPECT_NE(broker, nullptr) << "CIVICMESH_TEST_BROKER is not set: tests/run sets it";
  return broker ? broker : "";
}

TEST(TopicsBrokerTest, CreatedTopicsPassTheCheck) {
  const std::string kafka = "--kafka=" + Broker();
  const Called made = Call(TopicsCommand(), {"topics", "create", kafka, "--shards=8"});
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("civicmesh.dispatch.journal.v1"));
  EXPECT_THAT(made.out, HasSubstr("civicmesh.reference.journal.v1"));
  const Called checked = Call(TopicsCommand(), {"topics", "check", kafka, "--shards=8"});
  EXPECT_EQ(checked.code, 0) << checked.err;
  const Called other = Call(TopicsCommand(), {"topics", "check", kafka, "--shards=9"});
  EXPECT_EQ(other.code, 1);
  EXPECT_THAT(other.err, HasSubstr("civicmesh.dispatch.journal.v1 has 8 partitions, must have 9"));
  EXPECT_EQ(Call(TopicsCommand(), {"topics", "create", kafka, "--shards=8"}).code, 0);
}

TEST(TopicsBrokerTest, SaysThatNobodyAnswers) {
  const Called nobody = Call(TopicsCommand(), {"topics", "check", "--kafka=127.0.0.1:1"});
  EXPECT_EQ(nobody.code, 1);
  EXPECT_THAT(nobody.err, HasSubstr("127.0.0.1:1 does not answer"));
}

}  // namespace
}  // namespace civicmesh::civicctl
