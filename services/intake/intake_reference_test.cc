// What intake makes of reference data, and refuses. The others' tables use the rest of it.
#include "services/intake/intake_reference.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>

#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "services/intake/domain/notice_words.h"

namespace civicmesh::intake {
namespace {

reference::v1::Notices Sample() {
  std::ifstream file(CIVICMESH_SOURCE_DIR "/deploy/sample/notices.json");
  reference::v1::Notices notices;
  const auto parsed =
      google::protobuf::util::JsonStringToMessage(std::string(std::istreambuf_iterator<char>(file), {}), &notices);
  EXPECT_TRUE(parsed.ok()) << parsed.ToString();
  return notices;
}

absl::StatusOr<std::shared_ptr<const void>> Parsed(const reference::v1::Notices& notices) {
  return ReferenceParsers().at(kNotices)(notices.SerializeAsString());
}

TEST(IntakeReferenceTest, TheSamplesNoticesHold) {
  const auto notices = Sample();
  EXPECT_TRUE(CheckEveryKind(notices).ok()) << CheckEveryKind(notices);
  const auto parsed = Parsed(notices);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  v1::NoticeState notice;
  notice.set_kind(v1::NOTICE_KIND_POINTS);
  notice.set_points(5);
  EXPECT_NE(static_cast<const NoticeWords*>(parsed->get())->Say(notice).zh.find("5"), std::string::npos);
}

TEST(IntakeReferenceTest, TheSampleHasWordsForEveryGround) {
  std::set<std::string> found, all;
  const auto notices = Sample();
  for (const auto& words : notices.decline_words()) found.insert("DECLINE_GROUND_" + words.ground());
  const auto* grounds = dispatch::v1::DeclineGround_descriptor();
  for (int i = 0; i < grounds->value_count(); ++i) all.insert(grounds->value(i)->name());
  EXPECT_EQ(found, all);
}

TEST(IntakeReferenceTest, NoticesThatCannotBeSaidAreRefused) {
  auto notices = Sample();
  notices.mutable_templates(0)->clear_text_zh();
  EXPECT_TRUE(absl::IsInvalidArgument(Parsed(notices).status()));
  notices = Sample();
  notices.mutable_decline_words(0)->set_ground("ELSEWHERE");
  EXPECT_EQ(Parsed(notices).status().message(), "decline_words ELSEWHERE: there is no such ground");
  EXPECT_TRUE(absl::IsInvalidArgument(ReferenceParsers().at(kNotices)("\xff").status()));
}

}  // namespace
}  // namespace civicmesh::intake
