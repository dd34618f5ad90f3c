#include "services/runtime/people/agency_quotas.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "civicmesh/reference/v1/quotas.pb.h"

namespace civicmesh {
namespace {

absl::StatusOr<std::shared_ptr<const AgencyQuotas>> Make(const std::string& entries) {
  reference::v1::AgencyQuotas message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString("version: '1' " + entries, &message)) << entries;
  return AgencyQuotas::Make(message);
}

TEST(AgencyQuotasTest, WhoIsNotNamedHasWhatAllHave) {
  const auto list = *Make("quotas {subject: 'cameras' per_minute: 9000}");
  EXPECT_EQ(list->PerMinute("cameras", 60), 9000);
  EXPECT_EQ(list->PerMinute("others", 60), 60);
}

TEST(AgencyQuotasTest, RefusesWhatSaysNothing) {
  EXPECT_FALSE(AgencyQuotas::Make(reference::v1::AgencyQuotas()).ok());
  for (const char* wrong : {"quotas {per_minute: 5}", "quotas {subject: 'a'}", "quotas {subject: 'a' per_minute: -1}",
                            "quotas {subject: 'a' per_minute: 1000001}",
                            "quotas {subject: 'a' per_minute: 1} quotas {subject: 'a' per_minute: 2}"})
    EXPECT_FALSE(Make(wrong).ok()) << wrong;
}

}  // namespace
}  // namespace civicmesh
