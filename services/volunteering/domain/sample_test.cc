// The sample's activities, as deploy/sample/volunteering.jsonl tells them, run through the rules: everyone who was let
// in is let in, everyone refused is refused for that reason, and the minutes and absences come out as written.
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "civicmesh/volunteering/v1/volunteering_journal.pb.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "services/runtime/decider/given_when_then.h"
#include "services/runtime/decider/posts_for_tests.h"
#include "services/volunteering/domain/common.h"
#include "services/volunteering/domain/names.h"
#include "services/volunteering/domain/shard.h"

namespace civicmesh::volunteering {
namespace {

using Json = nlohmann::json;

absl::Time TimeOf(const Json& text) {
  absl::Time time;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text.get<std::string>(), &time, nullptr)) << text;
  return time;
}

v1::AgeBand BandOf(const Json& signup) {
  const int age = signup.value("age", 30);
  return age < 12   ? v1::AGE_BAND_UNDER_12
         : age < 14 ? v1::AGE_BAND_FROM_12
         : age < 16 ? v1::AGE_BAND_FROM_14
         : age < 18 ? v1::AGE_BAND_FROM_16
                    : v1::AGE_BAND_ADULT;
}

// One activity of the file in a shard of its own.
class Told {
 public:
  explicit Told(const Json& line)
      : line_(line), organiser_{.subject = line["organiser"], .posts = Posts({"ORGANISER"})} {}

  void Run() {
    Publish();
    struct Step {
      absl::Time at;
      std::string kind;
      Json signup;
    };
    std::vector<Step> steps;
    for (const Json& signup : line_["signups"]) {
      steps.push_back({TimeOf(signup["at"]), "sign_up", signup});
      if (signup.contains("check_in")) steps.push_back({TimeOf(signup["check_in"]), "check_in", signup});
      if (signup.contains("check_out")) steps.push_back({TimeOf(signup["check_out"]), "check_out", signup});
    }
    std::stable_sort(steps.begin(), steps.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
    for (const Step& step : steps) Take(step.kind, step.at, step.signup);
    for (const Json& signup : line_["signups"]) Confirm(signup);
    Compare();
  }

 private:
  static std::string Token(const Json& signup) { return "p-" + signup["person"].get<std::string>(); }
  std::string RecordOf(const Json& signup) const { return ServiceRecordName({id_, Token(signup)}); }

  // The reason of a refusal; "" for none.
  std::string Do(v1::Command command, const std::string& token, const ActorView& actor, absl::Time at) {
    command.set_caller_token(token);
    std::string text;
    google::protobuf::TextFormat::PrintToString(command, &text);
    const auto happening =
        shard_.Run({.kind = gwt::Step::Kind::kCommand, .text = text, .at = at, .actor = actor, .stream = ""});
    EXPECT_EQ(happening.broken, "") << line_["id"] << text;
    return happening.reason;
  }

  void Publish() {
    v1::Command command;
    auto& publish = *command.mutable_publish_activity();
    publish.set_title_zh(line_["title_zh"]);
    publish.set_place_zh(line_["place_zh"]);
    publish.mutable_location()->set_latitude(line_["latitude"]);
    publish.mutable_location()->set_longitude(line_["longitude"]);
    *publish.mutable_starts_at() = ToTimestamp(absl::ToUnixMillis(TimeOf(line_["starts_at"])));
    *publish.mutable_ends_at() = ToTimestamp(absl::ToUnixMillis(TimeOf(line_["ends_at"])));
    publish.set_capacity(line_["capacity"]);
    publish.set_minimum_age(line_["minimum_age"]);
    publish.set_risks_zh(line_["risks_zh"]);
    publish.set_insured(line_["insured"]);
    publish.set_personal_danger(line_["insured"]);
    EXPECT_EQ(Do(command, "p-o", organiser_, TimeOf(line_["published_at"])), "");
    ASSERT_EQ(shard_.resources().size(), 1u);
    id_ = shard_.resources()[0];
  }

  void Take(const std::string& kind, absl::Time at, const Json& signup) {
    v1::Command command;
    if (kind == "sign_up") {
      command.mutable_sign_up()->set_name(ActivityName(id_));
      command.mutable_sign_up()->set_age_band(BandOf(signup));
      command.mutable_sign_up()->set_guardian_consent(signup.value("guardian_consent", false));
    } else if (kind == "check_in") {
      command.mutable_check_in()->set_name(RecordOf(signup));
    } else {
      command.mutable_check_out()->set_name(RecordOf(signup));
    }
    const std::string refused = kind == "sign_up" && signup.contains("refused")
                                    ? "REASON_" + signup["refused"].get<std::string>()
                                    : std::string();
    EXPECT_EQ(Do(command, Token(signup), {.subject = signup["person"], .posts = Posts({"CITIZEN"})}, at), refused)
        << line_["id"] << kind << signup;
  }

  void Confirm(const Json& signup) {
    if (!signup.contains("minutes")) return;
    v1::Command command;
    command.mutable_confirm_service()->set_name(RecordOf(signup));
    command.mutable_confirm_service()->set_minutes(signup["minutes"]);
    EXPECT_EQ(Do(command, "p-o", organiser_, TimeOf(line_["ends_at"]) + absl::Hours(2)), "") << line_["id"] << signup;
  }

  void Compare() {
    v1::ActivityState state;
    ASSERT_TRUE(state.ParseFromString(shard_.machine().Save(id_)));
    for (const Json& signup : line_["signups"]) {
      const v1::Participant* p = FindParticipant(state, Token(signup));
      ASSERT_EQ(p == nullptr, signup.contains("refused")) << line_["id"] << signup;
      if (!p) continue;
      EXPECT_EQ(p->status(), signup.value("absent", false) ? v1::SERVICE_STATUS_ABSENT : v1::SERVICE_STATUS_CONFIRMED);
      EXPECT_EQ(p->recorded_minutes(), signup.value("minutes", 0)) << line_["id"] << signup;
    }
  }

  const Json line_;
  const ActorView organiser_;
  gwt::References references_;
  gwt::Shard shard_{MakeShard(0), v1::JournalEvent::default_instance(), v1::Command::default_instance(), &references_};
  std::string id_;
};

TEST(SampleTest, EveryActivityHappensAsItIsTold) {
  std::ifstream file(VOLUNTEERING_SAMPLE);
  int activities = 0;
  for (std::string line; std::getline(file, line); ++activities) Told(Json::parse(line)).Run();
  EXPECT_GE(activities, 10);
}

}  // namespace
}  // namespace civicmesh::volunteering
