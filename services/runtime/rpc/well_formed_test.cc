#include "services/runtime/rpc/well_formed.h"

#include <gtest/gtest.h>

#include <limits>

#include "civicmesh/reference/v1/reference.pb.h"
#include "civicmesh/runtime/v1/control_service.pb.h"
#include "civicmesh/type/v1/type.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "services/runtime/rpc/errors.h"

namespace civicmesh {
namespace {

// The field that is refused, "" where none is.
std::string Wrong(const google::protobuf::Message& request) {
  const grpc::Status status = CheckWellFormed(request);
  if (status.ok()) return "";
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), "REASON_INVALID_ARGUMENT");
  google::rpc::Status rich;
  google::rpc::BadRequest bad;
  EXPECT_TRUE(rich.ParseFromString(status.error_details()));
  for (const auto& detail : rich.details()) detail.UnpackTo(&bad);
  return bad.field_violations_size() == 1 ? bad.field_violations(0).field() : "no field";
}

runtime::v1::ActivateReferenceRequest Good() {
  runtime::v1::ActivateReferenceRequest request;
  request.set_service("intake");
  request.set_kind("standard");
  request.set_version("2026-01");
  request.set_sha256(std::string(32, '\0'));
  request.mutable_valid_from()->set_seconds(1);
  return request;
}

TEST(WellFormedTest, AnIdIsShortPrintableAndNobodysNumber) {
  EXPECT_EQ(Wrong(Good()), "");
  EXPECT_EQ(Wrong(runtime::v1::ActivateReferenceRequest()), "");
  for (const std::string& version :
       {std::string(129, 'x'), std::string("a b"), std::string("a\x01"), std::string("2026\n"), std::string("版"),
        std::string("../../etc"), std::string("a/./b"), std::string("13800000058"),
        std::string("33010219900101000X")}) {
    auto request = Good();
    request.set_version(version);
    EXPECT_EQ(Wrong(request), "version") << version;
  }
  auto longest = Good();
  longest.set_version(std::string(128, 'x'));
  EXPECT_EQ(Wrong(longest), "");
}

TEST(WellFormedTest, TimesNumbersAndValuesAreSuch) {
  for (const auto& [seconds, nanos] : {std::pair(int64_t{253'402'300'800}, 0),
                                       {-62'135'596'801, 0},
                                       {std::numeric_limits<int64_t>::max(), 0},
                                       {1, -1},
                                       {1, 1'000'000'000}}) {
    auto request = Good();
    request.mutable_valid_from()->set_seconds(seconds);
    request.mutable_valid_from()->set_nanos(nanos);
    EXPECT_EQ(Wrong(request), "valid_from") << seconds << " " << nanos;
  }
  type::v1::GeoPoint at;
  for (double number : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    at.set_longitude(number);
    EXPECT_EQ(Wrong(at), "longitude");
  }
  type::v1::Attachment photo;
  photo.set_sha256(std::string(65, 's'));
  EXPECT_EQ(Wrong(photo), "sha256");
  photo.clear_sha256();
  photo.set_kind(static_cast<type::v1::Attachment::Kind>(99));
  EXPECT_EQ(Wrong(photo), "kind");
}

TEST(WellFormedTest, AnObjectKeyIsNoAddressAndNobodysNumber) {
  type::v1::Attachment photo;
  for (const char* uri : {"https://elsewhere.example/p", "p/../q", "p/13800000058", "p 1"}) {
    photo.set_uri(uri);
    EXPECT_EQ(Wrong(photo), "uri") << uri;
  }
  // Eleven digits within a random name are nobody's.
  photo.set_uri("p/ab-13800000058-cd");
  EXPECT_EQ(Wrong(photo), "");
}

TEST(WellFormedTest, ListsHaveAnEndAndEachElementIsLookedAt) {
  reference::v1::Roster roster;
  for (int i = 0; i < 200; ++i) roster.add_members()->set_subject("s");
  EXPECT_EQ(Wrong(roster), "");
  roster.mutable_members(7)->set_subject("a b");
  EXPECT_EQ(Wrong(roster), "members[7].subject");
  roster.add_members();
  EXPECT_EQ(Wrong(roster), "members");
}

TEST(WellFormedTest, WhatThisReleaseDoesNotKnowIsRefused) {
  auto request = Good();
  request.GetReflection()->MutableUnknownFields(&request)->AddVarint(99, 1);
  EXPECT_EQ(Wrong(request), "99");
  request = Good();
  auto* time = request.mutable_valid_from();
  time->GetReflection()->MutableUnknownFields(time)->AddLengthDelimited(7, "13800000058");
  EXPECT_EQ(Wrong(request), "valid_from.7");
}

}  // namespace
}  // namespace civicmesh
