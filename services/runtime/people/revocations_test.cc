#include "services/runtime/people/revocations.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "civicmesh/reference/v1/reference.pb.h"

namespace civicmesh {
namespace {

constexpr int64_t kNoonMs = 1'794'974'400'000;  // 2026-11-18 12:00, Asia/Shanghai

absl::StatusOr<std::shared_ptr<const Revocations>> Make(const std::string& entries) {
  reference::v1::Revocations message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString("version: '1' " + entries, &message)) << entries;
  return Revocations::Make(message);
}

TEST(RevocationsTest, OneTokenOrThoseOfASubjectIssuedBefore) {
  const auto list = *Make(
      "revocations {token_id: 't-1'} revocations {subject: 'lost' issued_before: '2026-11-18T12:00:00+08:00'} "
      "revocations {subject: 'gone'}");
  EXPECT_TRUE(list->Revoked("anybody", "t-1", kNoonMs));
  EXPECT_FALSE(list->Revoked("anybody", "t-2", kNoonMs));
  EXPECT_FALSE(list->Revoked("anybody", "", kNoonMs));
  EXPECT_TRUE(list->Revoked("lost", "t-2", kNoonMs - 1));
  EXPECT_FALSE(list->Revoked("lost", "t-2", kNoonMs));
  EXPECT_TRUE(list->Revoked("lost", "t-2", 0)) << "it does not say when it was issued";
  EXPECT_TRUE(list->Revoked("gone", "", kNoonMs * 2));
}

TEST(RevocationsTest, RefusesWhatSaysNothing) {
  EXPECT_FALSE(Make("revocations {}").ok());
  EXPECT_FALSE(Make("revocations {token_id: 't' subject: 's'}").ok());
  EXPECT_FALSE(Make("revocations {subject: 's' issued_before: 'noon'}").ok());
  EXPECT_FALSE(Revocations::Make(reference::v1::Revocations()).ok());
}

}  // namespace
}  // namespace civicmesh
