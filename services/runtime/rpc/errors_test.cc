#include "services/runtime/rpc/errors.h"

#include <gtest/gtest.h>

#include "civicmesh/options/v1/options.pb.h"
#include "civicmesh/runtime/v1/runtime.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace civicmesh {
namespace {

template <typename T>
std::vector<T> Details(const grpc::Status& status) {
  google::rpc::Status rich;
  EXPECT_TRUE(rich.ParseFromString(status.error_details()));
  EXPECT_EQ(rich.code(), status.error_code());
  EXPECT_EQ(rich.message(), status.error_message());
  std::vector<T> found;
  for (const auto& detail : rich.details())
    if (T one; detail.UnpackTo(&one)) found.push_back(one);
  return found;
}

TEST(Errors, CarryReasonTextsFieldAndRetry) {
  const grpc::Status status =
      ErrorOf(Refuse(runtime::v1::REASON_BAD_REQUEST_ID, "request_id", "it is empty"), absl::Milliseconds(1500));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "request_id must be a UUIDv7: it is empty");
  const auto info = Details<google::rpc::ErrorInfo>(status);
  ASSERT_EQ(info.size(), 1u);
  EXPECT_EQ(info[0].reason(), "REASON_BAD_REQUEST_ID");
  EXPECT_EQ(info[0].domain(), "runtime");
  EXPECT_EQ(info[0].metadata().at("detail"), "it is empty");
  const auto bad = Details<google::rpc::BadRequest>(status);
  ASSERT_EQ(bad.size(), 1u);
  EXPECT_EQ(bad[0].field_violations(0).field(), "request_id");
  const auto retry = Details<google::rpc::RetryInfo>(status);
  ASSERT_EQ(retry.size(), 1u);
  EXPECT_EQ(retry[0].retry_delay().seconds(), 1);
  EXPECT_EQ(retry[0].retry_delay().nanos(), 500000000);
  const auto texts = Details<google::rpc::LocalizedMessage>(status);
  ASSERT_EQ(texts.size(), 2u);
  EXPECT_EQ(texts[0].locale(), "zh-CN");
  EXPECT_EQ(texts[0].message(), "request_id 必须是 UUIDv7");
  EXPECT_EQ(ReasonOf(status), "REASON_BAD_REQUEST_ID");
}

TEST(Errors, PassOnAReasonThatThisProcessDoesNotKnow) {
  const grpc::Status status =
      ErrorOf({.reason = "REASON_OF_TOMORROW", .domain = "dispatch", .code = 9, .field = "", .detail = ""});
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonOf(status), "REASON_OF_TOMORROW");
  EXPECT_TRUE(Details<google::rpc::LocalizedMessage>(status).empty());
  EXPECT_TRUE(Details<google::rpc::BadRequest>(status).empty());
}

TEST(Errors, KeepOurOwnMessagesToOurselves) {
  const grpc::Status status = ErrorOf(absl::UnavailableError("redis at 10.1.2.3 went away"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(status.error_message().find("10.1.2.3"), std::string::npos);
  EXPECT_TRUE(ErrorOf(absl::OkStatus()).ok());
}

TEST(Errors, EveryRuntimeReasonHasItsTexts) {
  const auto* reasons = runtime::v1::Reason_descriptor();
  for (int i = 1; i < reasons->value_count(); ++i) {
    const auto& text = reasons->value(i)->options().GetExtension(options::v1::reason);
    EXPECT_NE(text.code(), 0) << reasons->value(i)->name();
    EXPECT_FALSE(text.zh().empty()) << reasons->value(i)->name();
    EXPECT_FALSE(text.en().empty()) << reasons->value(i)->name();
  }
}

}  // namespace
}  // namespace civicmesh
