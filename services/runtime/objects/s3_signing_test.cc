#include "services/runtime/objects/s3_signing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"

namespace civicmesh {
namespace {

using testing::HasSubstr;

// The login and the time of the examples in the S3 API's reference.
const S3Login kLogin{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
const absl::Time kThen = absl::FromCivil(absl::CivilSecond(2013, 5, 24), absl::UTCTimeZone());

TEST(S3Signing, SignsTheReferencesExample) {
  const std::string url = PresignedUrl({"https://examplebucket.s3.amazonaws.com"}, kLogin, "GET", "/test.txt", {},
                                       absl::Seconds(86400), kThen);
  EXPECT_EQ(url,
            "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
            "AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires="
            "86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
            "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

// There is no example with headers in the reference; this is what botocore makes of them.
TEST(S3Signing, SignsHeadersToo) {
  const std::string url =
      PresignedUrl({"https://examplebucket.s3.amazonaws.com"}, kLogin, "PUT", "/test.txt", {}, absl::Seconds(86400),
                   kThen, {{"x-amz-meta-made-by", "us  two"}, {"content-type", "text/plain"}});
  EXPECT_THAT(url, HasSubstr("&X-Amz-SignedHeaders=content-type%3Bhost%3Bx-amz-meta-made-by&X-Amz-Signature="
                             "e43ef240fb5e96e70f5b6870707d4262052a13fb9bfd4f7da070ac15fa8f2a72"));
}

TEST(S3Signing, ParametersAndPathsAreEncoded) {
  const std::string url =
      PresignedUrl({"http://h:1"}, kLogin, "GET", "/b/a b+c", {{"prefix", "raw/ü&"}}, absl::Seconds(60), kThen);
  EXPECT_THAT(url, HasSubstr("http://h:1/b/a%20b%2Bc?"));
  EXPECT_THAT(url, HasSubstr("&prefix=raw%2F%C3%BC%26&"));
}

TEST(S3Signing, AFormTakesOneFileOfThatSizeAndType) {
  const S3Form form =
      PresignedForm({"http://h:1"}, kLogin, "bucket", "raw/u-1", "image/png", 1234, absl::Minutes(15), kThen);
  EXPECT_EQ(form.url, "http://h:1/bucket");
  EXPECT_EQ(form.fields.at("key"), "raw/u-1");
  std::string policy;
  ASSERT_TRUE(absl::Base64Unescape(form.fields.at("policy"), &policy));
  const auto parsed = nlohmann::json::parse(policy);
  EXPECT_EQ(parsed["expiration"], "2013-05-24T00:15:00Z");
  const auto& conditions = parsed["conditions"];
  for (const nlohmann::json& wanted :
       {nlohmann::json{{"bucket", "bucket"}}, nlohmann::json{{"key", "raw/u-1"}},
        nlohmann::json{{"Content-Type", "image/png"}}, nlohmann::json{"content-length-range", 1234, 1234}})
    EXPECT_NE(std::find(conditions.begin(), conditions.end(), wanted), conditions.end()) << wanted;
}

TEST(S3Signing, ALoginIsAKeyAndASecret) {
  EXPECT_EQ(ParseS3Login("key:se:cret")->secret, "se:cret");
  for (const char* wrong : {"", "key", "key:", ":secret"}) EXPECT_FALSE(ParseS3Login(wrong).ok()) << wrong;
}

}  // namespace
}  // namespace civicmesh
